# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A bounded pool of threads in which one that hangs costs nobody else a turn."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import Any


class Job:
    """One piece of work. ``done`` is called in the worker's thread with what ``work`` returned, unless it was abandoned before."""

    def __init__(self, work: Callable[[], Any], done: Callable[[Any], None], begin: Callable[[], None]) -> None:
        self.work, self.done, self.begin = work, done, begin
        self.abandoned = False
        self.ended = False
        self.lock = threading.Lock()


class Pool:
    """At most ``size`` jobs at a time, in daemon threads that are made when needed, so that a hung one never keeps a program from ending.

    ``work`` must not raise. A job that overran its deadline is abandoned: its worker no longer counts, and another takes its place.
    Workers are made by the number of open jobs, not of idle workers: one that just took a job would still look idle.
    """

    def __init__(self, size: int, name: str = "check") -> None:
        self._size, self._name = size, name
        self._queue: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._workers = self._open = 0

    def submit(self, work: Callable[[], Any], done: Callable[[Any], None], begin: Callable[[], None] = lambda: None) -> Job:
        """Queue a job; ``begin`` is called when a worker takes it up: a deadline counts from there."""
        job = Job(work, done, begin)
        with self._lock:
            self._open += 1
            grow = self._workers < min(self._open, self._size)
            self._workers += grow
        self._queue.put(job)
        if grow:
            self._start()
        return job

    def abandon(self, job: Job) -> bool:
        """Give up on a running job; return whether it was still running."""
        with job.lock:
            if job.ended or job.abandoned:
                return False
            job.abandoned = True
        self._finished()
        self._start()
        return True

    def resize(self, size: int) -> None:
        """Let there be ``size`` workers from now on; those that are too many end once they have nothing to do."""
        with self._lock:
            surplus = max(0, self._workers - size)
            self._size, self._workers = size, self._workers - surplus
        for _worker in range(surplus):
            self._queue.put(None)

    def close(self) -> None:
        """Let idle workers end; jobs that run go on until they are done."""
        for _worker in range(self._workers):
            self._queue.put(None)

    def _start(self) -> None:
        threading.Thread(target=self._work, name=self._name, daemon=True).start()

    def _work(self) -> None:
        while True:
            job = self._queue.get()
            if job is None or not self._carry_out(job):
                return

    def _finished(self) -> None:
        with self._lock:
            self._open -= 1

    def _carry_out(self, job: Job) -> bool:
        """Do the job; return whether this worker still counts."""
        job.begin()
        outcome = job.work()
        with job.lock:
            job.ended = True
            if job.abandoned:
                return False
        self._finished()
        job.done(outcome)
        return True
