# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A file name for any host name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.certificates.names import safe_name
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.plain import plain

DOCUMENTATION = r"""
---
name: safe_name
short_description: A file name for any host name
version_added: 0.1.0
description: Returns an ordinary name as it is and percent-encodes every other one, so that two names never give the same file.
options:
  _input:
    description: The name.
    type: str
    required: true
author:
  - The Vigil team (@vigil-monitoring)
"""

EXAMPLES = r"""
# web%201
folder: "{{ 'web 1' | vigil.monitoring.safe_name }}"
"""

RETURN = r"""
_value:
  description: The file name.
  type: str
"""


def _filter(name: Any) -> str:
    return safe_name(str(plain(name)))


class FilterModule:
    """What ansible loads."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by name."""
        return {"safe_name": _filter}
