# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The loop that looks: one that hangs costs nobody else a turn, parents hide their children, counts survive."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pytest
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.look import conclude, stamped
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.model import FAIL, Check, Result
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.snapshot import Snapshot
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.thresholds import demand
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.watcher import Watcher


@dataclass
class Scripted:
    """A looker whose checks do as told: pass, fail, or hang until ``release`` is set."""

    states: dict[str, str]
    release: threading.Event = field(default_factory=threading.Event)
    looks: dict[str, int] = field(default_factory=dict)
    remembered: list[Any] = field(default_factory=list)
    ahead: float = 0.0

    def __call__(self, check: Check, memory: Mapping[str, Any]) -> tuple[Result, Mapping[str, Any]]:
        self.looks[check.name] = number = self.looks.get(check.name, 0) + 1
        self.remembered.append(memory.get("number"))
        if self.states[check.name] == "hang":
            self.release.wait(30)
        finding = demand("works", self.states[check.name] != FAIL, None, "it works", f"{check.name} {self.states[check.name]}")
        return stamped(conclude(check, [finding], {}), at=time.time() + self.ahead, duration=0.0), {"number": number}


def until(watcher: Watcher, wanted: Callable[[Snapshot], bool], seconds: float = 10.0) -> Snapshot:
    end = time.monotonic() + seconds
    while not wanted(watcher.snapshot):
        assert time.monotonic() < end, watcher.snapshot
        watcher.turn()
    return watcher.snapshot


def states(snapshot: Snapshot) -> dict[str, str]:
    return {result.name: result.state for result in snapshot.results}


def check(name: str, **options: Any) -> Check:
    return Check(name, "scripted", **{"interval": 0.1, "timeout": 0.1, **options})


def watch(looker: Scripted, *checks: Check, **options: Any) -> Watcher:
    return Watcher(checks, looker, host="web1", release="1", **options)


def test_each_check_has_a_result() -> None:
    watcher = watch(Scripted({"a": "pass", "b": "fail"}), check("a"), check("b"))
    assert not watcher.snapshot.started
    snapshot = until(watcher, lambda snapshot: snapshot.started)
    assert states(snapshot) == {"a": "pass", "b": "fail"}
    assert not snapshot.ready


def test_hung_checks_are_unknown_and_the_others_go_on() -> None:
    looker = Scripted({"h1": "hang", "h2": "hang", "h3": "hang", "a": "pass"})
    watcher = watch(looker, check("h1"), check("h2"), check("h3"), check("a"), size=2)
    snapshot = until(watcher, lambda snapshot: snapshot.started)
    assert states(snapshot) == {"h1": "unknown", "h2": "unknown", "h3": "unknown", "a": "pass"}
    until(watcher, lambda snapshot: looker.looks["a"] >= 5)
    assert (looker.looks["h1"], looker.looks["h2"]) == (1, 1)
    looker.states.update(h1="pass", h2="pass", h3="pass")
    looker.release.set()
    until(watcher, lambda snapshot: set(states(snapshot).values()) == {"pass"})


def test_children_of_a_failed_parent_are_skipped_and_come_back_at_once() -> None:
    looker = Scripted({"db": "fail", "app": "fail", "page": "fail"})
    checks = (check("db"), check("app", parents=("db",), interval=60.0), check("page", parents=("app",), interval=60.0))
    watcher = watch(looker, *checks)
    assert states(until(watcher, lambda snapshot: snapshot.started)) == {"db": "fail", "app": "skipped", "page": "skipped"}
    assert "db fails" in watcher.snapshot.results[2].summary
    looker.states.update(db="pass", app="pass", page="pass")
    until(watcher, lambda snapshot: set(states(snapshot).values()) == {"pass"}, seconds=5)


def test_counts_and_memory_survive_a_restart() -> None:
    looker = Scripted({"a": "pass"})
    first = watch(looker, check("a", fall=3))
    until(first, lambda snapshot: snapshot.started)
    looker.states["a"] = "fail"
    until(first, lambda snapshot: snapshot.streaks["a"].against == 2)
    looker.remembered.clear()
    second = watch(looker, check("a", fall=3), saved=first.state())
    assert states(until(second, lambda snapshot: snapshot.started)) == {"a": "fail"}
    assert looker.remembered[0] is not None


