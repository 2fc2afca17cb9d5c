# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kind systemd: what systemctl said on Debian 12 and 13, told by a stand-in, and how often it is asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.bounded import Ended
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.kind import Look, Shared
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.kinds import KINDS
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.look import look_at
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.model import Result
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.spec import parse
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.system import System

BLOCKS = {
    "ssh.service": "MainPID=133\nResult=success\nNRestarts={restarts}\nExecMainCode=0\nExecMainStatus=0\nId=ssh.service\nLoadState=loaded\n"
                   "ActiveState=active\nSubState=running\nUnitFileState=enabled\nStateChangeTimestampMonotonic=12165983699\nCanReload=yes\n",
    "tmp.mount": "Result=success\nId=tmp.mount\nLoadState=loaded\nActiveState=active\nSubState=mounted\nUnitFileState=\n"
                 "StateChangeTimestampMonotonic=12165863635\n",
    "nope.service": "Result=success\nNRestarts=0\nId=nope.service\nLoadState=not-found\nActiveState=inactive\nSubState=dead\n"
                    "UnitFileState=\nStateChangeTimestampMonotonic=0\n",
    "bad.service": "MainPID=0\nResult=exit-code\nNRestarts=0\nExecMainCode=1\nExecMainStatus=1\nId=bad.service\nLoadState=loaded\n"
                   "ActiveState=failed\nSubState=failed\nUnitFileState=static\nStateChangeTimestampMonotonic=12165983699\n",
}


class Host(System):
    """A host with the units of BLOCKS."""

    def __init__(self) -> None:
        self.time, self.boot, self.restarts = 12175.983699, "boot-1", 0
        self.asked: list[list[str]] = []
        self.answer: Ended | None = None

    def monotonic(self) -> float:
        return self.time

    def read(self, path: str) -> bytes | None:
        assert path == "/proc/sys/kernel/random/boot_id"
        return f"{self.boot}\n".encode()

    def bounded_run(
        self, argv: Sequence[str], timeout: float, env: Mapping[str, str] | None = None, cwd: str | None = None, keep: int = 0
    ) -> Ended:
        names = list(argv[argv.index("--") + 1:])
        self.asked.append(names)
        if self.answer:
            return self.answer
        chosen = ["bad.service"] if names == ["*"] else names
        out = "\n".join(BLOCKS[name].format(restarts=self.restarts) for name in chosen)
        return Ended(tuple(argv), 0, out, out_bytes=len(out))


class Agent:
    """Looks again and again, with what it remembers."""

    def __init__(self) -> None:
        self.host = Host()
        self.shared = Shared(self.host.monotonic)
        self.memory: dict[str, Mapping[str, Any]] = {}

    def look(self, unit: str = "", **options: Any) -> Result:
        check = parse([{"name": "check", "kind": "systemd", **({"unit": unit} if unit else {}), **options}], KINDS)[0]
        look = Look(self.host, 5.0, self.memory.get(unit, {}), self.shared)
        result, self.memory[unit] = look_at(check, KINDS["systemd"], look)
        return result


@pytest.fixture
def agent() -> Agent:
    return Agent()


def test_what_a_person_reads(agent: Agent) -> None:
    assert agent.look("ssh").summary == "ssh.service is active (running), for 10 s"
    assert agent.look("bad").summary == "bad.service is failed (failed), result exit-code, exit status 1, for 10 s"
    assert agent.look("nope").summary == "there is no unit nope.service"
    assert agent.look("tmp.mount", sub="mounted").state == "pass"
    assert agent.look(failed_units=True).summary == "bad.service is failed (failed), result exit-code, exit status 1"


def test_from_the_second_round_on_systemctl_is_asked_once(agent: Agent) -> None:
    units = ["ssh", "nope", "bad", "tmp.mount"]
    for unit in units:
        agent.look(unit)
    agent.host.asked.clear()
    agent.host.time += 10
    states = [agent.look(unit).state for unit in units]
    assert states == ["pass", "fail", "fail", "pass"]
    assert agent.host.asked == [["bad.service", "nope.service", "ssh.service", "tmp.mount"]]


def test_a_reading_serves_no_later_moment(agent: Agent) -> None:
    agent.look("ssh")
    agent.host.time += 0.5
    agent.look("ssh")
    assert len(agent.host.asked) == 2


def test_a_unit_that_nobody_wants_any_more_is_not_asked_for(agent: Agent) -> None:
    agent.look("ssh")
    agent.host.time += 601
    agent.look("bad")
    assert agent.host.asked[-1] == ["bad.service"]


@pytest.mark.parametrize(
    ("before", "after", "boot", "seen"),
    [(2, 2, "boot-1", 0), (2, 5, "boot-1", 3), (5, 0, "boot-1", 0), (5, 2, "boot-1", 2), (5, 0, "boot-2", 0), (1, 3, "boot-2", 3)],
)
def test_restarts_since_the_last_look(agent: Agent, before: int, after: int, boot: str, seen: int) -> None:
    agent.host.restarts = before
    assert agent.look("ssh").values["restarts"] is None
    agent.host.restarts, agent.host.boot, agent.host.time = after, boot, agent.host.time + 10
    assert agent.look("ssh").values["restarts"] == seen


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Ended((), None, problem="systemctl could not be started", missing="systemctl"), "systemctl is not there"),
        (Ended((), 1, err="System has not been booted with systemd as init system (PID 1). Can't operate."), "ended with code 1: Sys"),
        (Ended((), None, timed_out=True, problem="systemctl did not end within 5 s and was killed"), "did not end within 5 s"),
        (Ended((), 0, "hello\n", out_bytes=6), "said what nobody expected: 'hello"),
        (Ended((), 0, "", out_bytes=0), "answered for 0 units, expected 1"),
        (Ended((), 0, BLOCKS["tmp.mount"] * 2, out_bytes=2**20 + 1), "said what nobody expected"),
    ],
)
def test_an_answer_that_nobody_expected_is_unknown(agent: Agent, answer: Ended, words: str) -> None:
    agent.host.answer = answer
    result = agent.look("ssh")
    assert result.state == "unknown" and words in result.summary and result.advice


def test_those_that_waited_for_a_failed_reading_do_not_try_again(agent: Agent) -> None:
    agent.host.answer = Ended((), None, timed_out=True, problem="systemctl did not end within 5 s and was killed")
    first, second = agent.look("ssh"), agent.look("bad")
    assert (first.state, second.state, second.summary) == ("unknown", "unknown", first.summary)
    assert len(agent.host.asked) == 1
    agent.host.answer, agent.host.time = None, agent.host.time + 0.5
    assert agent.look("bad").state == "fail"


def test_a_failed_look_keeps_what_was_remembered(agent: Agent) -> None:
    agent.host.restarts = 1
    agent.look("ssh")
    agent.host.answer, agent.host.time = Ended((), 1, err="busy"), agent.host.time + 10
    agent.look("ssh")
    agent.host.answer, agent.host.restarts, agent.host.time = None, 4, agent.host.time + 10
    assert agent.look("ssh").values["restarts"] == 3
