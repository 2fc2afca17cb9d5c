# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The deployed stack from outside, and the playbooks that only read."""

from __future__ import annotations

import pytest

from tests.metrics import catalogue, queries

EXPORTERS = {"node": 9100, "process": 9256}
UNITS = {
    "prometheus-node-exporter.service": "/etc/node_exporter/web.yml",
    "prometheus-process-exporter.service": "/etc/process_exporter/web.yml",
}
SHOW = {**UNITS, "prometheus.service": "/etc/prometheus/prometheus.yml"}
PLACES = "/etc /var /opt /usr/local /root /tmp /run"
FOLDERS = "/etc/node_exporter /etc/process_exporter /etc/blackbox_exporter /etc/prometheus /etc/alertmanager /var/lib/vigil"


def _targets(mon):
    found = mon.api("/api/v1/targets?state=active")["data"]["activeTargets"]
    return {(item["labels"]["job"], item["labels"].get("host", "-")): item["health"] for item in found}


def test_every_target_of_the_inventory_is_up(at, wait_until):
    pairs = [(job, name) for job in (*EXPORTERS, "health_agent") for name in at]
    pairs += [("prometheus", "mon"), ("alertmanager", "mon"), ("blackbox_exporter", "mon"), ("blackbox-ssh_banner", "-")]
    wanted = dict.fromkeys(pairs, "up")
    wait_until(lambda: _targets(at["mon"]) == wanted, why=str(wanted))


def test_a_probe_goes_through(at, wait_until):
    wait_until(lambda: at["mon"].api("/api/v1/query?query=probe_success")["data"]["result"][0]["value"][1] == "1")


def test_every_query_of_the_documents_has_an_answer(at, wait_until):
    note = "/var/lib/prometheus/node-exporter/backup.prom"
    at["mon"].sh(f"printf 'backup_age_seconds 1\\n' > {note}")
    rows = [row for row in catalogue.rows() if not row.module]
    assert len(rows) > 50
    wait_until(lambda: not queries.refused(at["mon"].api, rows), why=f"an answer to each: {queries.refused(at['mon'].api, rows)}")
    at["mon"].sh(f"rm {note}")


def test_the_alert_that_always_fires_arrives(at, wait_until):
    wait_until(lambda: "Watchdog" in [item["labels"]["alertname"] for item in at["mon"].api("/api/v2/alerts", 9093, "alertmanager")])


def test_exporters_talk_to_nobody_without_a_certificate(at):
    for host in at.values():
        for port in EXPORTERS.values():
            assert host.ask(port, "/metrics")[0] == 0
            assert host.ask(port, "/metrics", scheme="http")[0] in (0, 400)


def test_no_secret_is_in_a_file_that_others_can_read(at):
    for host in at.values():
        keys = host.sh(f"grep -rlE 'BEGIN ([A-Z]+ )?PRIVATE KEY' {PLACES} 2>/dev/null", check=False).splitlines()
        assert [path for path in keys if path.endswith("/tls/host.key")]
        open_ones = host.sh(f"find {PLACES} -xdev -type f -perm /o+rwx 2>/dev/null", check=False).splitlines()
        assert sorted(set(keys) & set(open_ones)) == []
        secret = "-name host.key -o -path '*/secrets/*' -o -path '/var/lib/vigil/*'"
        assert host.sh(f"find {FOLDERS} -type f \\( {secret} \\) -perm /o+rwx 2>/dev/null", check=False) == ""


def test_secrets_on_the_controller_are_their_owners(ephemeral):
    store = ephemeral / "inventory/.vigil"
    assert {oct(path.stat().st_mode & 0o077) for path in (store, *store.rglob("*"))} == {"0o0"}


def test_verify_says_that_all_is_as_asked_for(operator):
    operator.run("verify.yml").unchanged()


def test_verify_fails_on_a_host_that_differs_and_changes_nothing(operator, at):
    at["app1"].sh("echo '# edited' >> /etc/node_exporter/web.yml")
    try:
        ran = operator.run("verify.yml", "--limit", "app1,mon").failed("differs from what", "/etc/node_exporter/web.yml")
        assert (ran.hosts["app1"].failed, ran.hosts["mon"].failed) == (1, 0)
        assert "# edited" in at["app1"].sh("cat /etc/node_exporter/web.yml")
    finally:
        at["app1"].sh("sed -i '/# edited/d' /etc/node_exporter/web.yml")


def test_targets_prints_a_line_for_each_target(operator, at):
    said = operator.run("targets.yml").unchanged().said
    for name in at:
        for job, port in {**EXPORTERS, "health_agent": 9890}.items():
            line = next(line for line in said.splitlines() if line.split()[:3] == [name, job, f"{at[name].address}:{port}"])
            assert line.split()[3] == "up"


def test_targets_names_the_blind_spot(operator, at):
    name = "db'1#2"
    at[name].sh("systemctl stop prometheus-node-exporter")
    try:
        ran = operator.run("targets.yml", prometheus_verify_timeout=5).failed(f"node on {name} ({at[name].address}:9100) is down")
        assert "connection refused" in ran.said
        assert "1 of 13 targets" in ran.said
    finally:
        at[name].sh("systemctl start prometheus-node-exporter")


@pytest.mark.parametrize(("variables", "words"), [
    ({"prometheus_storage_retentoin": "1d"}, ["prometheus_storage_retentoin", "did you mean prometheus_storage_retention?"]),
    ({"vigil_secret_dir": "x"}, ["vigil_secret_dir", "did you mean vigil_secrets_dir?"]),
    ({"prometheus_targets": ["10.0.0.1:80"]}, ["prometheus_targets", "dict"]),
    ({"node_exporter_enabled": "perhaps"}, ["Validation of arguments failed", "node_exporter_enabled", "bool"]),
    ({"process_exporter_groups": [{"name": "a", "cmd": "b"}]}, ["Validation of arguments failed", "process_exporter_groups.cmd"]),
    ({"node_exporter_web_listen_address": "9100"}, ["'9100' is no address to listen on"]),
    ({"prometheus_targets": {"node": ["x:1"]}}, ["The scrape job 'node' stands twice", "rename one"]),
    ({"alertmanager_route": {"receiver": "pager"}}, ["A route names the receiver 'pager'"]),
], ids=["unknown", "unknown-shared", "type", "exporter-type", "exporter-key", "address", "clash", "receiver"])  # fmt: skip
def test_mistaken_options_are_refused_before_anything_is_touched(operator, at, variables, words):
    before = {name: host.files("/etc") for name, host in at.items()}
    operator.run("site.yml", "--limit", "mon", **variables).failed(*words)
    assert before == {name: host.files("/etc") for name, host in at.items()}
