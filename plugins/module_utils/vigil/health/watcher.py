# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks at every check at its own interval, in the background, and keeps a snapshot of what is known."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any

from .look import stamped
from .model import FAIL, SKIPPED, UNKNOWN, Check, Result
from .pool import Job, Pool
from .round import SLACK, overrun
from .snapshot import Snapshot
from .streak import Streak, advance, apply, mask, skipped

# Look at a check with what it remembers; return its result and what it will remember. Must not raise.
Looker = Callable[[Check, Mapping[str, Any]], "tuple[Result, Mapping[str, Any]]"]
BEAT = 1.0


class _Item:
    """A check, and what the loop knows of it. Touched by the loop alone, but for ``begun``.

    ``added`` is when it came, on the monotonic clock: its start grace counts from there. ``late`` is a check that came by a reload: until
    it told something it does not make the host unready again.
    """

    def __init__(self, check: Check, saved: Mapping[str, Any], due: float, slack: float, *, late: bool = False) -> None:
        self.check, self.due, self.added, self.late = check, due, due, late
        self.allowed = check.timeout + slack
        self.memory: Mapping[str, Any] = saved.get("memory") or {}
        self.streak = Streak(**saved["streak"]) if saved.get("streak") else Streak()
        self.job: Job | None = None
        self.queued = due
        self.begun: float | None = None
        self.result: Result | None = None

    @property
    def saved(self) -> dict[str, Any]:
        """What survives a restart and a reload, as JSON values."""
        return {"memory": dict(self.memory), "streak": asdict(self.streak)}

    def grace(self, now: float) -> float:
        """Seconds of its start grace that are left."""
        return max(0.0, self.added + self.check.start_grace - now)

    def lateness(self, now: float) -> float:
        """Seconds for which its look has been due and has not begun."""
        if self.job is None:
            return now - self.due
        return now - self.queued if self.begun is None and not self.job.abandoned else 0.0

    def deadline(self) -> float | None:
        """When its running look has to be given up, on the monotonic clock."""
        if self.job is None or self.job.abandoned or self.begun is None:
            return None
        return self.begun + self.allowed


