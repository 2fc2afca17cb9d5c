# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""psutil: what single processes use. Debian 12 has 5.9, Debian 13 has 7.0."""

from __future__ import annotations

import os
from collections.abc import Collection
from typing import Any

from ..kind import Package
from .library import load

PSUTIL = Package("psutil", "python3-psutil", "python3-psutil")
THREADS, MEMORY, CPU, DESCRIPTORS = "threads", "memory", "cpu", "descriptors"
_LIMIT = b"Max open files"


class Processes:
    """The library, loaded. Raises CannotTell where it is missing."""

    def __init__(self) -> None:
        self._psutil: Any = load(PSUTIL)

    def ram(self) -> int:
        """Return the machine's memory in bytes."""
        return int(self._psutil.virtual_memory().total)

    def usage(self, pid: int, wanted: Collection[str]) -> dict[str, float | None] | None:
        """Return threads, memory (resident bytes), cpu (seconds so far) and descriptors (% of its own limit), those that are wanted.

        None where the process is gone; a value is None where it may not be read.
        """
        try:
            process = self._psutil.Process(pid)
            with process.oneshot():
                return {name: self._one(process, name) for name in wanted}
        except (self._psutil.NoSuchProcess, ProcessLookupError):
            return None

    def _one(self, process: Any, name: str) -> float | None:
        try:
            return float(getattr(self, f"_{name}")(process))
        except (self._psutil.AccessDenied, PermissionError):
            return None

    def _threads(self, process: Any) -> float:
        return float(process.num_threads())

    def _memory(self, process: Any) -> float:
        return float(process.memory_info().rss)

    def _cpu(self, process: Any) -> float:
        times = process.cpu_times()
        return float(times.user + times.system)

    def _descriptors(self, process: Any) -> float:
        """Since Linux 6.2 the folder's size is the number of descriptors, without listing it and for everybody."""
        limit = _soft_limit(process.pid)
        counted = os.stat(f"/proc/{process.pid}/fd").st_size or process.num_fds()
        return 100.0 * counted / limit if limit else 0.0


def _soft_limit(pid: int) -> int:
    """Return how many files a process may open, 0 for no limit. Everybody may read it, other than by prlimit(2)."""
    with open(f"/proc/{pid}/limits", "rb") as handle:
        line = next((line for line in handle if line.startswith(_LIMIT)), b"")
    soft = line[len(_LIMIT):].split()[0] if line else b"unlimited"
    return int(soft) if soft.isdigit() else 0
