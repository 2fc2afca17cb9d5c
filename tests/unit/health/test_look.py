# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One look: whatever breaks on the way is unknown, and the worst finding speaks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.kind import Kind, Look, Shared
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.look import SENTENCE, conclude, look_at
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.model import (
    CannotTell,
    Check,
    Finding,
    Observation,
)
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.system import System

CHECK = Check("x", "test", tags=("t",), ready=False)


def kind(observe: Any, decide: Any = lambda options, values: [Finding("a", "pass", 1, "", "fine")]) -> Kind:
    return Kind("test", "", (), observe, decide, "")


def look(memory: Mapping[str, Any] | None = None) -> Look:
    return Look(System(), 1.0, memory or {})


def raising(error: BaseException) -> Any:
    def observe(options: Any, look: Any) -> Any:
        raise error
    return observe


def test_a_checker_that_cannot_look_is_unknown_and_keeps_its_memory() -> None:
    result, memory = look_at(CHECK, kind(raising(CannotTell("no permission", "sudo"))), look({"n": 1}))
    assert (result.state, result.raw, result.summary, result.advice) == ("unknown", "unknown", "no permission", "sudo")
    assert (memory, result.tags, result.ready) == ({"n": 1}, ("t",), False)


def test_a_checker_that_breaks_is_unknown() -> None:
    result, memory = look_at(CHECK, kind(raising(ZeroDivisionError("x"))), look({"n": 1}))
    assert (result.state, memory) == ("unknown", {"n": 1})
    assert "the check itself broke: ZeroDivisionError" in result.summary
    assert "defect" in result.advice


def test_a_memory_that_cannot_be_kept_is_not_kept() -> None:
    result, memory = look_at(CHECK, kind(lambda options, look: Observation({}, {"n": {1, 2}})), look({"n": 1}))
    assert (result.state, memory) == ("unknown", {"n": 1})


def test_a_decision_that_breaks_is_unknown() -> None:
    result, _memory = look_at(CHECK, kind(lambda options, look: Observation({}, {"n": 2}), raising(KeyError("y"))), look())
    assert result.state == "unknown"


def test_time_duration_and_memory() -> None:
    result, memory = look_at(CHECK, kind(lambda options, look: Observation({}, {"n": look.memory["n"] + 1})), look({"n": 1}))
    assert (result.state, memory) == ("pass", {"n": 2})
    assert result.at > 1e9
    assert 0 <= result.duration < 1


def test_the_first_of_the_worst_decides_and_the_others_are_told() -> None:
    findings = [Finding("a", "pass", 1, "", "a is fine"), Finding("b", "fail", 2, "below 1", "b is 2", "s", "look at b"),
                Finding("c", "warn", 3, "", "c is 3"), Finding("d", "fail", 4, "", "d is 4")]
    result = conclude(CHECK, findings, {})
    assert (result.state, result.summary, result.observed, result.unit, result.expected, result.advice) == (
        "fail", "b is 2; d is 4", 2, "s", "below 1", "look at b")


def test_the_operators_own_advice_comes_first() -> None:
    finding = Finding("b", "fail", 2, "", "b is 2", "", "kind's")
    assert conclude(Check("x", "test", advice="call Ada"), [finding], {}).advice == "call Ada"


def test_nothing_to_compare_is_unknown() -> None:
    assert conclude(CHECK, [], {}).state == "unknown"


def test_a_sentence_is_one_short_line() -> None:
    summary = conclude(CHECK, [Finding("a", "fail", 1, "", "long\n" * 1000)], {}).summary
    assert len(summary) == SENTENCE
    assert "\n" not in summary


def test_what_is_shared_is_made_once_while_it_is_young() -> None:
    now = [0.0]
    shared, made = Shared(lambda: now[0]), []

    def make() -> int:
        made.append(1)
        return len(made)

    assert [shared.get("k", 5, make), shared.get("k", 5, make), shared.get("other", 5, make)] == [1, 1, 2]
    now[0] = 5.0
    assert shared.get("k", 5, make) == 3


def test_a_failure_to_make_what_is_shared_is_not_kept() -> None:
    shared = Shared(lambda: 0.0)
    with pytest.raises(CannotTell):
        shared.get("k", 5, lambda: raising(CannotTell("no"))(None, None))
    assert shared.get("k", 5, lambda: 1) == 1
