# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The metrics page: what promtool would say where it is installed, and what a database can bear."""

from __future__ import annotations

import math
import os
import shutil
import subprocess
from collections import Counter
from pathlib import Path

import pytest
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.agent.exposition import LONGEST_LABEL, labels, number
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.agent.metrics import MOST_FINDINGS, Own, of_agent, of_checks
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.model import Finding, Result
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.snapshot import Snapshot
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.streak import Streak
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.httpd.values import Figures
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.service_config.metrics import samples


def finding(what: str, value: float | str | None, unit: str = "", state: str = "pass") -> Finding:
    return Finding(what, state, value, "", "", unit)


def page(*findings: Finding, name: str = "disk", state: str = "warn") -> str:
    result = Result(name, "disk", state, "", findings=findings, duration=0.25, at=1000.5)
    snapshot = Snapshot("web1", "1", 2000.0, 10.0, (result,), {name: Streak("pass", 0, "pass", 1.0, 3)}, looks=7, lag=0.5)
    return (of_checks(snapshot) + of_agent(Own("0.1", "3.9", 1, Figures({200: 4}, 2)), snapshot)).decode()


def promtool() -> str | None:
    built = Path(os.environ.get("VIGIL_CACHE", Path.home() / ".cache" / "vigil")) / "build" / "bin" / "promtool"
    return shutil.which("promtool") or (str(built) if built.exists() else None)


@pytest.mark.skipif(promtool() is None, reason="promtool is not here; python3 -m tools.lab programs builds it")
def test_promtool_has_nothing_to_complain_of() -> None:
    text = page(finding("used", 91.0, "%"), finding("free", 1e9, "bytes"), finding("latency", 0.25, "s"), name='a "b"\\\n{}')
    done = subprocess.run([str(promtool()), "check", "metrics"], input=text, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_each_state_is_a_series() -> None:
    found = {sample.labels["state"]: sample.value for sample in samples(page(), "vigil_check_state", {"check": "disk"})}
    assert found == {"pass": 0, "warn": 1, "fail": 0, "unknown": 0, "skipped": 0}


def test_values_are_in_base_units() -> None:
    text = page(finding("used", 91.0, "%"), finding("free", 1e9, "bytes"), finding("latency", 0.25, "s"),
                finding("count", 3.0), finding("t", "x"))
    found = {(sample.labels["what"], sample.labels["unit"]): sample.value for sample in samples(text, "vigil_check_value")}
    assert found == {("used", "ratio"): pytest.approx(0.91), ("free", "bytes"): 1e9, ("latency", "seconds"): 0.25, ("count", "none"): 3}


def test_a_series_is_there_once_and_it_is_the_worst() -> None:
    text = page(finding("used", 10.0, "%"), finding("used", 95.0, "%", "fail"), finding("used", 20.0, "%"))
    assert [sample.value for sample in samples(text, "vigil_check_value")] == [pytest.approx(0.95)]
    lines = [line.rpartition(" ")[0] for line in text.splitlines() if not line.startswith("#")]
    assert max(Counter(lines).values()) == 1


def test_a_check_of_a_thousand_findings_is_not_a_thousand_series() -> None:
    text = page(*(finding(f"mount {number}", 1.0) for number in range(1000)))
    assert len(samples(text, "vigil_check_value")) == MOST_FINDINGS


def test_the_rest_of_a_check() -> None:
    for name, value in (("vigil_check_duration_seconds", 0.25), ("vigil_check_last_look_timestamp_seconds", 1000.5),
                        ("vigil_check_transitions_total", 3), ("vigil_agent_looks_total", 7), ("vigil_agent_loop_lag_seconds", 0.5)):
        assert [sample.value for sample in samples(page(), name)] == [value], name


@pytest.mark.parametrize("value", ["", 'a"b', "a\\b", "a\nb", "{}", "\u00e9\u4e2d", "a" * 119])
def test_labels_come_back_as_they_were(value: str) -> None:
    assert samples(f"x{{{labels({'a': value})}}} 1\n", "x")[0].labels == {"a": value}


def test_long_labels_are_cut_and_stay_apart() -> None:
    one, other = labels({"a": "b" * 500 + "1"}), labels({"a": "b" * 500 + "2"})
    assert one != other and len(one) == LONGEST_LABEL + 4


@pytest.mark.parametrize(("value", "text"), [
    (True, "1"), (0, "0"), (-0.0, "0"), (1e15, "1000000000000000.0"), (0.1, "0.1"),
    (math.nan, "NaN"), (math.inf, "+Inf"), (-math.inf, "-Inf"),
])
def test_numbers(value: float, text: str) -> None:
    assert number(value) == text
