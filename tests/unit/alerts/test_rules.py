# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each rule by promtool: fires, not at its boundary, not without series, resolves, is overridden, and tells in words."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.alerts import expected, overrides, parse, render, slo

from tests.alerts.case import areas, cases
from tests.alerts.mutation import mutants
from tests.alerts.trial import constant, firing, groups_of, promtool, run, trials, verdicts

AREAS = areas()
CASES = cases()
TOOL = promtool() or ""
needs_promtool = pytest.mark.skipif(not TOOL, reason="promtool 3 or newer is not in the PATH")


@needs_promtool
@pytest.mark.parametrize("area", [area.name for area in AREAS])
def test_rules(area: str, tmp_path: Path) -> None:
    asked = [trial for case in CASES.values() if case.rule.area == area for trial in trials(case, AREAS)]
    assert run(TOOL, asked, tmp_path) == {}


@needs_promtool
def test_texts_are_filled_in(tmp_path: Path) -> None:
    """Expecting no alert makes promtool print what it got, the texts with it."""
    files = []
    for name, case in CASES.items():
        series = [{"series": key, "values": " ".join(given)} for key, given in constant(case, case.fires).items()]
        test = {"interval": f"{case.interval}s", "input_series": series,
                "alert_rule_test": [{"eval_time": f"{case.steps * case.interval}s", "alertname": name}]}  # fmt: skip
        document = {"rule_files": [f"{name}.rules.yml"], "evaluation_interval": f"{case.interval}s", "tests": [test]}
        (tmp_path / f"{name}.rules.yml").write_text(yaml.safe_dump({"groups": groups_of(case.rule, AREAS)}), encoding="utf-8")
        (tmp_path / f"{name}.test.yml").write_text(yaml.safe_dump(document), encoding="utf-8")
        files.append(f"{name}.test.yml")
    command = [TOOL, "test", "rules", *files]
    said = subprocess.run(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    told = verdicts(said.stdout)
    assert set(told) == set(CASES)
    for name, words in told.items():
        assert "summary_zh=" in words and "runbook_url=" in words, name
        assert not re.search(r"<no value>|<error|%!|\{\{", words), words
        # A host or an instance that is not there leaves a hole between two words.
        assert '=""' not in words.split("Annotations", 1)[-1], words


@needs_promtool
def test_a_mutant_is_caught(tmp_path: Path) -> None:
    """The mutation of all rules is `python3 -m tests.alerts`; here one rule shows that it can find something."""
    case = CASES["HostMemoryLow"]
    plain = trials(case, AREAS)[0]
    wrong = [plain.__class__(name, groups_of(rule, AREAS), plain.tests, plain.interval) for name, rule in mutants(case.rule)]
    assert len(wrong) == 4
    assert set(run(TOOL, wrong, tmp_path)) == {trial.name for trial in wrong}


def document(everywhere: dict[str, Any], hosts: dict[str, Any], version: str = "") -> dict[str, Any]:
    known = {rule.id: rule for rule in parse.rules(AREAS)}
    layers = {host: overrides.merge([("all", everywhere), (host, given)], known) for host, given in hosts.items()}
    settings = render.Settings(overrides.merge([("all", everywhere)], known), layers, version)
    objectives = slo.parse([{"name": "shop", "objective": 99.9, "total": "sum(rate(a_total[5m]))", "errors": "sum(rate(b_total[5m]))"}])
    discovery = {"node": [{"targets": ["a:9100"], "labels": {"host": "a"}}]}
    return {"groups": [*expected.group(discovery), *slo.group(objectives), *render.groups(AREAS, settings)]}


@needs_promtool
def test_the_whole_document_is_what_promtool_takes(tmp_path: Path) -> None:
    everywhere = {rule.id: {"selector": 'env="p"', "for": "7m"} for rule in parse.rules(AREAS)}
    hosts = {"a": {rule.id: {"threshold": dict.fromkeys(rule.thresholds, 7)} for rule in parse.rules(AREAS) if rule.per_host}}
    (tmp_path / "all.yml").write_text(yaml.safe_dump(document(everywhere, hosts)), encoding="utf-8")
    said = subprocess.run([TOOL, "check", "rules", "all.yml"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert said.returncode == 0, said.stdout + said.stderr


@needs_promtool
def test_an_objective_is_recorded_and_burns(tmp_path: Path) -> None:
    """2 % of the requests fail where 0.1 % may: twenty times too fast."""
    series = [{"series": "a_total", "values": "0+600x120"}, {"series": "b_total", "values": "0+12x120"}]
    burning = {"expr": 'round(vigil:slo_burn_rate{window="1h"}, 0.01)', "eval_time": "2h",
               "exp_samples": [{"labels": '{slo="shop",window="1h"}', "value": 20}]}  # fmt: skip
    fires = {"expr": 'count(ALERTS{alertname="SloBurnCritical",alertstate="firing"})', "eval_time": "2h",
             "exp_samples": [{"labels": "{}", "value": 1}]}  # fmt: skip
    groups = [group for group in document({}, {})["groups"] if "slo" in group["name"]]
    rules = [{"name": "slo", "rules": [rule for group in groups for rule in group["rules"]]}]
    (tmp_path / "r.yml").write_text(yaml.safe_dump({"groups": rules}), encoding="utf-8")
    test = {"interval": "1m", "input_series": series, "promql_expr_test": [burning, fires]}
    asked = {"rule_files": ["r.yml"], "evaluation_interval": "1m", "tests": [test]}
    (tmp_path / "t.yml").write_text(yaml.safe_dump(asked), encoding="utf-8")
    said = subprocess.run([TOOL, "test", "rules", "t.yml"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert said.returncode == 0, said.stdout + said.stderr


@needs_promtool
def test_what_is_out_of_the_ordinary_is_scored_once_it_is_trained(tmp_path: Path) -> None:
    """A processor that idles 80 % of the time for a day, and then hardly; the band is never narrower than 5 %."""
    area = next(area for area in AREAS if area.name == "anomaly")
    idle = " ".join(f"{min(step, 750) * 96 + max(step - 750, 0) * 12}" for step in range(780))
    rules = [rule for group in render.groups([area], render.Settings()) for rule in group["rules"]]
    (tmp_path / "r.yml").write_text(yaml.safe_dump({"groups": [{"name": "x", "rules": rules}]}), encoding="utf-8")
    score = 'round(vigil:signal_score{signal="cpu"})'
    asked = [{"expr": score, "eval_time": "1h", "exp_samples": [{"labels": '{host="a",signal="cpu"}', "value": 0}]},
             {"expr": "count(vigil:signal_trained)", "eval_time": "1h", "exp_samples": []},
             {"expr": score, "eval_time": "1550m", "exp_samples": [{"labels": '{host="a",signal="cpu"}', "value": 14}]},
             {"expr": 'count(ALERTS{alertname="SignalHigh",alertstate="firing"})', "eval_time": "1550m",
              "exp_samples": [{"labels": "{}", "value": 1}]}]  # fmt: skip
    test = {"interval": "2m", "input_series": [{"series": 'node_cpu_seconds_total{host="a",mode="idle"}', "values": idle}],
            "promql_expr_test": asked}  # fmt: skip
    document_ = {"rule_files": ["r.yml"], "evaluation_interval": "2m", "tests": [test]}
    (tmp_path / "t.yml").write_text(yaml.safe_dump(document_), encoding="utf-8")
    said = subprocess.run([TOOL, "test", "rules", "t.yml"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert said.returncode == 0, said.stdout + said.stderr


@needs_promtool
def test_a_host_of_its_own_severity_and_one_that_is_off(tmp_path: Path) -> None:
    case = CASES["HostMemoryLow"]
    groups = groups_of(case.rule, AREAS, {"a": {"severity": "critical"}, "b": {"enabled": False}})
    series = {name.replace('"a"', f'"{host}"'): value for host in "abc" for name, value in case.fires.items()}
    test = firing(case, constant(case, series), case.steps, 2)
    test["promql_expr_test"].append({
        "expr": 'count(ALERTS{severity="critical",host="a",alertstate="firing"})', "eval_time": f"{case.steps}m",
        "exp_samples": [{"labels": "{}", "value": 1}]})  # fmt: skip
    trial = trials(case, AREAS)[0].__class__("variants", groups, [test], 60)
    assert run(TOOL, [trial], tmp_path) == {}


def test_keep_firing_for_is_left_out_for_an_old_server() -> None:
    def kept(version: str) -> int:
        return sum("keep_firing_for" in rule for group in document({}, {}, version)["groups"] for rule in group["rules"])

    assert kept("2.41.0") == 0
    assert kept("") == kept("2.42.0") == kept("3.1.0") > 100
