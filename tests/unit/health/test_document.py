# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The health document, there and back, and from strangers."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.document import from_document, headline, overall, to_document
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.model import STATES, Result
from hypothesis import given, settings
from hypothesis import strategies as st

TEXT = st.text(max_size=20)
RESULTS = st.lists(
    st.builds(
        Result, name=TEXT, kind=TEXT, state=st.sampled_from(STATES), summary=TEXT,
        observed=st.none() | st.floats(-1e12, 1e12) | st.integers(-9, 9) | TEXT.filter(bool), unit=st.sampled_from(["", "s", "bytes", "%"]),
        expected=TEXT, advice=TEXT, duration=st.floats(0, 100).map(lambda x: round(x, 6)), at=st.integers(0, 2_000_000_000).map(float),
        tags=st.lists(TEXT, max_size=3).map(tuple), ready=st.booleans(),
    ),
    max_size=5, unique_by=lambda result: result.name,
)
JSON = st.recursive(st.none() | st.booleans() | st.floats(allow_nan=False) | st.integers() | st.text(max_size=8),
                    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3), max_leaves=8)
FIELDS = st.sampled_from(["state", "componentType", "time", "output", "observedValue", "observedUnit", "duration", "tags", "ready"])


def result(state: str, name: str = "x") -> Result:
    return Result(name, "load", state, f"{name} is {state}", raw=state, at=1.5)


@given(RESULTS)
@settings(max_examples=100, deadline=None)
def test_there_and_back(results: list[Result]) -> None:
    document = json.loads(json.dumps(to_document("h", results, 1.0, release="1")))
    assert from_document(document) == [replace(one, raw=one.state, values={}) for one in results]


@given(st.dictionaries(st.text(max_size=5), st.dictionaries(FIELDS, JSON).map(lambda entry: [{"state": "pass", **entry}]) | JSON) | JSON)
@settings(max_examples=400, deadline=None)
def test_a_strangers_document_is_read_or_refused(checks: Any) -> None:
    for document in ({"checks": checks}, checks):
        try:
            results = from_document(document)
        except ValueError:
            continue
        assert all(one.state in STATES for one in results)
        json.dumps(to_document("h", results, 1.0, release="1"))


@pytest.mark.parametrize(("states", "expected"), [
    ([], "pass"), (["pass", "skipped"], "pass"), (["pass", "warn"], "warn"), (["unknown", "pass"], "warn"),
    (["unknown", "warn", "fail"], "fail"),
])
def test_the_state_of_all(states: list[str], expected: str) -> None:
    assert overall(map(result, states)) == expected


def test_without_details_no_name_and_no_word_leaks() -> None:
    document = to_document("db1", [result("fail", "secret-name")], 1.5, release="1", details=False)
    assert document == {"status": "fail", "version": "1", "time": "1970-01-01T00:00:01.500Z"}


def test_a_check_in_the_document() -> None:
    one = replace(result("unknown"), observed=0, unit="s", ready=False)
    (entry,) = to_document("h", [one], 1.5, release="1")["checks"]["x"]
    assert entry == {
        "status": "warn", "state": "unknown", "componentType": "load", "time": "1970-01-01T00:00:01.500Z", "output": "x is unknown",
        "observedValue": 0, "observedUnit": "s", "observed": "0 s", "duration": 0.0, "ready": False,
    }


def test_the_headline_names_the_first_of_the_worst() -> None:
    results = [result("warn", "a"), result("unknown", "b"), result("fail", "c"), result("pass", "d")]
    assert headline(results) == "1 fail, 1 unknown, 1 warn, 1 pass; c: c is fail"
    assert headline([]) == "no checks"
    assert headline([result("pass")]) == "1 pass"
