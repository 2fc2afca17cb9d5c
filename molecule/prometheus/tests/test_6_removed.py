# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""TLS switched off, and everything removed."""

from __future__ import annotations

import json

HOSTS = ("pkg12", "arc13")
SHOW = {"prometheus.service": "/etc/prometheus/prometheus.yml"}
# pkg12 has been upgraded to the archive, with its data where it was.
KEPT = {"pkg12": "/var/lib/prometheus/metrics2", "arc13": "/var/lib/prometheus"}
DATA = ("/var/lib/prometheus", "/var/lib/alertmanager")
# Who owns the data stays as well.
ACCOUNTS = ("/etc/passwd", "/etc/shadow", "/etc/group", "/etc/gshadow")
NOW = {
    "vigil_mirror_url": "http://mirror:8080", "prometheus_install_source": "archive", "prometheus_version": "3.16.0",
    "prometheus_db_dir": f"{{{{ {KEPT}[inventory_hostname] }}}}",
}  # fmt: skip
# Books of the package manager, the links of init scripts that it keeps until a package is purged, and the files before the last change.
BOOKS = ("/var/lib/apt", "/var/lib/dpkg", "/etc/ld.so.cache", "/etc/rc", "/etc/passwd-", "/etc/shadow-", "/etc/group-", "/etc/gshadow-")
# The empty folder above the data of Debian's packages is theirs too.
EMPTY = {"pkg12": {"/var/lib/prometheus"}, "arc13": set()}


def test_without_tls_nothing_of_it_is_left(operator, at):
    operator.run("converge.yml", vigil_tls=False, **NOW).changed(*HOSTS)
    for name in HOSTS:
        assert at[name].ask(9090, "/-/ready", scheme="http")[0] == 200
        assert at[name].ask(9093, "/-/ready", scheme="http")[0] == 200
        left = at[name].sh("find /etc/prometheus /etc/alertmanager -name web.yml -o -path '*/tls*' -o -path '*/secrets*'")
        assert left == ""
    targets = json.loads(at["pkg12"].ask(9090, "/api/v1/targets", scheme="http")[1])["data"]["activeTargets"]
    assert {item["scrapeUrl"].partition(":")[0] for item in targets} == {"http"}


def test_removing_keeps_the_data(operator, at, ephemeral, differences):
    bare = json.loads((ephemeral / "bare.json").read_text(encoding="utf-8"))
    operator.run("converge.yml", prometheus_state="absent", alertmanager_state="absent", **NOW).changed(*HOSTS)
    for name in HOSTS:
        # What the packages brought along is apt's to take away, and the operator's to ask for.
        at[name].sh("DEBIAN_FRONTEND=noninteractive apt-get -y -qq autoremove --purge")
        left = differences(bare[name], at[name].files(), BOOKS)
        others = [path for path in left if not path.startswith(DATA) and path not in ACCOUNTS]
        assert others == [], left
        assert any(path.startswith(f"{KEPT[name]}/") for path in left), "the data is kept"
        assert at[name].sh("ss -Hltn").count("909") == 0
        assert at[name].sh("systemctl --failed --plain --no-legend") == ""


def test_removing_again_changes_nothing(operator):
    operator.run("converge.yml", prometheus_state="absent", alertmanager_state="absent", **NOW).unchanged()


def test_purging_leaves_nothing(operator, at, ephemeral, differences):
    bare = json.loads((ephemeral / "bare.json").read_text(encoding="utf-8"))
    operator.run("converge.yml", prometheus_state="absent", prometheus_purge=True, alertmanager_state="absent", alertmanager_purge=True,
                 **NOW).changed(*HOSTS)  # fmt: skip
    for name in HOSTS:
        assert set(differences(bare[name], at[name].files(), BOOKS)) <= EMPTY[name]
        assert at[name].sh("ls -A /var/lib/prometheus 2>/dev/null", check=False) == ""
