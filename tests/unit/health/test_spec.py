# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The specification: merged by name, read into checks in the order of parents, or refused in words."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.kinds import KINDS
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.model import Check
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.spec import COMMON, merge, parse
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.model import InvalidInput
from hypothesis import given, settings
from hypothesis import strategies as st

FILE = Path(__file__).resolve().parents[2] / "cases" / "health" / "spec.yml"
CASES = [pytest.param(case, id=case["name"]) for case in yaml.safe_load(FILE.read_text(encoding="utf-8"))]
NAMES = st.sampled_from(["a", "b", "c", "d", "e"])
# Whatever YAML can hold.
JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
    | st.sampled_from(["5s", "80%", "2GiB", "no", "a", "(", "/x"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4) | st.integers(), inner, max_size=3),
    max_leaves=6,
)
KEYS = st.sampled_from(sorted({"enabled", *(option.name for kind in (COMMON, *KINDS.values()) for option in kind.options)}))
ENTRIES = st.builds(
    lambda name, kind, options: {**options, "name": name, **kind},
    NAMES, st.just({}) | st.fixed_dictionaries({"kind": st.sampled_from(sorted(KINDS))}),
    st.dictionaries(KEYS | st.text(max_size=4) | st.integers(), JUNK, max_size=4),
)
LAYERS = st.lists(st.lists(ENTRIES, max_size=5), max_size=3)


def read(case: dict[str, Any]) -> tuple[Check, ...]:
    merged = merge(case["layers"], ["group_vars", "host_vars"])
    return parse(merged * (2 if case.get("twice") else 1), KINDS)


@pytest.mark.parametrize("case", [case for case in CASES if "checks" in case.values[0]])
def test_what_is_read(case: dict[str, Any]) -> None:
    checks = {check.name: check for check in read(case)}
    assert list(checks) == case["checks"]
    for name, options in case.get("options", {}).items():
        assert {key: checks[name].options[key] for key in options} == options
    for name, fields in case.get("fields", {}).items():
        seen = {key: getattr(checks[name], key) for key in fields}
        assert {key: list(value) if isinstance(value, tuple) else value for key, value in seen.items()} == fields


@pytest.mark.parametrize("case", [case for case in CASES if "refused" in case.values[0]])
def test_what_is_refused(case: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput) as caught:
        read(case)
    assert case["refused"] in str(caught.value)


def test_a_chain_longer_than_the_stack_of_python() -> None:
    chain = [{"name": str(n), "kind": "load", "parents": [str(n + 1)] if n < 1999 else []} for n in range(2000)]
    assert [check.name for check in parse(chain, KINDS)] == [str(n) for n in reversed(range(2000))]


@given(st.one_of(JUNK, LAYERS, st.lists(JUNK, max_size=3)))
@settings(max_examples=300, deadline=None)
def test_checks_or_a_refusal_and_nothing_else(layers: Any) -> None:
    try:
        checks = parse(merge(layers if isinstance(layers, list) else [layers]), KINDS)
    except InvalidInput:
        return
    assert all(isinstance(check, Check) and check.timeout <= check.interval and check.rise >= 1 <= check.fall for check in checks)


@given(LAYERS)
@settings(max_examples=200, deadline=None)
def test_merging_once_more_changes_nothing(layers: Any) -> None:
    try:
        merged = merge(layers)
    except InvalidInput:
        return
    # By repr, for .nan is not equal to itself.
    assert repr(merge([merged])) == repr(merged)
    assert repr(merge([merged, merged])) == repr(merged)
    assert len({entry["name"] for entry in merged}) == len(merged)


@given(st.integers(1, 30), st.randoms(use_true_random=False))
@settings(max_examples=100, deadline=None)
def test_parents_come_before_their_children(size: int, chance: random.Random) -> None:
    entries = [{"name": f"c{n}", "kind": "load", "parents": [f"c{p}" for p in range(n) if chance.random() < 0.2]} for n in range(size)]
    chance.shuffle(entries)
    seen: set[str] = set()
    for check in parse(entries, KINDS):
        assert set(check.parents) <= seen
        seen.add(check.name)
    assert len(seen) == size


@given(st.integers(1, 12), st.randoms(use_true_random=False))
@settings(max_examples=50, deadline=None)
def test_every_cycle_is_refused(size: int, chance: random.Random) -> None:
    entries = [{"name": f"c{n}", "kind": "load", "parents": [f"c{(n + 1) % size}"]} for n in range(size)]
    chance.shuffle(entries)
    with pytest.raises(InvalidInput, match="form a cycle"):
        parse(entries, KINDS)
