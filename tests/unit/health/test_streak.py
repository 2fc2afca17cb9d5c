# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rise, fall, start grace and parents."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.model import Check, Result
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.streak import Streak, advance, apply, mask
from hypothesis import given, settings
from hypothesis import strategies as st

FILE = Path(__file__).resolve().parents[2] / "cases" / "health" / "streak.yml"
LETTERS = {"p": "pass", "w": "warn", "f": "fail", "u": "unknown", "s": "skipped"}
HISTORIES = st.lists(st.sampled_from(sorted(LETTERS.values())), max_size=40)
COUNTS = st.integers(1, 5)


def history(looks: list[str], rise: int, fall: int, grace: float = 0.0) -> list[Streak]:
    streak, seen = Streak(), []
    for at, raw in enumerate(looks):
        streak = advance(streak, raw, float(at), rise=rise, fall=fall, grace_until=grace)
        seen.append(streak)
    return seen


def in_a_row(looks: list[str], bad: bool) -> int:
    """How many of the last looks that could tell were failures (or were not)."""
    number = 0
    for raw in reversed([raw for raw in looks if raw in ("pass", "warn", "fail")]):
        if (raw == "fail") != bad:
            break
        number += 1
    return number


def result(name: str, state: str, at: float = 0.0) -> Result:
    return Result(name, "load", state, f"{name} is {state}", raw=state, at=at)


@pytest.mark.parametrize("case", [pytest.param(case, id=case["name"]) for case in yaml.safe_load(FILE.read_text(encoding="utf-8"))])
def test_what_is_shown(case: dict[str, Any]) -> None:
    looks = [LETTERS[letter] for letter in case["looks"]]
    seen = history(looks, case.get("rise", 1), case.get("fall", 1), case.get("grace", 0))
    assert [streak.state for streak in seen] == [LETTERS[letter] for letter in case["shown"]]


@given(HISTORIES, COUNTS, COUNTS, st.integers(0, 5))
@settings(max_examples=400)
def test_invariants_of_any_history(looks: list[str], rise: int, fall: int, grace: int) -> None:
    held, before = "", Streak()
    for index, streak in enumerate(history(looks, rise, fall, grace)):
        raw = looks[index]
        if streak.state == "fail" and held != "fail":
            assert in_a_row(looks[: index + 1], bad=True) >= fall
        if streak.state in ("pass", "warn") and held == "fail":
            assert in_a_row(looks[: index + 1], bad=False) >= rise
        if raw in ("unknown", "skipped"):
            assert (streak.state, streak.held, streak.against) == (raw, before.held, before.against)
        changed = bool(before.state) and streak.state != before.state
        assert streak.transitions == before.transitions + changed
        assert streak.since >= before.since
        assert (streak.since == index) == (streak.state != before.state) or index == 0
        held, before = streak.state if streak.state in ("pass", "warn", "fail") else held, streak


@given(HISTORIES, COUNTS, COUNTS)
def test_enough_looks_in_a_row_always_turn_the_state(looks: list[str], rise: int, fall: int) -> None:
    assert history([*looks, *["fail"] * fall], rise, fall)[-1].state == "fail"
    assert history([*looks, *["pass"] * rise], rise, fall)[-1].state == "pass"


def test_words_why_the_state_is_another() -> None:
    check = Check("x", "load", rise=3, fall=3)
    (streak,) = history(["fail"], 3, 3, grace=60)
    assert apply(result("x", "fail"), streak, check, grace_until=60).summary == "x is fail (still starting, 60 s of grace are left)"
    (streak,) = history(["fail"], 3, 3)
    shown = apply(result("x", "fail"), streak, check)
    assert (shown.state, shown.raw) == ("unknown", "fail")
    assert shown.summary == "x is fail (failed 1 of the 3 times in a row that count)"
    streak = history(["pass", "fail", "fail"], 3, 3)[-1]
    assert apply(result("x", "fail"), streak, check).state == "pass"
    streak = history(["fail", "fail", "fail", "pass"], 3, 3)[-1]
    assert apply(result("x", "pass"), streak, check).summary == "x is pass (good 1 of the 3 times in a row that count)"


def test_children_of_a_failure_are_skipped_with_the_first_cause() -> None:
    checks = [Check("net", "tcp"), Check("db", "tcp", parents=("net",)), Check("app", "tcp", parents=("db",)), Check("cpu", "load")]
    seen = {name: result(name, state) for name, state in (("net", "fail"), ("db", "fail"), ("app", "pass"), ("cpu", "warn"))}
    shown = mask(seen, checks)
    assert {name: one.state for name, one in shown.items()} == {"net": "fail", "db": "skipped", "app": "skipped", "cpu": "warn"}
    assert shown["app"].summary == "skipped because net fails"


def test_an_unknown_parent_skips_nobody() -> None:
    checks = [Check("net", "tcp"), Check("db", "tcp", parents=("net",))]
    assert mask({"net": result("net", "unknown"), "db": result("db", "fail")}, checks)["db"].state == "fail"


def test_a_check_not_yet_looked_at_is_left_out() -> None:
    assert mask({}, [Check("net", "tcp")]) == {}
