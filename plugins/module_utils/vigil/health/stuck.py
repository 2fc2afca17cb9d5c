# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""System calls that may never come back: a file system whose server is gone holds its caller in the kernel, where no signal reaches it."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")
_LOCK = threading.Lock()
_BUSY: dict[str, threading.Thread] = {}


class Stuck(Exception):
    """The call did not come back in time; its thread waits on, alone."""


def within(key: str, seconds: float, work: Callable[[], T]) -> T:
    """Return what ``work`` returns, or raise what it raises, within so many seconds. Raises Stuck where it takes longer.

    It runs in a daemon thread, which cannot be ended while the kernel holds it. So that a lost server costs one thread and not one
    for each look, ``key`` (a mount point, a path) is not asked again before the last thread for it came back.
    """
    outcome: list[tuple[bool, Any]] = []

    def call() -> None:
        try:
            outcome.append((True, work()))
        except Exception as error:
            outcome.append((False, error))

    thread = threading.Thread(target=call, name=f"asks {key}", daemon=True)
    with _LOCK:
        last = _BUSY.get(key)
        if last is not None and last.is_alive():
            raise Stuck(f"{key} has not come back since an earlier look")
        _BUSY[key] = thread
        thread.start()
    thread.join(max(0.0, seconds))
    if not outcome:
        raise Stuck(f"{key} did not answer within {seconds:.3g} s")
    with _LOCK:
        if _BUSY.get(key) is thread:
            del _BUSY[key]
    good, value = outcome[0]
    if not good:
        raise value
    result: T = value
    return result
