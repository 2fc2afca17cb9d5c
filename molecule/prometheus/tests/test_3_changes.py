# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an operator changes from day to day, and what each change costs the service."""

from __future__ import annotations

import pytest

HOSTS = ("pkg12", "arc13")
SHOW = {"prometheus.service": "/etc/prometheus/prometheus.yml"}
RELOADED = "prometheus_config_last_reload_success_timestamp_seconds"
TARGETS = {"lab": ["mirror:8080"]}
BY_HAND = "/etc/prometheus/rules/by_hand.yml"


def _reloaded(host):
    _status, page = host.ask(9090, "/metrics", "admin", host.password("prometheus", "admin"))
    return float(next(line.split()[1] for line in page.splitlines() if line.startswith(f"{RELOADED} ")))


def _lives(at):
    return {name: (at[name].unit("prometheus")["MainPID"], _reloaded(at[name])) for name in HOSTS}


def _rules(host):
    return {rule["name"] for group in host.api("/api/v1/rules")["data"]["groups"] for rule in group["rules"]}


@pytest.fixture(scope="module", autouse=True)
def with_targets(operator):
    """A job of the operator's own, with no targets yet: further ones are a change of data."""
    operator.run("converge.yml", prometheus_targets={"lab": []}).changed(*HOSTS)


def test_a_changed_target_needs_no_reload(operator, at, wait_until):
    before = _lives(at)
    operator.run("converge.yml", prometheus_targets=TARGETS).changed(*HOSTS)
    for name in HOSTS:
        wait_until(lambda host=at[name]: "mirror:8080" in [
            item["labels"]["instance"] for item in host.api("/api/v1/targets?scrapePool=lab")["data"]["activeTargets"]
        ], why=f"the new target in {name}")  # fmt: skip
    assert _lives(at) == before


def test_rules_come_and_go_with_a_reload(operator, at, tmp_path):
    """One rule is new, one file left the list; what somebody put there by hand is not ours to take."""
    (tmp_path / "own.yml").write_text((operator.scenario / "files/rules/own.yml").read_text(encoding="utf-8"), encoding="utf-8")
    before = _lives(at)
    for name in HOSTS:
        assert {"own:up:sum", "leaving:up:count"} <= _rules(at[name])
        at[name].sh(f"printf 'groups: [{{name: hand, rules: [{{record: hand:one, expr: \"1\"}}]}}]' > {BY_HAND}")
    alert = [{"alert": "Slow", "expr": "scrape_duration_seconds > 5"}]
    ran = operator.run("converge.yml", "-v", prometheus_targets=TARGETS, prometheus_alert_rules_files=[f"{tmp_path}/*.yml"],
                       prometheus_alert_rules=alert).changed(*HOSTS)  # fmt: skip
    assert ran.said.count("action: reload") == 2
    for name in HOSTS:
        pid, reloaded = _lives(at)[name]
        assert (pid, reloaded > before[name][1]) == (before[name][0], True)
        assert {"own:up:sum", "Slow", "hand:one"} <= _rules(at[name])
        assert "leaving:up:count" not in _rules(at[name])
        assert at[name].sh("ls /etc/prometheus/rules").split() == ["by_hand.yml", "coverage.yml", "operator.yml", "own.yml", "vigil.yml"]
        at[name].sh(f"rm {BY_HAND}")


def test_a_hand_edit_is_kept_where_the_operator_says_so(operator, at):
    for name in HOSTS:
        at[name].sh("echo '# somebody was here' >> /etc/prometheus/prometheus.yml")
    kept = operator.run("converge.yml", "--diff", prometheus_targets={"lab": []}, prometheus_hand_edits="keep").changed(*HOSTS)
    assert "file_sd/lab.yml" in kept.said
    assert all("somebody was here" in at[name].sh("cat /etc/prometheus/prometheus.yml") for name in HOSTS)


def test_a_hand_edit_can_stop_the_run(operator, at):
    operator.run("converge.yml", prometheus_hand_edits="refuse").failed("/etc/prometheus/prometheus.yml was edited by hand")
    assert all("somebody was here" in at[name].sh("cat /etc/prometheus/prometheus.yml") for name in HOSTS)


def test_a_hand_edit_is_shown_and_replaced(operator, at):
    ran = operator.run("converge.yml", "--diff").changed(*HOSTS)
    assert ran.said.count("prometheus.yml (edited by hand)") == 2
    assert ran.said.count("-# somebody was here") == 2
    assert not any("somebody was here" in at[name].sh("cat /etc/prometheus/prometheus.yml") for name in HOSTS)
