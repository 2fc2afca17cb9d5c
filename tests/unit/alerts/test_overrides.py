# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``vigil_alert_overrides`` and ``vigil_slos``: read, laid over each other, refused."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.inventory.manager import InventoryManager
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar
from ansible.vars.hostvars import HostVars
from ansible.vars.manager import VariableManager
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.alerts import overrides, parse, render, slo
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.model import InvalidInput
from ansible_collections.vigil.monitoring.plugins.plugin_utils.alerts import rules as rules_of

from tests.alerts.case import areas
from tests.unit.plugin_loader import plugin_loader

AREAS = areas()
KNOWN = {rule.id: rule for rule in parse.rules(AREAS)}
HOSTS = {"all": {"children": {
    "prometheus": {"hosts": {"mon1": None}},
    "db": {"hosts": {"db1": None}, "vars": {"vigil_alert_overrides": {"HostMemoryLow": {"threshold": {"free": 0.03}}}}},
}}}  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def _plugins() -> Iterator[None]:
    with plugin_loader():
        yield


def test_layers_are_merged_threshold_by_threshold() -> None:
    merged = overrides.merge([
        ("all", {"HostDiskReadSlow": {"threshold": {"latency": 0.2}, "labels": {"team": "a"}}}),
        ("db1", {"HostDiskReadSlow": {"threshold": {"reads": "3"}, "for": "1h", "labels": {"tier": "b"}}}),
    ], KNOWN)  # fmt: skip
    one = overrides.tuned(KNOWN["HostDiskReadSlow"], merged["HostDiskReadSlow"])
    assert (one.thresholds, one.for_, one.labels) == ({"latency": 0.2, "reads": 3.0}, "1h", {"team": "a", "tier": "b"})
    assert overrides.tuned(KNOWN["HostDiskReadSlow"], {}).thresholds == {"latency": 0.1, "reads": 1.0}


@pytest.mark.parametrize(("given", "words"), [
    ({"HostMemoryLwo": {}}, "x: HostMemoryLwo is no rule; did you mean HostMemoryLow?"),
    ({"Zzz": {}}, "Zzz is no rule; docs/alerts.md lists all of them."),
    ({"HostMemoryLow": 5}, "5 was found, expected a mapping with threshold, for"),
    ({"HostMemoryLow": {"treshold": 1}}, "treshold cannot be overridden; did you mean threshold?"),
    ({"HostMemoryLow": {"threshold": {"fre": 1}}}, "fre is no threshold of the rule; did you mean free?"),
    ({"HostMemoryLow": {"threshold": "much"}}, "'much' was found, expected a number"),
    ({"HostMemoryLow": {"threshold": True}}, "True was found, expected a number"),
    ({"HostDiskReadSlow": {"threshold": 1}}, "the rule's thresholds are: latency, reads. Name the one you mean."),
    ({"TargetDown": {"threshold": 1}}, "the rule's thresholds are: none"),
    ({"HostMemoryLow": {"for": 5}}, "expected a duration"),
    ({"HostMemoryLow": {"severity": "page"}}, "expected one of critical, warning, info, none"),
    ({"HostMemoryLow": {"enabled": "perhaps"}}, "expected true or false"),
    ({"HostMemoryLow": {"labels": "a"}}, "expected a mapping of labels"),
    (["HostMemoryLow"], "list was found, expected a mapping of rules"),
])  # fmt: skip
def test_what_is_wrong_is_refused(given: Any, words: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        overrides.merge([("x", given)], KNOWN)
    assert words in str(refusal.value)


@pytest.mark.parametrize(("given", "words"), [
    ({"SloBudgetLow": {"threshold": 0.5}}, "db1: SloBudgetLow is not about one host"),
    ({"HostMemoryLow": {"selector": 'a="b"'}}, "db1: HostMemoryLow: a selector holds for all hosts"),
])  # fmt: skip
def test_what_cannot_be_a_hosts_own_is_refused(given: Any, words: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        render.groups(AREAS, render.Settings({}, {"db1": overrides.merge([("x", given)], KNOWN)}))
    assert words in str(refusal.value)


OBJECTIVE = {"name": "shop", "objective": 99.9, "total": "sum(a)", "errors": "sum(b)"}


@pytest.mark.parametrize(("change", "words"), [
    ({"name": "two words"}, "expected an objective with a name of letters"),
    ({"objective": 0.999}, "0.999 was found, expected a percentage from 50 to below 100"),
    ({"objective": 100}, "expected a percentage"),
    ({"total": ""}, "total is missing"),
    ({"good": "sum(c)"}, "expected one of errors"),
    ({"minimum": -1}, "expected requests a second"),
    ({"totl": "x"}, "totl is not known; did you mean total?"),
])  # fmt: skip
def test_an_objective_that_is_wrong_is_refused(change: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        slo.parse([{**OBJECTIVE, **change}])
    assert words in str(refusal.value)


def test_latency_is_what_was_not_fast_enough() -> None:
    one = slo.parse([{"name": "fast", "objective": 99, "total": "sum(t)", "good": "sum(g)"}])[0]
    assert (one.objective, one.errors) == (0.99, "(sum(t)) - (sum(g))")
    with pytest.raises(InvalidInput, match="the name shop is there twice"):
        slo.parse([OBJECTIVE, OBJECTIVE])


def rules_in(folder: Path, **more: Any) -> list[dict[str, Any]]:
    (folder / "group_vars").mkdir(exist_ok=True)
    (folder / "hosts.yml").write_text(yaml.safe_dump(HOSTS), encoding="utf-8")
    common = {"left": 0.2, "vigil_alert_overrides": {"HostMemoryLow": {"threshold": "{{ left }}"}}}
    (folder / "group_vars/all.yml").write_text(yaml.safe_dump(common), encoding="utf-8")
    loader = DataLoader()
    manager = InventoryManager(loader, sources=[str(folder / "hosts.yml")])
    variables = VariableManager(loader, manager)
    found = variables.get_vars(host=manager.get_host("mon1"))
    found.update(hostvars=HostVars(manager, variables, loader), **more)
    made = rules_of(found, Templar(loader, variables=found).template, {}, "", "https://x")
    return [rule for group in made["groups"] for rule in group["rules"]]


def test_all_a_group_and_the_command_line(tmp_path: Path) -> None:
    made = rules_in(tmp_path)
    own = [(rule["labels"]["host"], rule["expr"]) for rule in made if rule.get("record") == "vigil_alert_threshold"]
    alert = next(rule for rule in made if rule.get("alert") == "HostMemoryLow")
    assert own == [("db1", "vector(0.03)")]
    assert "max by (host) (up) * 0 + 0.2)" in alert["expr"]
    above = rules_in(tmp_path, vigil_alert_overrides={"HostMemoryLow": {"threshold": 0.5}})
    assert not [rule for rule in above if rule.get("record") == "vigil_alert_threshold"]
    assert next(rule for rule in above if rule.get("alert") == "HostMemoryLow")["expr"].endswith("< 0.5")
