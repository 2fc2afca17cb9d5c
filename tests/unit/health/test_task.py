# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the module does with its checks: which are chosen, how long it tries, what it says."""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.patience import Patience, decide
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.task import check, read
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.model import InvalidInput
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.system import System

CASES = yaml.safe_load((Path(__file__).resolve().parents[2] / "cases" / "health" / "patience.yml").read_text(encoding="utf-8"))
DEFAULTS = {"tags": [], "names": [], "fail_on": "fail", "retries": 0, "delay": 1, "stable_for": 0}


class Clock(System):
    """Time passes only while it sleeps; ``events`` happen before the n-th sleep."""

    def __init__(self, events: dict[int, Callable[[], Any]] | None = None) -> None:
        self.clock, self.sleeps, self.events = 0.0, 0, events or {}

    def monotonic(self) -> float:
        return self.clock

    def sleep(self, seconds: float) -> None:
        self.sleeps += 1
        self.clock += seconds
        self.events.get(self.sleeps, lambda: None)()


def params(*checks: dict[str, Any], **options: Any) -> dict[str, Any]:
    return {**DEFAULTS, "checks": list(checks), **options}


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_patience(case: dict[str, Any]) -> None:
    verdict = decide(Patience(case.get("retries", 0), 1, case.get("stable_for", 0)), case["bad_rounds"], 1, case.get("good_for"))
    assert (verdict.again, verdict.healthy) == (case["again"], case["healthy"])
    assert case.get("reason", "") in verdict.reason


def test_a_service_that_comes_up_and_holds() -> None:
    port = free_port()
    servers: list[socket.socket] = []
    system = Clock({2: lambda: servers.append(socket.create_server(("127.0.0.1", port)))})
    outcome = check(system, read(params({"name": "web", "kind": "tcp", "port": port}, retries=5, stable_for=3)))
    servers[0].close()
    assert (outcome["healthy"], outcome["counts"]["pass"], outcome["waited"]) == (True, 1, 5.0)
    assert "failed" not in outcome


def test_a_service_that_flaps_is_not_healthy() -> None:
    server = socket.create_server(("127.0.0.1", 0))
    wanted = read(params({"name": "web", "kind": "tcp", "port": server.getsockname()[1]}, retries=1, stable_for=60))
    outcome = check(Clock({3: server.close}), wanted)
    assert (outcome["failed"], outcome["healthy"]) == (True, False)
    assert "1 checks are not as wanted after 2 of 2 tries" in outcome["msg"]
    assert "fail web: no connection" in outcome["msg"]
    assert "ss -ltnp" in outcome["msg"]


def test_never_fails_where_told_so() -> None:
    outcome = check(Clock(), read(params({"name": "web", "kind": "tcp", "port": free_port()}, fail_on="never")))
    assert (outcome["healthy"], outcome["counts"]["fail"]) == (True, 1)


def test_tags_bring_the_parents() -> None:
    checks = [{"name": "load", "kind": "load"}, {"name": "web", "kind": "tcp", "port": 80, "parents": ["load"], "tags": ["web"]},
              {"name": "mail", "kind": "tcp", "port": 25}]
    assert [item.name for item in read(params(*checks, tags=["web"])).checks] == ["load", "web"]
    assert [item.name for item in read(params(*checks, names=["mail"])).checks] == ["mail"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"tags": ["wbe"]}, "No check has one of the tags wbe"),
        ({"names": ["wbe"]}, "There is no check named wbe; there are web"),
        ({"fail_on": "sometimes"}, "fail_on is 'sometimes'"),
        ({"retries": -1}, "have to be 0 or more"),
    ],
)
def test_bad_input_is_refused(options: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidInput, match=words):
        read(params({"name": "web", "kind": "tcp", "port": 80}, **options))
