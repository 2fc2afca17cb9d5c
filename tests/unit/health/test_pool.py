# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The pool: bounded, and a hung job costs nobody a turn."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.pool import Pool

PATIENCE = 5.0


@pytest.fixture
def release() -> Iterator[threading.Event]:
    event = threading.Event()
    yield event
    event.set()


def test_never_more_at_a_time_than_its_size() -> None:
    pool, lock, most, busy = Pool(3), threading.Lock(), [0], [0]
    full, done = threading.Barrier(3, timeout=PATIENCE), threading.Semaphore(0)

    def work() -> None:
        with lock:
            busy[0] += 1
            most[0] = max(most[0], busy[0])
        full.wait()
        with lock:
            busy[0] -= 1

    for _job in range(12):
        pool.submit(work, lambda outcome: done.release())
    assert all(done.acquire(timeout=PATIENCE) for _job in range(12))
    assert most[0] == 3
    pool.close()


def test_a_job_gets_a_worker_of_its_own_beside_a_hung_one(release: threading.Event) -> None:
    # Repeated, for a worker that just took the hung job may still be on its way.
    for _time in range(50):
        pool, done = Pool(2), threading.Event()
        pool.submit(lambda: None, lambda outcome, done=done: done.set())  # type: ignore[misc]
        assert done.wait(PATIENCE)
        pool.submit(release.wait, lambda outcome: None)
        quick = threading.Event()
        pool.submit(lambda: None, lambda outcome, quick=quick: quick.set())  # type: ignore[misc]
        assert quick.wait(PATIENCE)
        pool.close()


def test_an_abandoned_job_makes_room_and_its_outcome_is_dropped(release: threading.Event) -> None:
    pool, begun, outcomes, after = Pool(1), threading.Event(), [], threading.Event()
    hung = pool.submit(lambda: release.wait() and 1, outcomes.append, begun.set)
    pool.submit(lambda: 2, lambda outcome: (outcomes.append(outcome), after.set()))
    assert begun.wait(PATIENCE)
    assert not after.is_set()
    assert pool.abandon(hung)
    assert not pool.abandon(hung)
    assert after.wait(PATIENCE)
    release.set()
    last = threading.Event()
    pool.submit(lambda: 3, lambda outcome: (outcomes.append(outcome), last.set()))
    assert last.wait(PATIENCE)
    assert outcomes == [2, 3]
    pool.close()


def test_a_job_that_ended_cannot_be_abandoned() -> None:
    pool, done = Pool(1), threading.Event()
    job = pool.submit(lambda: None, lambda outcome: done.set())
    assert done.wait(PATIENCE)
    assert not pool.abandon(job)
    pool.close()


def test_no_thread_is_left_when_closed() -> None:
    pool, done = Pool(4, name="left over"), threading.Semaphore(0)
    for _job in range(8):
        pool.submit(lambda: None, lambda outcome: done.release())
    assert all(done.acquire(timeout=PATIENCE) for _job in range(8))
    workers = [thread for thread in threading.enumerate() if thread.name == "left over"]
    assert 1 <= len(workers) <= 4
    pool.close()
    for thread in workers:
        thread.join(PATIENCE)
    assert not any(thread.is_alive() for thread in workers)
