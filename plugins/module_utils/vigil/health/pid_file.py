# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a pid file still speaks of the process that wrote it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# The kernel counts the start in ticks of 10 ms, the file system's clock lags by as much, and the wall clock is set in between.
_SLACK = 2.0
_MOST = 64


@dataclass(frozen=True)
class PidFile:
    """What a pid file says. ``pid`` is None where it holds none; ``problem`` then says what is wrong. ``written`` is epoch seconds."""

    pid: int | None
    written: float = 0.0
    problem: str = ""


def read_pid_file(path: str) -> PidFile:
    """Read a pid file. Raises PermissionError, and OSError for what is no file."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    except (FileNotFoundError, NotADirectoryError):
        return PidFile(None, problem="is not there")
    try:
        text, written = os.read(handle, _MOST).decode(errors="replace"), os.fstat(handle).st_mtime
    finally:
        os.close(handle)
    first = text.split()[:1]
    if not first or not first[0].isascii() or not first[0].isdigit() or not 0 < int(first[0]) < 2**31:
        return PidFile(None, written, f"holds {text.strip()[:20]!r}, no process id" if text.strip() else "is empty")
    return PidFile(int(first[0]), written)


def reused(file: PidFile, start: float, started_at: float, memory: Mapping[str, Any]) -> bool:
    """Return whether the process cannot be the one that the file was written for. Pure.

    ``start`` is seconds after boot, ``started_at`` the same moment on the wall clock. Where the same file was seen before, only another
    ``start`` tells (the wall clock may have been set since); the first time, a start after the file was written. The verdict stays.
    """
    if memory.get("pid") == file.pid and memory.get("written") == file.written:
        return bool(memory.get("reused") or memory.get("start") != start)
    return started_at > file.written + _SLACK
