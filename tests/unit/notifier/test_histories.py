# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Random histories of alerts, tries, crashes and hours: what was accepted is never lost, and goes twice only after a crash."""

from __future__ import annotations

import shutil
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.notifier import journal, upkeep
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.notifier.channel import Channel, Message, Outcome, Wire
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.notifier.config import Config
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.notifier.courier import Courier, Office
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.notifier.database import Database
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.notifier.model import Alert, Post, Rate, Retry, Route, Rung, Target
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.notifier.plan import plan
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

POST = Post("main", "probe", rate=Rate(6, 60), recipient_rate=Rate(4, 60), retry=Retry(2, 30, 300))
ROUTE = Route("all", targets=(Target("main", ("a", "b")),), escalation="oncall")
RUNGS = (Rung(40, Target("main", ("boss",))), Rung(80, Target("main", ("a",))))


class Killed(BaseException):
    """The process ends here."""


class World:
    """A notifier without threads: its clock goes when told to, its channel does what the history says next."""

    def __init__(self, folder: str) -> None:
        self.path, self.now, self.outcomes = f"{folder}/journal.db", 1_000_000.0, ["sent"]
        self.sent: list[tuple[str, str]] = []
        self.unsure = 0
        self.accepted: set[str] = set()
        self.config = Config(self.path, "/t", {"main": POST}, (ROUTE,), escalations={"oncall": RUNGS}, group_wait=0.0)
        self.open()

    def open(self) -> None:
        self.database = Database(self.path)
        self.office = Office(self.config, self.database, lambda: self.now, b"k" * 32)
        self.courier = Courier(self.office, POST, Channel("probe", "", (), self.send))
        self.flying = upkeep.recover(self.database, self.config.channels, self.now)

    def send(self, message: Message, recipients: Sequence[str], read: Mapping[str, Any], wire: Wire, now: float) -> Outcome:
        what = self.outcomes.pop(0) if self.outcomes else "sent"
        if what in ("sent", "killed after"):
            self.sent.append((message.id, recipients[0]))
        if what.startswith("killed"):
            raise Killed
        return Outcome("sent" if what == "sent" else what, what)

    def turn(self) -> None:
        try:
            self.courier._turn()
        except Killed:
            self.database.close()
            self.open()
            assert self.flying == 1, "one message is in flight, no more"
            self.unsure += 1

    def accept(self, number: int, status: str) -> None:
        severity = ("critical", "warning", "info")[number % 3]
        alert = Alert(f"f{number}", status, "2025-01-31T12:00:00Z", "r", {"alertname": f"N{number % 4}", "severity": severity})
        taken = journal.accept(self.database, [plan(alert, self.config, self.now)], self.now)
        assert taken.new == (alert.key not in self.accepted)
        self.accepted.add(alert.key)

    def climb(self) -> None:
        upkeep.climb(self.database, self.config.escalations, 0.0, self.now)

    def drain(self) -> None:
        """Let all outcomes be good, and wait until nothing waits."""
        self.outcomes = []
        for _number in range(3000):
            self.climb()
            self.turn()
            self.now += 7
            open_ = self.database.one("SELECT count(*) FROM incidents WHERE closed IS NULL")
            if not upkeep.waiting(self.database, "main").count and not open_:
                return
        raise AssertionError("something waits for ever")

    def told(self) -> Counter[tuple[str, str, int]]:
        """How often each recipient was told of each alert (and step)."""
        rows = self.database.rows("SELECT p.uid, n.recipient, n.step, a.key FROM notices n JOIN parcels p ON p.id = n.parcel "
                                  "JOIN alerts a ON a.id = n.alert")
        times = Counter(uid for uid, _recipient in self.sent)
        found: Counter[tuple[str, str, int]] = Counter()
        for row in rows:
            found[(row["key"], row["recipient"], row["step"])] += times[row["uid"]]
        return found


@contextmanager
def world() -> Iterator[World]:
    folder = tempfile.mkdtemp(dir="/dev/shm" if Path("/dev/shm").is_dir() else None)
    made = World(folder)
    try:
        yield made
    finally:
        made.database.close()
        shutil.rmtree(folder)


ALERTS = st.tuples(st.sampled_from(["firing", "firing", "resolved"]), st.integers(0, 8))
EVENTS = st.one_of(
    ALERTS, st.tuples(st.just("turn"), st.just(0)), st.tuples(st.just("wait"), st.sampled_from([1, 5, 20, 70])),
    st.tuples(st.just("ack"), st.integers(1, 6)), st.tuples(st.just("restart"), st.just(0)),
    st.tuples(st.sampled_from(["later", "killed before", "killed after", "sent"]), st.just(0)))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(EVENTS, max_size=60))
def test_nothing_is_lost_and_nothing_goes_twice_without_a_crash(events: list[tuple[str, int]]) -> None:
    with world() as made:
        for name, number in events:
            happen(made, name, number)
        made.drain()
        told = made.told()
        dropped = {(row[0], row[1], row[2]) for row in made.database.rows(
            "SELECT a.key, n.recipient, n.step FROM notices n JOIN alerts a ON a.id = n.alert WHERE n.dropped IS NOT NULL")}
        for key in made.accepted:
            if key.endswith("firing"):
                assert all(told[(key, recipient, 0)] >= 1 for recipient in ("a", "b")), f"{key} was lost"
        assert sum(max(0, count - 1) for count in Counter(made.sent).values()) <= made.unsure
        assert not [who for who in dropped if who[2] == 0], "only steps of escalations are dropped while nothing is dead"
        check_ends(made, told)


