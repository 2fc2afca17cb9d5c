# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The checks that every host has unless ``vigil_default_checks`` is false. An inventory changes them by their names."""

from __future__ import annotations

from typing import Any

_MACHINE: dict[str, Any] = {"interval": 30, "tags": ["machine"], "ready": False}

# A host that is short of something still serves: none of these takes it out of /health/ready.
DEFAULT_CHECKS: tuple[dict[str, Any], ...] = (
    {"name": "disks", "kind": "disk", "description": "room and inodes of every file system, none read-only by accident", **_MACHINE},
    {"name": "memory", "kind": "memory", "description": "memory for new work, and nobody killed for want of it", **_MACHINE},
    {"name": "load", "kind": "load", "description": "the machine keeps up with its work", **_MACHINE},
    {"name": "clock", "kind": "clock", "description": "the clock is right, and somebody keeps it so", **_MACHINE},
    {"name": "units", "kind": "systemd", "failed_units": True, "description": "no unit of systemd has failed", **_MACHINE},
)