class Watcher:
    """Runs ``looker`` for each check on a bounded pool. ``saved`` is what ``state()`` returned before a restart or a reload.

    Start it with ``start()`` (a thread of its own) or call ``turn()`` from a loop of yours. ``snapshot`` may be read from any thread.
    ``slack`` says how many seconds beyond its timeout a check is waited for.
    """

    def __init__(
        self, checks: Sequence[Check], looker: Looker, *, host: str, release: str, size: int = 8, saved: Mapping[str, Any] | None = None,
        on_change: Callable[[Snapshot], None] = lambda snapshot: None, slack: Callable[[Check], float] = lambda check: SLACK,
    ) -> None:
        now = time.monotonic()
        self._checks, self._looker, self._on_change, self._slack = tuple(checks), looker, on_change, slack
        self._items = {check.name: _Item(check, (saved or {}).get(check.name, {}), now, slack(check)) for check in checks}
        self._pool = Pool(size)
        self._ended: queue.SimpleQueue[tuple[_Item, Result, Mapping[str, Any]] | None] = queue.SimpleQueue()
        self._next: queue.SimpleQueue[tuple[Check, ...]] = queue.SimpleQueue()
        self._looks, self._lag = 0, 0.0
        self._stopping = False
        self._thread: threading.Thread | None = None
        self.snapshot = Snapshot(host, release, time.time(), _shortest(checks), waiting=frozenset(self._items), beat=now)

    def start(self) -> None:
        """Begin to look, in a daemon thread."""
        self._thread = threading.Thread(target=self._run, name="watcher", daemon=True)
        self._thread.start()

    def stop(self, timeout: float = 2.0) -> None:
        """End the loop; a look that still runs is left to its own deadline."""
        self._stopping = True
        self._ended.put(None)
        self._pool.close()
        if self._thread:
            self._thread.join(timeout)

    def state(self) -> dict[str, Any]:
        """Return what has to survive a restart, as JSON values: rise and fall counts, and what kinds remember."""
        return {name: item.saved for name, item in list(self._items.items())}

    def change(self, checks: Sequence[Check], size: int) -> None:
        """Look at these checks from the next turn on. What is known of a check of the same name and kind is kept, its counts too.

        A check that is the same as before keeps its turn; one that changed is looked at now. May be called from any thread.
        """
        self._pool.resize(size)
        self._next.put(tuple(checks))
        self._ended.put(None)

    def turn(self) -> None:
        """Start what is due, wait until something ends or is due (one second at most), take in what ended, and publish."""
        changed = self._adopt()
        now = time.monotonic()
        self._lag = max([0.0, *(item.lateness(now) for item in self._items.values())])
        self._start_due(now)
        changed = self._take_ended(0.0 if changed else self._pause(time.monotonic())) or changed
        changed = self._give_up(time.monotonic()) or changed
        self._publish(changed)

    def _run(self) -> None:
        while not self._stopping:
            self.turn()

    def _adopt(self) -> bool:
        """Take over checks that were handed in since the last turn."""
        changed = False
        while not self._next.empty():
            self._checks, changed = self._next.get(), True
            now = time.monotonic()
            self._items = {check.name: _succeeding(check, self._items.get(check.name), now, self._slack(check)) for check in self._checks}
            self.snapshot = replace(self.snapshot, interval=_shortest(self._checks))
        return changed

    def _pause(self, now: float) -> float:
        moments = [item.due for item in self._items.values() if item.job is None]
        moments += [moment for moment in (item.deadline() for item in self._items.values()) if moment is not None]
        return max(0.0, min([BEAT, *(moment - now for moment in moments)]))

    def _start_due(self, now: float) -> None:
        failed = {result.name for result in self.snapshot.results if result.state == FAIL or (result.state == SKIPPED)}
        for item in self._items.values():
            if item.job is not None and item.job.abandoned and item.job.ended:
                item.job = None
            if item.due > now or item.job is not None:
                continue
            late = item.due + item.check.interval <= now
            item.due = (now if late else item.due) + item.check.interval
            culprits = sorted(failed.intersection(item.check.parents))
            if culprits:
                item.result = skipped(item.check, culprits[0], item.result)
            else:
                self._begin(item)

    def _begin(self, item: _Item) -> None:
        item.begun, item.queued = None, time.monotonic()
        memory = item.memory

        def begin() -> None:
            item.begun = time.monotonic()

        def done(outcome: tuple[Result, Mapping[str, Any]]) -> None:
            self._ended.put((item, *outcome))

        item.job = self._pool.submit(lambda: self._looker(item.check, memory), done, begin)

    def _take_ended(self, timeout: float) -> bool:
        changed = False
        while True:
            try:
                ended = self._ended.get(timeout=timeout) if timeout > 0 else self._ended.get_nowait()
            except queue.Empty:
                return changed
            if ended is None:
                return changed
            item, result, memory = ended
            timeout = 0.0
            if self._items.get(item.check.name) is item:
                item.job, item.memory = None, memory
                self._take(item, result)
                changed = True

    def _give_up(self, now: float) -> bool:
        changed = False
        for item in self._items.values():
            deadline = item.deadline()
            if deadline is not None and deadline <= now and item.job is not None and self._pool.abandon(item.job):
                self._take(item, stamped(overrun(item.check, item.allowed), at=time.time(), duration=item.allowed))
                changed = True
        return changed

    def _take(self, item: _Item, result: Result) -> None:
        # The grace is kept on the monotonic clock, and told on the clock of the result.
        grace = result.at + item.grace(time.monotonic())
        before = item.streak.state
        self._looks += 1
        item.streak = advance(item.streak, result.raw, result.at, rise=item.check.rise, fall=item.check.fall, grace_until=grace)
        item.result = apply(result, item.streak, item.check, grace_until=grace)
        if item.result.state != FAIL:
            self._hurry_children(item.check.name, (SKIPPED, FAIL) if before == FAIL else (SKIPPED,))

    def _hurry_children(self, name: str, states: tuple[str, ...]) -> None:
        """What was hidden by this check is looked at now, not an interval later."""
        for item in self._items.values():
            if name in item.check.parents and item.result is not None and item.result.state in states:
                item.due = min(item.due, time.monotonic())

    def _publish(self, changed: bool) -> None:
        now = time.monotonic()
        passed = replace(self.snapshot, at=time.time(), beat=now, lag=self._lag, looks=self._looks)
        if not changed:
            self.snapshot = passed
            return
        known = {name: item.result for name, item in self._items.items() if item.result is not None}
        shown = mask(known, self._checks)
        waiting = frozenset(name for name, item in self._items.items() if not item.late and _waits(item, shown.get(name), now))
        streaks = {name: item.streak for name, item in self._items.items()}
        self.snapshot = replace(passed, results=tuple(shown.values()), streaks=streaks, waiting=waiting)
        self._on_change(self.snapshot)


def _waits(item: _Item, shown: Result | None, now: float) -> bool:
    if shown is None:
        return True
    return shown.raw == FAIL and shown.state == UNKNOWN and item.grace(now) > 0


def _shortest(checks: Sequence[Check]) -> float:
    return min((check.interval for check in checks), default=10.0)


def _succeeding(check: Check, before: _Item | None, now: float, slack: float) -> _Item:
    """Return the item of a check after a reload: the same one, one that carries on, or a new one."""
    if before is None or before.check.kind != check.kind:
        return _Item(check, {}, now, slack, late=True)
    if before.check == check:
        return before
    item = _Item(check, before.saved, now, slack, late=before.late or before.result is not None)
    item.result, item.added = before.result and replace(before.result, tags=check.tags, ready=check.ready), before.added
    return item
