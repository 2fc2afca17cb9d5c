# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The catalogue as a whole: nothing without its case, its metric, its runbook, its words."""

from __future__ import annotations

import re
from typing import Any

import pytest
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.alerts import expected, expression, parse, slo
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.alerts.model import Rule
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.model import InvalidInput

from tests.alerts.case import ROOT, areas, cases, documents

AREAS = areas()
RULES = {rule.id: rule for rule in parse.rules(AREAS)}
CASES, DOCUMENTS = cases(), documents()
RECORDED = ROOT / "tests" / "metrics" / "recorded"
# Metrics that this catalogue records itself, and those it joins from another job beside its own exporter's.
OURS = {record.record for area in AREAS for record in area.records} | {expected.RECORD, *slo.RECORDED}
EVERYWHERE = ("prometheus", "node_exporter")


def recorded(exporter: str) -> set[str]:
    lines = (RECORDED / f"{exporter}.txt").read_text(encoding="utf-8").splitlines()
    return {line for line in lines if not line.startswith("#")}


def test_there_are_enough_of_each_kind() -> None:
    assert len(RULES) >= 120
    assert {rule.kind for rule in RULES.values()} == {"threshold", "trend", "missing", "slo", "anomaly"}
    assert {"Watchdog", "TargetDown", "PrometheusReloadFailed"} <= set(RULES)


def test_each_rule_has_a_case_and_each_case_a_rule() -> None:
    assert set(DOCUMENTS) == set(RULES)


@pytest.mark.parametrize("rule", RULES.values(), ids=lambda rule: rule.id)
def test_each_case_is_whole(rule: Rule) -> None:
    case, document = CASES[rule.id], DOCUMENTS[rule.id]
    assert set(document) <= {"fires", "quiet", "override", "ends", "alone", "at", "interval"}
    assert set(case.override) == set(rule.thresholds)
    assert rule.id == "Watchdog" or case.quiet
    assert not case.alone or rule.kind == "missing"


@pytest.mark.parametrize("area", AREAS, ids=lambda area: area.name)
def test_each_metric_is_one_that_a_real_exporter_gave(area: Any) -> None:
    known = OURS.union(*(recorded(exporter) for exporter in (*area.exporters, *EVERYWHERE)))
    read = {name for rule in (*area.rules, *area.records) for name in expression.metrics(rule.expr)}
    assert read - known == set()


def test_each_rule_has_its_place_in_a_runbook() -> None:
    for area in AREAS:
        headings = re.findall(r"^## (\w+)$", (ROOT / "docs" / "runbooks" / f"{area.name}.md").read_text(encoding="utf-8"), re.M)
        assert headings == [rule.id for rule in area.rules]


@pytest.mark.parametrize("rule", RULES.values(), ids=lambda rule: rule.id)
def test_words(rule: Rule) -> None:
    for texts in (rule.summary, rule.description):
        assert re.search(r"[\u4e00-\u9fff]", texts["zh"]) and not re.search(r"[\u4e00-\u9fff]", texts["en"])
        assert sorted(re.findall(r"{{.*?}}", texts["en"])) == sorted(re.findall(r"{{.*?}}", texts["zh"]))
    assert len(rule.summary["en"]) <= 140


RULE: dict[str, Any] = {
    "id": "X", "kind": "threshold", "expr": "a / b > $most", "thresholds": {"most": 1}, "severity": "warning", "unit": "ratio",
    "summary": {"en": "s", "zh": "z"}, "description": {"en": "d", "zh": "c"}, "why": "w", "look": "l", "do": "d",
}  # fmt: skip


@pytest.mark.parametrize(("change", "words"), [
    ({"sverity": "warning"}, "sverity is not known; did you mean severity?"),
    ({"kind": "hard"}, "expected one of threshold, trend, missing, slo, anomaly"),
    ({"severity": "page"}, "expected one of critical, warning, info, none"),
    ({"expr": "a > $least"}, "the expression uses ['least'], thresholds has ['most']"),
    ({"expr": "a * $most > 1"}, "$most is not the right side of a comparison"),
    ({"for": "5 minutes"}, "expected a duration such as 30s, 5m or 1h"),
    ({"summary": {"en": "s"}}, "expected a text in each of en, zh"),
    ({"why": ""}, "why is missing or empty"),
])  # fmt: skip
def test_a_document_that_is_wrong_is_refused(change: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        parse.catalogue([{"area": "x", "title": {"en": "X", "zh": "叉"}, "rules": [{**RULE, **change}]}])
    assert words in str(refusal.value)


def test_two_rules_of_one_id_are_refused() -> None:
    with pytest.raises(InvalidInput, match="The rule X is in the areas x and y"):
        parse.catalogue([{"area": name, "title": {"en": "X", "zh": "叉"}, "rules": [RULE]} for name in "xy"])


@pytest.mark.parametrize(("expr", "names"), [
    ('rate(a_total{x="b_c",y=~"d"}[5m]) > 1', ["a_total"]),
    ("sum by (host) (a) / on (host) group_left (job) max(b offset 1w) and c unless d", ["a", "b", "c", "d"]),
    ("quantile_over_time(0.5, vigil:signal[1d:10m])", ["vigil:signal"]),
    ("time() - a > 1h and absent(up)", ["a", "up"]),
    ('count_values by (job) ("hash", a)', ["a"]),
])  # fmt: skip
def test_metrics_of_an_expression(expr: str, names: list[str]) -> None:
    assert expression.metrics(expr) == names


@pytest.mark.parametrize(("expr", "wanted"), [
    ("a / b > 1", 'a{env="p"} / b{env="p"} > 1'),
    ('rate(a{x="{"}[5m]) and c{}', 'rate(a{env="p",x="{"}[5m]) and c{env="p"}'),
    ("sum by (a) (a)", 'sum by (a) (a{env="p"})'),
])  # fmt: skip
def test_a_selector_is_put_into_each_metric(expr: str, wanted: str) -> None:
    assert expression.with_selector(expr, 'env="p"') == wanted
