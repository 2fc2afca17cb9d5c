# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A value and its limits: worse at the number or beyond."""

from __future__ import annotations

import pytest
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.model import Limits
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.thresholds import demand, judge
from hypothesis import given
from hypothesis import strategies as st

RANK = {"pass": 0, "warn": 1, "fail": 2}


@pytest.mark.parametrize(("value", "state"), [(79.9, "pass"), (80, "warn"), (89.9, "warn"), (90, "fail"), (100, "fail")])
def test_above(value: float, state: str) -> None:
    assert judge("used", value, Limits(80, 90), "%").state == state


@pytest.mark.parametrize(("value", "state"), [(20.1, "pass"), (20, "warn"), (10.1, "warn"), (10, "fail"), (0, "fail")])
def test_below(value: float, state: str) -> None:
    assert judge("free", value, Limits(20, 10, "below"), "%").state == state


def test_words_of_a_failure() -> None:
    finding = judge("free", 5, Limits(20, 10, "below"), "%", name="free space of /", advice="df -h /")
    assert finding.sentence == "free space of / is 5 %, which fails at 10 %"
    assert (finding.expected, finding.advice, finding.unit, finding.value) == ("above 20 %", "df -h /", "%", 5)


def test_a_pass_has_no_advice() -> None:
    assert judge("used", 1, Limits(80, 90), "%", advice="df").advice == ""
    assert demand("mode", True, "0640", "0640", "as it should be", advice="chmod").advice == ""


def test_no_limits_pass_and_say_so() -> None:
    for limits in (None, Limits()):
        finding = judge("age", 1e9, limits, "s")
        assert (finding.state, finding.expected) == ("pass", "no limit set")


def test_a_demand_that_only_warns() -> None:
    finding = demand("ro", False, "ro", "rw", "it is ro", state="warn", advice="mount")
    assert (finding.state, finding.advice, finding.expected) == ("warn", "mount", "rw")


@given(st.floats(-1e9, 1e9), st.floats(-1e9, 1e9), st.floats(-1e9, 1e9), st.floats(0.001, 1e9), st.sampled_from(["above", "below"]))
def test_a_worse_value_never_gets_a_better_state(one: float, two: float, warn: float, gap: float, worse: str) -> None:
    limits = Limits(warn, warn + gap if worse == "above" else warn - gap, worse)
    better, bad = sorted((one, two), reverse=worse == "below")
    assert RANK[judge("x", better, limits).state] <= RANK[judge("x", bad, limits).state]
