# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Things break, one at a time: what the agents say, how soon, and that they themselves come back."""

from __future__ import annotations

import json
import time

import pytest

SHOW = {"vigil-agent.service": "/etc/vigil-agent/agent.json"}


pytestmark = pytest.mark.usefixtures("all_well")


def test_a_crash_is_seen_within_its_interval_and_a_second(at, agents, wait_until):
    web = at["web1"]
    web.sh("systemctl kill -s KILL --kill-whom=all nginx; systemctl stop nginx")
    start = time.monotonic()
    try:
        wait_until(lambda: agents["web1"].states()["nginx"] == "fail", why="nginx is seen as failed")
        assert time.monotonic() - start < 2 + 1 + 1, "interval 2 s, and 1 s; the last second is for asking"
        wait_until(lambda: agents["web1"].states()["shop"] == "skipped", why="what stands on nginx is skipped")
        status, document = agents["web1"].ask("/health")
        assert (status, document["checks"]["page"][0]["state"]) == (503, "skipped")
        assert "skipped because nginx fails" in document["checks"]["shop"][0]["output"]
        assert "journalctl" in document["checks"]["nginx"][0]["advice"]
        assert agents["web1"].ask("/health/ready")[0] == 503
        assert agents["web1"].ask("/health/live")[0] == 200
    finally:
        web.sh("systemctl start nginx")
    wait_until(lambda: agents["web1"].ask("/health/ready")[0] == 200, timeout=10, why="ready again, children at once")


def test_a_database_that_hangs_fails_by_its_deadline(at, agents, wait_until):
    web = at["web1"]
    pids = web.sh("systemctl show -p ControlGroup --value 'postgresql@*' | xargs -I{} cat /sys/fs/cgroup/systemd{}/cgroup.procs"
                  " /sys/fs/cgroup{}/cgroup.procs 2>/dev/null; true").split()
    assert pids
    web.sh(f"kill -STOP {' '.join(pids)}")
    start = time.monotonic()
    try:
        wait_until(lambda: agents["web1"].states()["postgresql"] == "fail", timeout=20, why="the paused database fails")
        # Two looks in a row count (fall: 2), three seconds apart, each up to its timeout of two and a second of slack.
        assert time.monotonic() - start < 3 + 3 + 3 + 2
        assert agents["web1"].states()["page"] == "pass", "one that hangs holds nobody else up"
        assert agents["web1"].ask("/primary")[0] == 503
    finally:
        web.sh(f"kill -CONT {' '.join(pids)}")


def test_a_killed_agent_is_back_with_its_counts(at, agents, wait_until):
    web = at["web1"]
    web.sh("systemctl stop nginx")
    wait_until(lambda: agents["web1"].states()["nginx"] == "fail")
    web.sh("systemctl start nginx")
    wait_until(lambda: agents["web1"].states()["nginx"] == "pass")
    turned = agents["web1"].metric('vigil_check_transitions_total{check="nginx"')

    def kept():
        state = json.loads(web.sh("cat /var/lib/vigil-agent/state.json"))
        return state["checks"]["nginx"]["streak"]["transitions"]

    wait_until(lambda: kept() >= turned, timeout=30, why="the state is written")
    before = web.unit("vigil-agent")["MainPID"]
    web.sh("systemctl kill -s KILL vigil-agent")
    wait_until(lambda: agents["web1"].ask("/health/ready")[0] == 200 and web.unit("vigil-agent")["MainPID"] != before, timeout=15)
    assert agents["web1"].metric('vigil_check_transitions_total{check="nginx"') >= turned >= 2


def test_a_frozen_agent_is_restarted_by_its_watchdog(at, agents, wait_until):
    host = at["db1"]
    before = host.unit("vigil-agent")["MainPID"]
    host.sh("systemctl kill -s STOP vigil-agent")
    wait_until(lambda: host.unit("vigil-agent")["MainPID"] not in (before, "0") and agents["db1"].ask("/health/live")[0] == 200, timeout=40,
               why="the watchdog (6 s) kills the frozen agent and systemd starts another")
    assert "watchdog" in host.sh("journalctl -u vigil-agent -n 50 --no-pager").lower()


def test_a_changed_check_is_taken_in_without_a_restart(at, agents, operator, wait_until):
    before = at["db1"].unit("vigil-agent")["MainPID"]
    operator.run("site.yml", "--tags", "health_agent", vigil_checks=[{"name": "extra", "kind": "load"}]).changed(*at)
    wait_until(lambda: agents["db1"].states().get("extra"), why="the new check has a result")
    assert at["db1"].unit("vigil-agent")["MainPID"] == before
    operator.run("site.yml", "--tags", "health_agent").changed(*at)
    wait_until(lambda: "extra" not in agents["db1"].states())


@pytest.mark.parametrize(
    ("check", "words"),
    [
        ({"name": "x", "kind": "htp", "url": "http://x"}, "'htp' is no kind of check; did you mean http?"),
        ({"name": "x", "kind": "http", "url": "http://x", "latency": {"warn": "2s", "fail": "1s"}}, "has to be below fail (1s)"),
        ({"name": "x", "kind": "disk", "used": "10 apples"}, "expected a percentage"),
        ({"name": "x", "kind": "load", "parents": ["y"]}, "its parent y is no check of this host"),
    ],
)
def test_a_wrong_specification_touches_nothing(at, operator, check, words):
    before = {name: host.sh("sha256sum /etc/vigil-agent/agent.json") for name, host in at.items()}
    operator.run("site.yml", "--tags", "health_agent", vigil_checks=[check]).failed(words)
    assert before == {name: host.sh("sha256sum /etc/vigil-agent/agent.json") for name, host in at.items()}


def test_a_task_waits_until_it_holds(at, operator):
    at["web1"].sh("systemctl stop nginx; systemd-run --on-active=6 systemctl start nginx")
    said = operator.run("checks.yml", "--limit", "web1", retries=15, stable_for=3, tags_wanted=["shop"]).succeeded().said
    assert "fail nginx" not in said


def test_a_task_fails_with_what_to_do(at, operator):
    at["web1"].sh("systemctl stop nginx")
    try:
        operator.run("checks.yml", "--limit", "web1").failed("fail nginx", "journalctl", "1 checks are not as wanted")
        operator.run("checks.yml", "--limit", "web1", fail_on="never").succeeded()
    finally:
        at["web1"].sh("systemctl start nginx")
