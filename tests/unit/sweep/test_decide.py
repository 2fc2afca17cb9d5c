# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What follows from answers, by documents."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.model import InvalidInput
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.sweep import changes, decide, draft, parse, tell
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.sweep.model import Answer, Memory, Target
from ansible_collections.vigil.monitoring.plugins.modules.health_sweep import OPTIONS

from tests.unit.sweep.reports import AT, SILENT, report, seen

CASES = yaml.safe_load((Path(__file__).parents[2] / "cases" / "sweep" / "reports.yml").read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_report(case: dict[str, Any]) -> None:
    made, memory = report(case)
    found = {
        "states": {state: number for state, number in made.states.items() if number},
        "verdict": tell.verdict(made),
        "problems": [f"{one.host} {one.row.name} {one.row.state} {tell.since(one, AT)}" for one in made.problems],
        "solved": [f"{one.host} {one.check} {one.was} {one.now or 'gone'}" for one in made.solved],
        "sight": tell.sight(made),
        "kept": _kept(changes.remember(made.problems, made.hosts, memory, AT, case.get("monitored", list(case["hosts"])))),
    }
    assert {key: found[key] for key in case if key in found} == {key: case[key] for key in case if key in found}
    assert case.get("changed", "") in tell.changed(made)
    assert not [words for words in case.get("words", []) if not any(words in one.row.summary for one in made.problems)]
    assert not [one.row.name for one in made.problems if not one.row.advice]


def _kept(memory: Memory) -> dict[str, list[str]]:
    assert changes.memory_of(json.loads(json.dumps(changes.as_document(memory)))) == memory
    return {name: list(checks) for name, checks in memory.hosts.items()}


@pytest.mark.parametrize(
    ("fail_on", "words"),
    [("never", ""), ("fail", "1 fail "), ("unseen", "1 fail, 1 not seen "), ("unknown", "1 fail, 1 not seen, 1 unknown "),
     ("warn", "1 fail, 1 not seen, 1 unknown, 1 warn ")],
)
def test_the_run_ends_by_the_level_asked_for(fail_on: str, words: str) -> None:
    hosts: dict[str, Any] = {name: {"agent": [["x", state]]} for name, state in (("a", "fail"), ("c", "unknown"), ("d", "warn"))}
    hosts["b"] = {"agent": "refused"}
    assert words in decide.failure(report({"hosts": hosts})[0], fail_on)
    assert bool(decide.failure(report({"hosts": hosts})[0], fail_on)) == bool(words)
    assert decide.failure(report({"hosts": {"a": {"agent": [["x", "pass"]]}}})[0], fail_on) == ""


def test_the_levels_are_those_that_are_documented() -> None:
    assert list(decide.FAIL_ON) == OPTIONS["fail_on"]["choices"]


@pytest.mark.parametrize("document", [None, [], {}, {"at": "x", "hosts": {}}, {"at": 5, "hosts": []}, {"at": True, "hosts": {}}])
def test_a_memory_that_cannot_be_read_is_none(document: Any) -> None:
    assert changes.memory_of(document) == Memory()


def test_what_is_odd_in_a_memory_is_left_out() -> None:
    kept = changes.memory_of({"at": 5, "hosts": {"a": {"x": ["fail", 4], "y": ["bad", 4], "z": 3}, "b": []}})
    assert kept == Memory(5.0, {"a": {"x": ("fail", 4.0)}})


def test_answers_survive_the_draft() -> None:
    targets = [Target("a", "192.0.2.1", 9890), Target("b", "192.0.2.2", 9890)]
    answers = [Answer("a", seen([["x", "fail"], ["y", "pass"]]), None, 0.5), Answer("b", None, SILENT["late"], 5.0)]
    assert draft.load(draft.dump(targets, answers, 7.0, 1.5)) == (targets, answers, 7.0, 1.5)


def test_targets_come_from_each_hosts_own_variables() -> None:
    both = {"vigil_address": "10.0.0.2", "ansible_host": "10.9.9.9"}
    variables = {"a": {}, "b": both, "c": {"ansible_host": "::1", parse.LISTEN: "[::]:99"}}
    found = parse.targets(variables, lambda name: variables[name])
    assert found == [Target("a", "a", 9890), Target("b", "10.0.0.2", 9890), Target("c", "::1", 99)]
    with pytest.raises(InvalidInput, match="health_agent_web_listen_address of a: '9890'"):
        parse.targets(["a"], lambda name: {parse.LISTEN: "9890"})


def test_mistyped_and_senseless_options_are_refused() -> None:
    with pytest.raises(InvalidInput, match=r"health_timeuot \(did you mean health_timeout\?\)"):
        parse.refuse_mistyped(["health_timeuot", "health_fail_on", "health_agent_checks", "healthy"], OPTIONS, [])
    parse.refuse_mistyped(["health_mine", "health_agent_checks"], OPTIONS, ["health_mine"])
    values = {name: option.get("default") for name, option in OPTIONS.items()}
    parse.check(values)
    for name, value in [("timeout", 0), ("retries", -1), ("concurrency", 0), ("answer_limit", 5), ("ssh_max", -1), ("lines", 0)]:
        with pytest.raises(InvalidInput, match=f"health_{name} is"):
            parse.check({**values, name: value})


NO_ROUTE = "ssh: connect to host 192.0.2.1 port 22: No route to host"


@pytest.mark.parametrize(
    ("result", "words"),
    [
        (None, "not asked"), ("x", "not asked"), ({}, "reached, but health_check failed: no words"),
        ({"unreachable": True, "msg": f"Sure that it can be reached over ssh: {NO_ROUTE}"}, "No route to host"),
        ({"unreachable": True, "msg": "Failed to connect to the host via ssh: root@a: Permission denied (key)."}, "Permission denied"),
        ({"failed": True, "msg": "The module failed: no python"}, "reached, but health_check failed: The module failed: no python"),
        ({"failed": True, "timedout": {"period": 30}, "msg": "The command action failed to execute"}, "no answer in time"),
        ({"results": [{"name": "x", "state": "odd"}]}, "what health_check told is not understood"),
    ],
)
def test_why_ssh_told_nothing(result: Any, words: str) -> None:
    told = parse.told(result)
    assert told.seen is None
    assert words in told.words
    assert "192.0.2.1" not in told.words


def test_what_health_check_told_is_read() -> None:
    item = {"name": "disk", "kind": "disk", "state": "fail", "summary": "full", "observed": 94.0, "unit": "%", "expected": "below 90 %",
            "advice": "du", "duration": 0.1, "at": AT, "tags": []}
    result = {"failed": True, "results": [item]}
    told = parse.told(result)
    assert told.seen is not None
    assert told.seen.rows[0]._asdict() == {
        "name": "disk", "kind": "disk", "state": "fail", "summary": "full", "observed": "94 %", "expected": "below 90 %", "advice": "du",
        "duration": 0.1, "at": AT,
    }
