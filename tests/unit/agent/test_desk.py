# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the desk answers from a snapshot: fresh by the clock that does not jump, kept only as long as it is true."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.agent.config import Config
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.agent.desk import Desk
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.agent.metrics import Own
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.model import Result
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.snapshot import Snapshot
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.httpd.values import Request

TOKEN = "0123456789abcdef"


class Office:
    """A desk, and the hand that changes what it sees."""

    def __init__(self) -> None:
        results = (Result("a", "load", "pass", "good", raw="pass", at=time.time()),)
        self.snapshot = Snapshot("web1", "1", time.time(), 10.0, results, beat=time.monotonic())
        self.troubles: list[str] = []
        self.desk = Desk(Config("web1", (), token_file="t"), TOKEN, lambda: self.snapshot, Own, lambda: self.troubles)

    def ask(self, path: str, token: str = "") -> tuple[int, bytes, bytes]:
        headers = {"authorization": f"Bearer {token}"} if token else {}
        got = self.desk.handle(Request("GET", path, headers=headers))
        return got.status, got.head, got.body


@pytest.mark.parametrize("jump", [600.0, -600.0, 86400.0])
def test_a_wall_clock_that_jumps_makes_nobody_old(jump: float) -> None:
    office = Office()
    office.snapshot = replace(office.snapshot, at=time.time() + jump)
    status, head, _body = office.ask("/health/live")
    assert status == 200 and b"Age: 0\r\n" in head


def test_a_loop_that_stands_still_is_told_whatever_the_wall_clock_says() -> None:
    office = Office()
    office.snapshot = replace(office.snapshot, at=time.time() + 5, beat=time.monotonic() - 31)
    status, head, _body = office.ask("/health/live")
    assert status == 503 and b"Age: 31\r\n" in head


def test_an_answer_is_kept_while_the_snapshot_is_the_same() -> None:
    office = Office()
    first = office.desk.handle(Request("GET", "/health/ready"))
    assert office.desk.handle(Request("GET", "/health/ready")) is first
    assert office.desk.handle(Request("HEAD", "/health/ready")) is first
    failed = Result("a", "load", "fail", "bad", raw="fail")
    office.snapshot = replace(office.snapshot, results=(failed,))
    assert office.ask("/health/ready")[0] == 503


def test_what_is_kept_for_one_is_not_shown_to_another() -> None:
    office = Office()
    assert office.ask("/metrics", TOKEN)[0] == 200
    assert office.ask("/metrics")[0] == office.ask("/metrics", "wrong")[0] == 401
    assert b"good" in office.ask("/health", TOKEN)[2]
    assert b"good" not in office.ask("/health")[2]
    assert office.ask("/health", "wrong")[0] == 401


def test_a_new_token_is_the_only_one() -> None:
    office = Office()
    assert office.ask("/metrics", TOKEN)[0] == 200
    office.desk.change(Config("web1", (), token_file="t"), "another-token-entirely")
    assert office.ask("/metrics", TOKEN)[0] == 401
    assert office.ask("/metrics", "another-token-entirely")[0] == 200


def test_what_was_public_is_not_any_more_at_once() -> None:
    office = Office()
    office.desk.change(Config("web1", (), details="public", metrics="public"), "")
    assert office.ask("/metrics")[0] == 200 and b"good" in office.ask("/health")[2]
    office.desk.change(Config("web1", (), token_file="t"), TOKEN)
    assert office.ask("/metrics")[0] == 401 and b"good" not in office.ask("/health")[2]


def test_trouble_of_the_agent_is_a_check_of_its_own_and_ends() -> None:
    office = Office()
    office.troubles = ["the disk is full"]
    status, _head, body = office.ask("/health", TOKEN)
    assert status == 200 and b'"status":"warn"' in body and b"the disk is full" in body
    assert office.ask("/health/ready")[0] == 200
    assert b'vigil_check_state{check="vigil-agent",kind="agent",state="warn"} 1' in office.ask("/metrics", TOKEN)[2]
    office.troubles = []
    office.snapshot = replace(office.snapshot, at=time.time())
    assert b"vigil-agent" not in office.ask("/health", TOKEN)[2]


def test_many_paths_take_no_memory() -> None:
    office = Office()
    for number in range(1000):
        assert office.ask(f"/health/{number}")[0] == 404
    assert len(office.desk._kept) <= 128
