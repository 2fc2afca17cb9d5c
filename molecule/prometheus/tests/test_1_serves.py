# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a converged scenario looks like from outside. Reads only."""

from __future__ import annotations

import pytest

HOSTS = ("pkg12", "arc13")
SERVICES = {"prometheus": 9090, "alertmanager": 9093}
SHOW = {
    "prometheus.service": "/etc/prometheus/prometheus.yml",
    "alertmanager.service": "/etc/alertmanager/alertmanager.yml",
    "prometheus-alertmanager.service": "/etc/alertmanager/alertmanager.yml",
}


@pytest.fixture(params=HOSTS)
def server(request, at):
    return at[request.param]


def test_every_target_is_up(server, wait_until):
    def seen():
        targets = server.api("/api/v1/targets?state=active")["data"]["activeTargets"]
        return {(item["labels"]["job"], item["labels"]["host"]): item["health"] for item in targets}

    wanted = {(job, name): "up" for job in SERVICES for name in HOSTS}
    wait_until(lambda: seen() == wanted, why=f"{wanted} seen by {server.name}")


@pytest.mark.parametrize(("name", "source"), [("pkg12", "2."), ("arc13", "3.16.0")])
def test_the_version_that_was_asked_for_runs(at, name, source):
    assert at[name].api("/api/v1/status/buildinfo")["data"]["version"].startswith(source)


def test_alerts_of_each_server_reach_each_alertmanager(server, at, wait_until):
    def watchdogs():
        alerts = server.api("/api/v2/alerts", 9093, "alertmanager")
        return [item["labels"] for item in alerts if item["labels"]["alertname"] == "Watchdog"]

    wait_until(watchdogs, why="Watchdog")
    active = server.api("/api/v1/alertmanagers")["data"]["activeAlertmanagers"]
    assert sorted(item["url"] for item in active) == sorted(f"https://{at[name].address}:9093/api/v2/alerts" for name in HOSTS)


def test_two_versions_form_one_cluster_over_tls(server, wait_until):
    def peers():
        cluster = server.api("/api/v2/status", 9093, "alertmanager")["cluster"]
        return cluster["status"] == "ready" and len(cluster["peers"]) == 2

    wait_until(peers, why="a cluster of two")


@pytest.mark.parametrize(("service", "port"), SERVICES.items())
def test_who_may_ask(server, service, port):
    password = server.password(service, "admin")
    assert server.ask(port, "/-/ready", "admin", password)[0] == 200
    assert server.ask(port, "/-/ready")[0] == 401
    assert server.ask(port, "/-/ready", "admin", password + "x")[0] == 401
    assert server.ask(port, "/-/ready", "nobody", password)[0] == 401
    status, words = server.ask(port, "/-/ready", "admin", password, scheme="http")
    assert (status, "HTTPS" in words) == (400, True)


def test_nothing_else_listens(server):
    ports = {line.split()[3].rpartition(":")[2] for line in server.sh("ss -Hltn").splitlines() if not line.split()[3].startswith("127.")}
    assert ports - {"22"} == {"9090", "9093", "9094"}


@pytest.mark.parametrize("folder", ["/etc/prometheus", "/etc/alertmanager"])
def test_files_are_for_the_service_alone(server, folder):
    ours = server.sh(f"find {folder} -type f -newer /etc/machine-id -perm /o+rwx")
    assert [path for path in ours.split() if "/tls/" in path or path.endswith(".yml") or "/secrets/" in path] == []
    assert server.sh(f"stat -c '%a %U' {folder}/tls/host.key {folder}/web.yml").split() == ["640", "root"] * 2
    assert "no" in server.sh(f"runuser -u nobody -- cat {folder}/tls/host.key >/dev/null 2>&1 || echo no")


def test_no_secret_in_a_process_list(server):
    book = (server.secrets / "passwords.yml").read_text(encoding="utf-8")
    secrets = [word for line in book.splitlines() if (word := line.rpartition(": ")[2].strip("'\"")) and len(word) > 12]
    listed = server.sh("cat /proc/*/cmdline /proc/*/environ 2>/dev/null | tr '\\0' '\\n'", check=False)
    assert secrets
    assert [word for word in secrets if word in listed] == []


def test_services_start_at_boot_and_are_fenced_in(server):
    assert server.unit("prometheus")["UnitFileState"] == "enabled"
    shown = server.sh("systemctl show prometheus -p NoNewPrivileges -p ProtectSystem -p User")
    assert {"NoNewPrivileges=yes", "ProtectSystem=strict", "User=prometheus"} <= set(shown.split())


def test_check_mode_on_converged_hosts_reports_no_change(operator):
    operator.run("converge.yml", "--check", "--diff").unchanged()
