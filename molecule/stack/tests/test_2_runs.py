# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs on part of the inventory, runs that meet, runs that lose a host, and upgrades host by host."""

from __future__ import annotations

import json

import pytest
import yaml

from tools.lab.docker import Docker
from tools.lab.spec import Host as LabHost
from tools.lab.spec import Lab

SERVICES = ("node_exporter", "process_exporter", "blackbox_exporter", "alertmanager", "prometheus")
SET = ["/etc/systemd/system", *(f"/etc/{name}" for name in SERVICES)]
NODE = "prometheus-node-exporter"
UNITS = (NODE, "prometheus-process-exporter")
SHOW = {f"{NODE}.service": "/etc/systemd/system/prometheus-node-exporter.service.d/vigil.conf"}
LOCK = "/run/vigil/service_config/set-node_exporter.lock"
ODD = "db'1#2"
DEBUG = {"node_exporter_flags_extra": {"log.level": "debug"}}


def _picture(host):
    return host.files(*SET), [host.unit(unit)["MainPID"] for unit in UNITS]


def _in_the_middle(host):
    """Wait until a run holds the lock of the exporter's set, and return its process."""
    host.sh(f"timeout 120 sh -c 'until [ -s {LOCK} ] && ! flock -n {LOCK} true; do sleep 0.05; done'")
    return int(json.loads(host.sh(f"cat {LOCK}"))["pid"])


@pytest.fixture
def sampler(at):
    """All that process lists on app1 showed during the test."""
    script = (
        "import glob,time\nseen=set()\n"
        "while True:\n for p in glob.glob('/proc/[0-9]*/cmdline'):\n  try: seen.add(open(p,'rb').read())\n  except OSError: pass\n"
        " open('/run/sampled','wb').write(b'\\n'.join(seen)); time.sleep(0.03)\n"
    )
    at["app1"].look.run("systemd-run --unit sampler python3 -c %s", script)
    yield lambda: at["app1"].sh("tr '\\0' ' ' < /run/sampled")
    at["app1"].sh("systemctl stop sampler; rm /run/sampled")


def test_an_inventory_without_prometheus(operator, at, ephemeral):
    """Exporters only, with an authority of their own. They then answer to nobody but their own host."""
    every = yaml.safe_load((ephemeral / "inventory/lab.yml").read_text(encoding="utf-8"))["all"]
    tree = {"vars": every["vars"], "children": {"monitored": {"hosts": {"app1": every["hosts"]["app1"]}}}}
    inventory = operator.notes / "exporters.yml"
    inventory.write_text(yaml.safe_dump({"all": tree}), encoding="utf-8")
    operator.run("site.yml", inventory=inventory).changed("app1")
    assert at["app1"].sh("cat /etc/node_exporter/tls/ca.crt") == (operator.notes / ".vigil/ca.crt").read_text(encoding="utf-8")
    operator.run("site.yml", inventory=inventory).unchanged()


def test_a_run_limited_to_one_host_writes_what_a_full_run_writes(operator, at, sampler):
    limited = operator.run("site.yml", "--limit", "app1").changed("app1")
    assert at["app1"].sh("cat /etc/node_exporter/tls/ca.crt") == (at["app1"].secrets / "ca.crt").read_text(encoding="utf-8")
    assert set(limited.hosts) == {"app1"}
    operator.run("site.yml").unchanged()
    key = (at["app1"].secrets / "hosts/app1/host.key").read_text(encoding="utf-8").splitlines()[1]
    assert "/tmp/vigil-stage-" in sampler(), "the run was watched"
    assert key not in sampler()


def test_a_run_limited_to_one_host_mends_it_and_leaves_the_others_alone(operator, at):
    before = {name: _picture(host) for name, host in at.items()}
    at["app1"].sh("rm /etc/node_exporter/web.yml /etc/process_exporter/tls/ca.crt; echo '# x' >> /etc/process_exporter/web.yml")
    operator.run("site.yml", "--limit", "app1").changed("app1")
    after = {name: _picture(host) for name, host in at.items()}
    assert after["app1"][0] == before["app1"][0]
    assert (after["mon"], after[ODD]) == (before["mon"], before[ODD])


def test_a_run_limited_to_the_server_finds_the_whole_inventory(operator, at):
    before = at["mon"].files("/etc/prometheus")
    at["mon"].sh("rm -r /etc/prometheus/file_sd; sed -i '/alerting/,$d' /etc/prometheus/prometheus.yml")
    operator.run("site.yml", "--limit", "mon").changed("mon")
    assert at["mon"].files("/etc/prometheus") == before
    assert f"host: {ODD}" in at["mon"].sh("cat /etc/prometheus/file_sd/node.yml")


