# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one file that reads and writes the passwords file with PyYAML (which ansible-core brings)."""

from __future__ import annotations

from typing import Any

from ..model import VigilError

try:
    import yaml
except ImportError:
    HAS_YAML = False
else:
    HAS_YAML = True


def load(text: bytes, path: str) -> Any:
    """Return the document of a YAML text; raise VigilError with the place where it is broken, never with its content."""
    _require()
    if text.startswith(b"$ANSIBLE_VAULT"):
        raise VigilError(f"{path} is encrypted with ansible-vault. Vigil must write to it: decrypt it, or give passwords by variables.")
    try:
        return yaml.safe_load(text)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 0
        raise VigilError(f"{path} is not valid YAML: {error.problem} in line {line}.") from None
    except (yaml.YAMLError, UnicodeDecodeError):
        raise VigilError(f"{path} is not valid YAML.") from None


def dump(document: Any) -> str:
    """Return a document as YAML, keys sorted."""
    _require()
    text: str = yaml.safe_dump(document, default_flow_style=False, allow_unicode=True, width=4096)
    return text


def _require() -> None:
    if not HAS_YAML:
        raise VigilError("The Python library PyYAML was not found on the controller. Install it beside ansible-core: pip install PyYAML")
