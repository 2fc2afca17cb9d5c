# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The agents as load balancers, people and Prometheus see them, and the same checks as a task."""

from __future__ import annotations

import json

import pytest

PORT = 9890
SHOW = {"vigil-agent.service": "/etc/vigil-agent/agent.json"}
EXPECTED = {
    "mon": {"disks", "memory", "load", "units", "prometheus"},
    "web1": {"disks", "memory", "load", "units", "ssh", "nginx", "page", "shop", "workers", "postgresql"},
    "db1": {"disks", "memory", "load", "units", "ssh", "mysql", "redis"},
}


@pytest.mark.parametrize("name", EXPECTED)
def test_every_check_of_every_group_passes(agents, name, wait_until):
    wait_until(lambda: agents[name].ask("/health")[1]["status"] == "pass", why=f"all of {name} passes: {agents[name].ask('/health')}")
    status, document = agents[name].ask("/health")
    assert (status, set(document["checks"])) == (200, EXPECTED[name])
    assert {check[0]["state"] for check in document["checks"].values()} == {"pass"}


@pytest.mark.parametrize("path", ["/health/live", "/health/ready", "/health/startup", "/health", "/health/disks"])
def test_without_the_token_only_a_status_is_told(at, path):
    status, body = at["web1"].ask(PORT, path)
    assert status == 200
    assert set(json.loads(body)) <= {"status", "version", "time", "interval"}
    assert at["web1"].ask(PORT, path, method="HEAD") == (200, "")


def test_a_wrong_token_is_refused_and_nothing_leaks(at):
    status, body = at["web1"].ask(PORT, "/health", token="wrong")
    assert status == 401
    assert not any(word in body for word in EXPECTED["web1"])
    assert at["web1"].ask(PORT, "/metrics")[0] == 401


def test_roles_for_load_balancers(at):
    assert at["web1"].ask(PORT, "/primary")[0] == 200
    assert at["web1"].ask(PORT, "/replica")[0] == 503
    assert at["mon"].ask(PORT, "/primary")[0] == 503
    assert at["db1"].ask(PORT, "/primary?check=redis")[0] == 200


@pytest.mark.parametrize("name", EXPECTED)
def test_the_agent_has_no_more_rights_than_it_needs(at, name):
    host = at[name]
    pid = host.unit("vigil-agent")["MainPID"]
    status = dict(line.split(":\t", 1) for line in host.sh(f"cat /proc/{pid}/status").splitlines() if ":\t" in line)
    assert status["Uid"].split()[0] == host.sh("id -u vigil-agent").strip()
    assert (status["NoNewPrivs"], status["CapInh"]) == ("1", status["CapBnd"])
    assert int(status["CapEff"], 16) == 0 or name == "web1"
    words = host.sh("systemd-analyze security --no-pager vigil-agent.service").splitlines()[-1]
    assert float(next(word for word in words.split() if word.replace(".", "").isdigit())) < 4.0, words


def test_configuration_and_token_are_no_ones_business(at):
    for path in ("agent.json", "secrets/token", "tls/host.key"):
        assert at["web1"].sh(f"stat -c '%a %U %G' /etc/vigil-agent/{path}").strip() == "640 root vigil-agent"


def test_the_same_checks_as_a_task(operator):
    said = operator.run("checks.yml").unchanged().said
    assert "10 pass" in said
    assert "5 pass" in said


def test_prometheus_sees_the_agents_and_how_much_is_seen(at, wait_until):
    def values(query):
        found = at["mon"].api(f"/api/v1/query?query={query}")["data"]["result"]
        return {(item["metric"].get("host") or item["metric"].get("group")): float(item["value"][1]) for item in found}

    wait_until(lambda: values("up%7Bjob=%22health_agent%22%7D==1").keys() == {"mon", "web1", "db1"}, why="three agents are up")
    wait_until(lambda: values("vigil_coverage_ratio").get("monitored") == 1, why="everything is covered")
    assert {"monitored", "shop", "redis"} <= values("vigil_coverage_ratio").keys()
    at["db1"].sh("systemctl stop vigil-agent")
    try:
        wait_until(lambda: values("vigil_coverage_ratio").get("redis") == 0, why="the group redis is not seen any more")
        assert round(values("vigil_coverage_ratio")["monitored"], 2) == 0.67
    finally:
        at["db1"].sh("systemctl start vigil-agent")


def test_metrics_are_well_formed(at, agents):
    page = agents["web1"].page()
    at["mon"].sh(f"cat > /tmp/metrics <<'END'\n{page}END\n")
    assert at["mon"].sh("promtool check metrics < /tmp/metrics 2>&1; rm /tmp/metrics").strip() == ""
    assert 'vigil_check_state{check="page",kind="http",state="pass"} 1' in page