def test_a_failure_in_the_start_grace_is_no_failure_and_not_ready() -> None:
    looker = Scripted({"a": "fail"})
    watcher = watch(looker, check("a", start_grace=0.5))
    snapshot = until(watcher, lambda snapshot: bool(snapshot.results))
    assert (states(snapshot), snapshot.ready) == ({"a": "unknown"}, False)
    assert "still starting" in snapshot.results[0].summary
    assert states(until(watcher, lambda snapshot: snapshot.started)) == {"a": "fail"}


def test_unknown_is_ready() -> None:
    watcher = watch(Scripted({"a": "hang"}), check("a"))
    assert until(watcher, lambda snapshot: snapshot.started).ready


@pytest.mark.parametrize("size", [1, 8])
def test_the_loop_in_its_own_thread_stops(size: int) -> None:
    watcher = watch(Scripted({"a": "pass"}), check("a"), size=size)
    watcher.start()
    end = time.monotonic() + 5
    while not watcher.snapshot.started and time.monotonic() < end:
        time.sleep(0.01)
    watcher.stop()
    assert watcher.snapshot.started
    assert not any(thread.name == "watcher" for thread in threading.enumerate())


def test_new_checks_are_taken_over_and_the_old_keep_what_is_known() -> None:
    looker = Scripted({"a": "fail", "b": "pass", "gone": "pass", "new": "hang"})
    watcher = watch(looker, check("a", fall=2), check("b"), check("gone"))
    until(watcher, lambda snapshot: states(snapshot).get("a") == "fail" and snapshot.started)
    looker.remembered.clear()
    since, looks = watcher.snapshot.streaks["a"].since, dict(looker.looks)
    watcher.change((check("a", fall=5, interval=60.0, ready=False), check("b"), check("new", timeout=20.0, interval=60.0)), 2)
    snapshot = until(watcher, lambda snapshot: looker.looks.get("new") == 1 and looker.looks["a"] == looks["a"] + 1)
    assert states(snapshot) == {"a": "fail", "b": "pass"}
    assert snapshot.streaks["a"].since == since
    assert snapshot.ready, "a check that came by a reload and has told nothing does not take the host away"
    assert snapshot.interval == 0.1
    assert looks["a"] in looker.remembered
    looker.release.set()
    assert states(until(watcher, lambda snapshot: "new" in states(snapshot)))["new"] == "pass"


def test_a_look_that_ends_after_its_check_was_changed_does_not_count() -> None:
    looker = Scripted({"a": "hang"})
    watcher = watch(looker, check("a", timeout=20.0, interval=60.0))
    until(watcher, lambda snapshot: looker.looks.get("a") == 1)
    watcher.change((Check("a", "other", interval=60.0, timeout=20.0),), 8)
    until(watcher, lambda snapshot: looker.looks.get("a") == 2)
    looker.release.set()
    snapshot = until(watcher, lambda snapshot: bool(snapshot.results))
    watcher.turn()
    assert (snapshot.looks, watcher.snapshot.looks, snapshot.results[0].kind) == (1, 1, "other")


def test_the_start_grace_does_not_follow_a_wall_clock_that_jumps() -> None:
    watcher = watch(Scripted({"a": "fail"}, ahead=600.0), check("a", start_grace=60.0))
    snapshot = until(watcher, lambda snapshot: bool(snapshot.results))
    assert (states(snapshot), snapshot.started) == ({"a": "unknown"}, False)
    assert "60 s of grace" in snapshot.results[0].summary


def test_what_waits_for_a_worker_is_the_lag() -> None:
    looker = Scripted({"h": "hang", "a": "pass"})
    watcher = watch(looker, check("h", timeout=20.0, interval=60.0), check("a", interval=60.0), size=1)
    assert until(watcher, lambda snapshot: snapshot.lag > 0.2).lag < 5
    looker.release.set()
    until(watcher, lambda snapshot: snapshot.started)
    watcher.turn()
    assert watcher.snapshot.lag == 0
