# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From Debian's package to upstream's archive: a snapshot first, another program, and the same data."""

from __future__ import annotations

import time

import pytest

SHOW = {"prometheus.service": "/etc/prometheus/prometheus.yml"}
DATA = "/var/lib/prometheus/metrics2"
SNAPSHOT = {"prometheus_snapshot_before_upgrade": True}
ARCHIVE = {
    "prometheus_install_source": "archive", "prometheus_version": "3.16.0", "prometheus_db_dir": DATA, "vigil_mirror_url": "http://mirror:8080",
}  # fmt: skip
ONLY = ("--limit", "pkg12", "--tags", "prometheus")


@pytest.fixture(scope="module")
def upgraded(operator, at):
    """The time before the upgrade, and the run."""
    operator.run("converge.yml", *ONLY, **SNAPSHOT).succeeded()
    assert at["pkg12"].sh(f"ls {DATA}/snapshots 2>/dev/null", check=False) == ""
    before = time.time()
    operator.run("converge.yml", *ONLY, "--check", "--diff", **SNAPSHOT, **ARCHIVE).succeeded()
    assert at["pkg12"].sh(f"ls {DATA}/snapshots 2>/dev/null", check=False) == "", "check mode takes no snapshot"
    return before, operator.run("converge.yml", *ONLY, **SNAPSHOT, **ARCHIVE).changed("pkg12")


def test_the_new_version_runs(upgraded, at):
    assert at["pkg12"].api("/api/v1/status/buildinfo")["data"]["version"] == "3.16.0"
    assert at["pkg12"].sh("readlink /proc/$(systemctl show prometheus -P MainPID)/exe").strip() == "/opt/vigil/prometheus/3.16.0/prometheus"
    assert at["pkg12"].sh("dpkg-query -W -f '${Status}' prometheus 2>/dev/null", check=False).endswith("installed") is False


def test_the_old_data_is_there(upgraded, at, wait_until):
    before = upgraded[0]

    def values():
        return at["pkg12"].api(f"/api/v1/query?query=up&time={before}")["data"]["result"]

    wait_until(values, why="samples from before the upgrade")


def test_a_snapshot_was_taken(upgraded, at):
    assert len(at["pkg12"].sh(f"ls {DATA}/snapshots").split()) == 1


def test_nothing_is_left_to_do_and_no_second_snapshot_is_taken(upgraded, operator, at):
    operator.run("converge.yml", *ONLY, **SNAPSHOT, **ARCHIVE).unchanged()
    assert len(at["pkg12"].sh(f"ls {DATA}/snapshots").split()) == 1
