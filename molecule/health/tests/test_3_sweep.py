# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""playbooks/health.yml: what it says of hosts that answer, of those that do so over SSH only, and of those nobody sees."""

from __future__ import annotations

import json
import xml.etree.ElementTree

import pytest

SHOW = {"vigil-agent.service": "/etc/vigil-agent/agent.json"}

pytestmark = pytest.mark.usefixtures("all_well")


@pytest.fixture
def folder(tmp_path):
    """Where this test's reports go."""
    return tmp_path / "health"


def report(folder):
    return json.loads((folder / "health.json").read_text(encoding="utf-8"))


def test_all_is_well(operator, at, folder):
    said = operator.run("health.yml", health_report_dir=str(folder), health_detail="all").unchanged().said
    assert "All 3 hosts healthy." in said
    assert "3 of 3 expected hosts seen" in said
    assert all(host in said for host in at)
    suites = xml.etree.ElementTree.parse(folder / "health.xml").getroot()
    assert {suite.get("name") for suite in suites.iter("testsuite")} >= set(at)
    page = (folder / "health.html").read_text(encoding="utf-8")
    assert "http://" not in page.replace("http://127.0.0.1", "")
    assert oct((folder / "health.json").stat().st_mode & 0o777) in ("0o600", "0o640")


def test_a_failure_is_told_with_what_to_do_and_then_as_solved(operator, at, folder, wait_until, agents):
    at["web1"].sh("systemctl stop nginx")
    try:
        wait_until(lambda: agents["web1"].states()["nginx"] == "fail")
        operator.run("health.yml", health_report_dir=str(folder)).failed("1 fail", "nginx.service is inactive", "journalctl -u nginx")
        operator.run("health.yml", health_report_dir=str(folder), health_fail_on="never").succeeded()
    finally:
        at["web1"].sh("systemctl start nginx")
    wait_until(lambda: set(agents["web1"].states().values()) == {"pass"}, why="web1 is well again")
    said = operator.run("health.yml", health_report_dir=str(folder)).succeeded().said
    assert "solved (web1 nginx" in said


def test_a_host_without_its_agent_is_asked_over_ssh(operator, at, folder):
    at["db1"].sh("systemctl stop vigil-agent")
    try:
        said = operator.run("health.yml", health_report_dir=str(folder)).succeeded().said
        assert "the host was asked over SSH, its agent told nothing" in json.dumps(report(folder))
        assert "systemctl status vigil-agent" in said
        assert "3 of 3 expected hosts seen" in said
        assert "redis" in json.dumps(report(folder))
    finally:
        at["db1"].sh("systemctl start vigil-agent")


def test_a_host_that_is_gone_is_not_seen_and_named(operator, at, folder, wait_until, agents):
    host = at["db1"]
    host.sh("systemd-run --on-active=30 ip link set eth0 up; systemd-run --on-active=1 ip link set eth0 down")
    wait_until(lambda: agents["db1"].ask("/health/live")[0] == 0, why="db1 is off the network")
    try:
        ran = operator.run("health.yml", health_report_dir=str(folder), health_fail_on="unseen", health_ssh_timeout=5)
        ran.failed("2 of 3 expected hosts seen", "db1")
    finally:
        wait_until(lambda: agents["db1"].states() and set(agents["db1"].states().values()) == {"pass"}, timeout=90, why="db1 is well again")


def test_a_mistyped_option_is_refused(operator):
    operator.run("health.yml", health_fail_in="warn").failed("health_fail_on")
