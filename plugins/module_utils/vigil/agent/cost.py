# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the agent costs: its own processor time and memory."""

from __future__ import annotations

import os
from dataclasses import dataclass


@dataclass(frozen=True)
class Cost:
    """Processor seconds, children that ended included; bytes of memory; open descriptors."""

    cpu: float = 0.0
    memory: int = 0
    descriptors: int = 0


def cost() -> Cost:
    """Read the cost so far. What cannot be read is 0."""
    spent = os.times()
    return Cost(spent.user + spent.system + spent.children_user + spent.children_system, _memory(), _descriptors())


def _memory() -> int:
    try:
        with open("/proc/self/statm", "rb") as handle:
            return int(handle.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except (OSError, ValueError, IndexError):
        return 0


def _descriptors() -> int:
    try:
        return len(os.listdir("/proc/self/fd"))
    except OSError:
        return 0