def check_ends(made: World, told: Counter[tuple[str, str, int]]) -> None:
    """Of an end hears who heard of the beginning, and nobody else."""
    for key in made.accepted:
        firing = key.replace("|resolved", "|firing")
        if key.endswith("resolved") and firing in made.accepted:
            began = {who for (name, who, _step), count in told.items() if name == firing and count}
            ended = {who for (name, who, _step), count in told.items() if name == key and count}
            assert ended <= began
            assert {"a", "b"} <= ended


def happen(made: World, name: str, number: int) -> None:
    if name in ("firing", "resolved"):
        made.accept(number, name)
    elif name == "turn":
        made.climb()
        made.turn()
    elif name == "wait":
        made.now += number
    elif name == "ack":
        journal.acknowledge(made.database, number, "somebody")
    elif name == "restart":
        made.database.close()
        made.open()
        assert made.flying == 0
    else:
        made.outcomes.append(name)


def test_refused_for_good_is_dead_and_its_end_is_not_told() -> None:
    with world() as made:
        made.outcomes = ["never", "sent"]
        made.accept(1, "firing")
        made.turn()
        made.accept(1, "resolved")
        made.drain()
        told = made.told()
        heard = {(key.rpartition("|")[2], who) for (key, who, _step), count in told.items() if count}
        assert heard == {("firing", "b"), ("resolved", "b")}
        assert upkeep.waiting(made.database, "main").dead == 1
        assert upkeep.revive(made.database, made.config.channels, made.now) == 1
        made.drain()
        assert made.told()[("f1|2025-01-31T12:00:00Z|r|firing", "a", 0)] == 1


def test_the_channel_that_died_is_alarmed_about_by_another() -> None:
    with world() as made:
        made.config = replace(made.config, alarm=(Target("main"), Target("other")))
        made.office.config = made.config
        made.outcomes = ["never", "never"]
        made.accept(1, "firing")
        made.turn()
        rows = made.database.rows("SELECT n.channel, a.body FROM notices n JOIN alerts a ON a.id = n.alert "
                                  "WHERE a.key LIKE '%vigil-notifier%'")
        assert [row["channel"] for row in rows] == ["other", "other"]
        assert "NotifierDeliveryFailed" in rows[0]["body"] and "refused for good" in rows[0]["body"]


def test_a_burst_keeps_to_the_rate_and_loses_nothing() -> None:
    with world() as made:
        for number in range(300):
            alert = Alert(f"f{number}", "firing", "2025-01-31T12:00:00Z", "r", {"alertname": f"N{number}"})
            journal.accept(made.database, [plan(alert, made.config, made.now)], made.now)
            if number < 50:
                made.turn()
                made.now += 0.1
        assert len(made.sent) == POST.rate.count
        began = made.now
        while upkeep.waiting(made.database, "main").count and made.now < began + 600:
            made.turn()
            made.now += 1
        assert len(made.sent) <= 12
        told = made.told()
        assert {who for _key, who, _step in told} == {"a", "b"}
        assert len(told) == 600
        assert set(told.values()) == {1}


def test_a_clock_that_jumped_while_it_was_down_loses_nothing() -> None:
    for jump in (-864_000.0, 864_000.0):
        with world() as made:
            made.outcomes = ["later", "later"]
            made.accept(1, "firing")
            made.turn()
            made.now += jump
            made.database.close()
            made.open()
            made.turn()
            assert made.told()[("f1|2025-01-31T12:00:00Z|r|firing", "a", 0)] == 1


def test_an_acknowledgement_stops_the_steps() -> None:
    with world() as made:
        made.accept(1, "firing")
        made.turn()
        made.now += 41
        made.climb()
        made.turn()
        assert [who for _uid, who in made.sent] == ["a", "b", "boss"]
        parcel = made.database.one("SELECT id FROM parcels WHERE recipient = 'boss'")
        assert journal.acknowledge(made.database, parcel, "the boss") == 1
        made.now += 3600
        made.climb()
        made.turn()
        assert len(made.sent) == 3
        assert made.database.one("SELECT closed FROM incidents") == "acknowledged by the boss"
        assert journal.acknowledge(made.database, parcel, "again") == 0
        made.accept(1, "resolved")
        made.drain()
        assert sorted(who for _uid, who in made.sent[3:]) == ["a", "b", "boss"]


def test_what_is_old_goes_and_what_waits_stays() -> None:
    with world() as made:
        made.accept(1, "firing")
        made.drain()
        made.accept(2, "firing")
        made.outcomes = ["later"] * 10
        made.turn()
        while upkeep.prune(made.database, made.now + 1):
            pass
        rows = made.database.rows("SELECT key FROM alerts")
        assert [row["key"].split("|")[0] for row in rows] == ["f2"]
        assert made.database.one("SELECT count(*) FROM notices") == 2


def test_a_clock_that_jumps_while_it_runs_moves_nothing() -> None:
    wall, steady = [1_000_000.0], [50.0]
    clock = upkeep.Clock(lambda: wall[0], lambda: steady[0])
    wall[0] += 3600
    steady[0] += 2
    assert clock() == 1_000_002.0
