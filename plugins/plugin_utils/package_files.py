# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The package's own files, as they are shipped to a host."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from ansible_collections.vigil.monitoring.plugins.module_utils import vigil

ROOT = Path(vigil.__file__).parent


@cache
def package_files(parts: tuple[str, ...]) -> dict[str, str]:
    """Return the text of the modules at the top of the package and of ``parts`` below it, by path from the package's parent."""
    paths = [*ROOT.glob("*.py"), *(path for part in parts for path in (ROOT / part).rglob("*.py"))]
    return {f"vigil/{path.relative_to(ROOT).as_posix()}": path.read_text(encoding="utf-8") for path in sorted(paths)}
