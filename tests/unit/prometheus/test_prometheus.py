# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Discovery, configuration, command lines and verdict: by the documents of tests/cases/prometheus."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil import alertmanager, flags
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.model import InvalidInput
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.prometheus import config, coverage, targets, verdict
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.secret_values import secret_values

CASES = Path(__file__).parents[2] / "cases" / "prometheus"
OPTIONS: dict[str, Any] = {
    "tls": False, "global": {}, "external_labels": {}, "alertmanager_config": [], "alertmanagers": [], "targets": {},
    "blackbox_targets": {}, "blackbox_exporter": "", "scrape_configs": [], "scrape_config_files": [], "remote_write": [],
    "remote_read": [], "agent_mode": False,
}
SERVER: dict[str, Any] = {
    "config_dir": "/c", "db_dir": "/d", "listen": ":9090", "web_config": True, "external_url": "", "retention": "30d",
    "retention_size": "", "agent_mode": False, "version": "", "admin_api": False, "extra": {},
}
ALERTMANAGER: dict[str, Any] = {
    "config_dir": "/c", "db_dir": "/d", "listen": ":9093", "web_config": True, "external_url": "", "retention": "120h",
    "cluster": "", "cluster_tls": False, "peers": [], "extra": {},
}


def load(name: str) -> list[Any]:
    """Return the cases of a document as parameters named by the case."""
    return [pytest.param(case, id=case["name"]) for case in yaml.safe_load((CASES / name).read_text(encoding="utf-8"))]


def discover(case: dict[str, Any]) -> dict[str, Any]:
    return targets.discovery(
        targets.parse_jobs(case["jobs"]), case.get("groups", {}), case.get("hostvars", {}),
        case.get("targets", {}), case.get("blackbox", {}),
    )


def build(case: dict[str, Any]) -> dict[str, Any]:
    return config.build_config({**OPTIONS, **case["options"]}, targets.parse_jobs(case.get("jobs", {})))


@pytest.mark.parametrize("case", load("discovery.yml"))
def test_discovery(case: dict[str, Any]) -> None:
    if "error" in case:
        with pytest.raises(InvalidInput) as refusal:
            discover(case)
        assert case["error"] in str(refusal.value)
    else:
        assert discover(case) == case["files"]


@pytest.mark.parametrize("case", load("config.yml"))
def test_config(case: dict[str, Any]) -> None:
    if "error" in case:
        with pytest.raises(InvalidInput) as refusal:
            build(case)
        assert case["error"] in str(refusal.value)
        return
    built = build(case)
    assert {key: built[key] for key in case.get("has", {})} == case.get("has", {})
    assert not set(case.get("lacks", [])) & set(built)


@pytest.mark.parametrize("case", load("commands.yml"))
def test_command(case: dict[str, Any]) -> None:
    if "server" in case:
        assert flags.server_command("/p", {**SERVER, **case["server"]}) == case["words"]
    else:
        assert flags.alertmanager_command("/p", {**ALERTMANAGER, **case["alertmanager"]}) == case["words"]


@pytest.mark.parametrize("case", load("coverage.yml"))
def test_coverage(case: dict[str, Any]) -> None:
    rules = coverage.rules(case["groups"])["groups"][0]["rules"]
    expected = {rule["labels"]["group"]: rule["expr"] for rule in rules if rule.get("record") == coverage.EXPECTED}
    reporting = [rule["expr"] for rule in rules if rule.get("record") == coverage.REPORTING]
    assert expected == {group: f"vector({size})" for group, size in case["expected"].items()}
    assert len(reporting) == len(expected)
    assert any(case.get("contains", "") in expression for expression in reporting or [""])


@pytest.mark.parametrize("case", load("verdict.yml"))
def test_verdict(case: dict[str, Any]) -> None:
    seen = verdict.read_targets({"data": {"activeTargets": case["targets"]}})
    versions = verdict.read_versions({"data": {"result": case.get("versions", [])}})
    rows = verdict.decide([tuple(item) for item in case["expected"]], seen, versions)
    assert [[row.host, row.job, row.address, row.state, row.version, row.note] for row in rows] == case["rows"]
    assert len(verdict.failures(rows)) == case["failures"]
    assert verdict.table(rows).count("\n") == len(rows)


def test_expected_targets_come_from_the_files() -> None:
    files = {"node": [{"targets": ["a:1"], "labels": {"host": "a"}}], "shop": [{"targets": ["s:1"]}]}
    assert targets.expected_targets(files) == [("node", "a", "a:1"), ("shop", "-", "s:1")]


@pytest.mark.parametrize("case", load("alertmanager.yml"))
def test_alertmanager(case: dict[str, Any]) -> None:
    defaults = {
        "resolve_timeout": "5m", "smtp": {}, "route": {"receiver": "none"}, "receivers": [{"name": "none"}],
        "inhibit_rules": [], "time_intervals": [], "templates": False,
    }
    if "error" in case:
        with pytest.raises(InvalidInput) as refusal:
            alertmanager.build_config({**defaults, **case["options"]})
        assert case["error"] in str(refusal.value)
    else:
        assert alertmanager.build_config({**defaults, **case["options"]}) == case["config"]


def test_secret_values_are_found_by_their_keys() -> None:
    config = {"a": [{"basic_auth": {"password": "p1", "password_file": "/p"}}], "smtp_auth_password": "p2", "monkey": "m", "token": ""}
    assert secret_values(config) == ["p1", "p2"]