def test_one_exporter_that_fails_keeps_the_other_from_nothing(operator, at):
    flags = {"node_exporter_flags_extra": {"no-such-flag": ""}, "process_exporter_flags_extra": {"debug": True}}
    before = at["app1"].files("/etc/node_exporter", "/etc/systemd/system/prometheus-node-exporter.service.d")
    operator.run("site.yml", "--limit", "app1", **flags).failed("node_exporter: ", "no-such-flag")
    assert at["app1"].files("/etc/node_exporter", "/etc/systemd/system/prometheus-node-exporter.service.d") == before
    assert "-debug" in at["app1"].sh("systemctl cat prometheus-process-exporter")
    operator.run("site.yml", "--limit", "app1").changed("app1")
    assert "-debug" not in at["app1"].sh("systemctl cat prometheus-process-exporter")


def test_tags_of_one_exporter_leave_the_other_alone(operator, at):
    """Both are one task, so that the tags choose in it, and --skip-tags does not leave out more than it names."""
    files = ["/etc/node_exporter/web.yml", "/etc/process_exporter/web.yml"]
    only = ("--limit", "app1")
    at["app1"].sh(f"rm {' '.join(files)}")

    def there():
        return [at["app1"].sh(f"test -e {path} && echo yes", check=False).strip() for path in files]

    operator.run("site.yml", *only, "--tags", "node_exporter_install,process_exporter_install").unchanged()
    assert there() == ["", ""]
    operator.run("site.yml", *only, "--skip-tags", "node_exporter").changed("app1")
    assert there() == ["", "yes"]
    operator.run("site.yml", *only, "--tags", "node_exporter_configure").changed("app1")
    assert there() == ["yes", "yes"]
    operator.run("site.yml", *only).unchanged()


def test_two_runs_at_once(operator, at, sampler):
    """One works on the host (it is held still here), the other waits, says who works, and changes nothing."""
    only = ("--limit", "app1", "--tags", "node_exporter")
    first = operator.start("site.yml", *only, **DEBUG)
    process = _in_the_middle(at["app1"])
    at["app1"].sh(f"kill -STOP {process}")
    try:
        second = operator.run("site.yml", *only, node_exporter_flags_extra={"log.level": "warn"})
    finally:
        at["app1"].sh(f"kill -CONT {process}")
    second.failed("Another run works on the same set or unit", f"process {process}, since 20", "Nothing was changed")
    first.finish().changed("app1")
    assert "log.level=debug" in at["app1"].sh(f"systemctl cat {NODE}")
    operator.run("site.yml", *only, **DEBUG).unchanged()


def test_a_host_that_goes_away_in_the_middle(operator, at, wait_until):
    """Its run is lost, those of the others are not; the next run finds what was left and mends it."""
    docker, container = Docker(), Lab("molecule-stack").container(LabHost("app1"))
    others = [name for name in at if name != "app1"]
    running = operator.start("site.yml", node_exporter_flags_extra={"log.level": "warn"})
    _in_the_middle(at["app1"])
    docker("kill", container)
    ran = running.finish()
    docker("start", container)
    assert (ran.status != 0, ran.hosts["app1"].unreachable + ran.hosts["app1"].failed) == (True, 1), ran.said[-4000:]
    assert [(name, ran.hosts[name].failed, ran.hosts[name].unreachable) for name in others] == [(name, 0, 0) for name in others]
    assert all("log.level=warn" in at[name].sh(f"systemctl cat {NODE}") for name in others)
    wait_until(lambda: at["app1"].sh("systemctl is-active ssh"), timeout=60, why="app1 is back")
    operator.run("site.yml", "--limit", "app1", node_exporter_flags_extra={"log.level": "warn"}).changed("app1")
    assert "log.level=warn" in at["app1"].sh(f"systemctl cat {NODE}")
    assert at["app1"].sh("find /etc -name '.vigil-*'; ls /var/lib/vigil/service_config/node_exporter").split() == ["manifest.json"]


def test_an_upgrade_stops_at_the_first_failure(operator, at):
    flags = "{{ {'no-such-flag': ''} if inventory_hostname == groups['monitored'][0] else {'log.level': 'error'} }}"
    before = {name: _picture(at[name]) for name in at}
    ran = operator.run("upgrade.yml", node_exporter_flags_extra=flags).failed("no-such-flag")
    assert [host.failed for host in ran.hosts.values()] == [1]
    assert {name: _picture(host) for name, host in at.items()} == before


def test_an_upgrade_takes_one_host_after_the_other_and_proves_the_whole(operator, at):
    ran = operator.run("upgrade.yml").changed(*at)
    assert ran.said.count("PLAY [Exporters and the health agent on every monitored host]") == len(at)
    assert ran.said.count(" up ") >= 2 * len(at)
    operator.run("site.yml").unchanged()
