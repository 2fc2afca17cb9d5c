# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From outside, on every host: who may read its exporters, how they are kept, and whether all that docs/metrics.md names is there."""

from __future__ import annotations

import urllib.error
from typing import Any

import pytest

from tests.metrics import catalogue
from tests.metrics.outside import ask, look, unit_of

testinfra_hosts = ["ansible://monitored"]
EXPORTERS = ["node_exporter", "process-exporter"]


@pytest.mark.parametrize("exporter", EXPORTERS)
def test_a_prometheus_host_may_read(host: Any, exporter: str) -> None:
    try:
        page = ask(host, exporter)
    except OSError as error:
        pytest.fail(f"{error}\n{look(host, exporter)}")
    assert "build_info" in page


@pytest.mark.parametrize("exporter", EXPORTERS)
@pytest.mark.parametrize("reader", [None, "mirror"], ids=["no certificate", "a host that may not"])
def test_others_may_not(host: Any, exporter: str, reader: str | None) -> None:
    with pytest.raises(OSError, match=r"(?i)certificate|alert|reset|closed"):
        ask(host, exporter, reader=reader)


@pytest.mark.parametrize("exporter", EXPORTERS)
def test_nobody_may_in_plain(host: Any, exporter: str) -> None:
    with pytest.raises(urllib.error.HTTPError, match="400"):
        ask(host, exporter, scheme="http")


@pytest.mark.parametrize("exporter", EXPORTERS)
def test_the_key_is_the_services_own(host: Any, exporter: str) -> None:
    key = host.file(f"/etc/{exporter.replace('-', '_')}/tls/host.key")
    assert (oct(key.mode), key.user) == ("0o640", "root")
    assert key.group != "root"


@pytest.mark.parametrize("exporter", EXPORTERS)
def test_the_unit_is_hardened(host: Any, exporter: str) -> None:
    words = host.run(f"systemd-analyze security --no-pager {unit_of(host, exporter)}").stdout.splitlines()[-1]
    score = float(next(word for word in words.split() if word.replace(".", "").isdigit()))
    assert score < 3.0, words


def test_every_metric_of_a_machine(host: Any) -> None:
    folder = host.run("ls -d /var/lib/node_exporter/textfile /var/lib/prometheus/node-exporter 2>/dev/null").stdout.split()[0]
    host.run_test(f"echo 'molecule_text 1' > {folder}/molecule.prom")
    page = ask(host, "node_exporter")
    assert catalogue.missing("node_exporter", page) == [], look(host, "node_exporter")
    assert "\nmolecule_text 1\n" in page
    assert "\nnode_textfile_scrape_error 0\n" in page


def test_the_machine_is_seen_as_it_is(host: Any) -> None:
    page = ask(host, "node_exporter")
    for collector in ("cpu", "diskstats", "filesystem", "meminfo", "netdev", "processes", "systemd", "textfile", "timex"):
        assert f'node_scrape_collector_success{{collector="{collector}"}} 1' in page, look(host, "node_exporter")
    tmp = [line for line in page.splitlines() if line.startswith("node_filesystem_readonly{") and 'mountpoint="/tmp"' in line]
    assert [line.split()[-1] for line in tmp] == ["0"], "the exporter's sandbox is mistaken for the machine"


def test_every_metric_of_processes(host: Any) -> None:
    page = ask(host, "process-exporter")
    assert catalogue.missing("process-exporter", page) == [], look(host, "process-exporter")


def test_processes_of_root_are_read(host: Any) -> None:
    page = ask(host, "process-exporter")
    group = "ssh" if "ssh.service" in host.run("cat /etc/process_exporter/groups.yml").stdout else "sshd"
    name = f'namedprocess_namegroup_open_filedesc{{groupname="{group}"}}'
    count = [float(line.split()[-1]) for line in page.splitlines() if line.startswith(name)]
    assert count and count[0] > 0, look(host, "process-exporter")
