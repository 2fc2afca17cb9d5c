# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The checks that every host has unless ``vigil_default_checks`` is false. An inventory changes them by their names."""

from __future__ import annotations

from typing import Any

DEFAULT_CHECKS: tuple[dict[str, Any], ...] = (
    {"name": "load", "kind": "load", "interval": 30, "tags": ["machine"], "ready": False, "description": "it keeps up with its work"},
)
