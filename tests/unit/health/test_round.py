# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A round: parents first, children of failures not looked at, hung checks given up together."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.kind import Kind
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.model import Check, Finding, Observation
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.round import levels, run_round
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.spec import parse
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.system import System


class Scene:
    """A kind whose checks do what their names say, and a word of who was looked at."""

    def __init__(self) -> None:
        self.release = threading.Event()
        self.seen: list[str] = []

    def observe(self, options: Any, look: Any) -> Observation:
        self.seen.append(options["does"])
        if options["does"].startswith("hang"):
            self.release.wait()
        return Observation({"state": "fail" if options["does"].startswith("fail") else "pass"})

    def kinds(self) -> dict[str, Kind]:
        return {"test": Kind("test", "", (), self.observe, lambda options, values: [Finding("x", values["state"], 1, "", "words")], "")}


@pytest.fixture
def scene() -> Iterator[Scene]:
    one = Scene()
    yield one
    one.release.set()


def check(name: str, *parents: str, timeout: float = 5.0) -> Check:
    return Check(name, "test", {"does": name}, timeout=timeout, parents=parents)


def test_results_in_the_order_of_the_checks(scene: Scene) -> None:
    checks = [check(f"pass{n}") for n in range(40)]
    results = run_round(checks, scene.kinds(), System(), size=4)
    assert [result.name for result in results] == [one.name for one in checks]
    assert {result.state for result in results} == {"pass"}


def test_children_of_a_failure_are_not_looked_at(scene: Scene) -> None:
    checks = [check("fail"), check("child", "fail"), check("grandchild", "child"), check("pass")]
    results = {result.name: result for result in run_round(checks, scene.kinds(), System())}
    assert {name: result.state for name, result in results.items()} == {
        "fail": "fail", "child": "skipped", "grandchild": "skipped", "pass": "pass"}
    assert results["grandchild"].summary == "skipped because fail fails"
    assert sorted(scene.seen) == ["fail", "pass"]


def test_hung_checks_are_given_up_together_and_delay_nobody(scene: Scene) -> None:
    checks = [*(check(f"hang{n}", timeout=0.2) for n in range(6)), check("pass")]
    start = time.monotonic()
    results = run_round(checks, scene.kinds(), System(), size=8, slack=0.1)
    assert time.monotonic() - start < 1.2
    assert [result.state for result in results] == ["unknown"] * 6 + ["pass"]
    assert "did not end within 0.3 s and was given up" in results[0].summary


def test_hung_checks_beyond_the_size_of_the_pool(scene: Scene) -> None:
    checks = [*(check(f"hang{n}", timeout=0.05) for n in range(6)), check("pass")]
    results = run_round(checks, scene.kinds(), System(), size=2, slack=0.05)
    assert [result.state for result in results] == ["unknown"] * 6 + ["pass"]


def test_an_unknown_parent_skips_nobody(scene: Scene) -> None:
    results = run_round([check("hang", timeout=0.1), check("pass", "hang")], scene.kinds(), System(), slack=0.1)
    assert [result.state for result in results] == ["unknown", "pass"]


def test_levels() -> None:
    checks = parse([{"name": "c", "kind": "load", "parents": ["b", "a"]}, {"name": "b", "kind": "load", "parents": ["a"]},
                    {"name": "a", "kind": "load"}, {"name": "d", "kind": "load"}],
                   {"load": Kind("load", "", (), Scene().observe, lambda options, values: [], "")})
    assert [[one.name for one in level] for level in levels(checks)] == [["a", "d"], ["b"], ["c"]]
