# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One watcher in each process: a thread does not survive a fork, and web servers fork."""

from __future__ import annotations

import atexit
import os
import threading
import weakref
from collections.abc import Callable, Mapping
from typing import Any

from ..watcher import Watcher

_ALL: weakref.WeakSet[Runner] = weakref.WeakSet()


class Runner:
    """Holds the watcher of this process.

    ``make`` builds one from what an earlier one of this process remembered (or {}), ``change`` gives a running one the present checks.
    """

    def __init__(self, make: Callable[[Mapping[str, Any]], Watcher], change: Callable[[Watcher], None]) -> None:
        self._make, self._change = make, change
        self._watcher: Watcher | None = None
        self._pid = 0
        self._stale = self._stopped = False
        self.unlock()
        _ALL.add(self)

    def unlock(self) -> None:
        """Take a new lock: in a forked child, the old one may be held by a thread that is not there."""
        self._lock = threading.Lock()

    def current(self) -> Watcher:
        """Return this process's watcher, which runs unless ``stop`` was called. Never waits for a check."""
        watcher = self._watcher
        if watcher is not None and not self._stale and self._pid == os.getpid():
            return watcher
        with self._lock:
            return self._renewed()

    def start(self) -> None:
        """Begin to watch, also after ``stop``."""
        with self._lock:
            self._stale = self._stale or self._stopped
            self._stopped = False
            self._renewed()

    def stop(self, timeout: float = 2.0) -> None:
        """End the watcher of this process; what is known stays and grows old."""
        with self._lock:
            self._stopped = True
            if self._watcher is not None and self._pid == os.getpid():
                self._watcher.stop(timeout)

    def renew(self) -> None:
        """The checks have changed: a watcher that runs goes on with them."""
        with self._lock:
            if self._watcher is not None and self._pid == os.getpid() and not self._stopped:
                self._change(self._watcher)
            else:
                self._stale = True

    def _renewed(self) -> Watcher:
        """Return a watcher that is of this process and of these checks; the lock is held."""
        mine = self._pid == os.getpid()
        if self._watcher is not None and mine and not self._stale:
            return self._watcher
        saved: Mapping[str, Any] = {}
        if self._watcher is not None and mine:
            saved = self._watcher.state()
        self._stale, self._pid = False, os.getpid()
        self._watcher = self._make(saved)
        if not self._stopped:
            self._watcher.start()
        return self._watcher


def _after_fork() -> None:
    for runner in list(_ALL):
        runner.unlock()


def _at_exit() -> None:
    for runner in list(_ALL):
        runner.stop(0.5)


os.register_at_fork(after_in_child=_after_fork)
atexit.register(_at_exit)
