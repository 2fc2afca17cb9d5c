# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""System calls that may never come back: a file system whose server is gone holds its caller in the kernel, where no signal reaches it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")
_LOCK = threading.Lock()
_BUSY: dict[str, tuple[threading.Thread, float]] = {}


class Stuck(Exception):
    """The call did not come back in time; its thread waits on, alone."""


def within(key: str, seconds: float, work: Callable[[], T]) -> T:
    """Return what ``work`` returns, or raise what it raises, within so many seconds. Raises Stuck where it takes longer.

    It runs in a daemon thread, which cannot be ended while the kernel holds it. So that a lost server costs one thread and not one
    for each look, ``key`` (a mount point, a path) is asked by one thread at a time: others wait, and give up at once where it has been
    waiting longer than they would.
    """
    outcome: list[tuple[bool, Any]] = []

    def call() -> None:
        try:
            outcome.append((True, work()))
        except Exception as error:
            outcome.append((False, error))

    end = time.monotonic() + seconds
    thread = threading.Thread(target=call, name=f"asks {key}", daemon=True)
    while not _begin(key, thread, seconds):
        _wait(key, end)
    thread.join(max(0.0, end - time.monotonic()))
    if not outcome:
        raise Stuck(f"{key} did not answer within {seconds:.3g} s")
    good, value = outcome[0]
    if not good:
        raise value
    result: T = value
    return result


def _begin(key: str, thread: threading.Thread, seconds: float) -> bool:
    """Start the thread where no other one asks; return whether it was started."""
    with _LOCK:
        last, since = _BUSY.get(key, (None, 0.0))
        if last is not None and last.is_alive():
            if time.monotonic() - since > seconds:
                raise Stuck(f"{key} has not come back since an earlier look")
            return False
        for gone in [name for name, (one, _since) in _BUSY.items() if not one.is_alive()]:
            del _BUSY[gone]
        _BUSY[key] = (thread, time.monotonic())
        thread.start()
        return True


def _wait(key: str, end: float) -> None:
    with _LOCK:
        last = _BUSY.get(key)
    left = end - time.monotonic()
    if left <= 0:
        raise Stuck(f"{key} did not come back for somebody else who asks")
    if last:
        last[0].join(left)
