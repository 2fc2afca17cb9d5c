# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""playbooks/health.yml through a real ansible-playbook: agents on loopback, the controller itself in the place of a host over SSH."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.certificates.store import Store

from tests.bench import fleet
from tests.unit.sweep.loops import running

ROOT = Path(__file__).parents[3]
# The agents of a fleet, and how Ansible reaches the hosts of those that are silent.
AGENTS = [fleet.GOOD, fleet.REFUSES, fleet.REFUSES]
REACHED: list[dict[str, Any]] = [
    {}, {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}, {"ansible_host": "127.0.0.1", "ansible_port": 1},
]


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Path]:
    with running() as run:
        agents = run(fleet.Fleet(tmp_path, AGENTS, checks=3).start())
        hosts = {
            agent.host: {"vigil_address": "{{ address }}", "address": agent.address,
                         "health_agent_web_listen_address": f":{agent.port}", **reached}
            for agent, reached in zip(agents, REACHED)
        }
        checks = [{"name": "closed", "kind": "tcp", "port": agents[1].port}]
        children = {"monitored": {"hosts": hosts}, "web": {"hosts": {agents[2].host: None}}}
        variables = {"vigil_secrets_dir": str(tmp_path / "good"), "vigil_checks": checks, "health_report_dir": str(tmp_path / "report")}
        (tmp_path / "hosts.json").write_text(json.dumps({"all": {"children": children, "vars": variables}}))
        Store(str(tmp_path / "good")).write("passwords.yml", json.dumps({"machine": {"agent": fleet.TOKEN}}).encode())
        yield tmp_path


def play(project: Path, *arguments: str) -> tuple[int, str]:
    environment = {
        **os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_COLLECTIONS_PATH": str(ROOT / "collections"),
        "ANSIBLE_HOME": str(project / "home"), "ANSIBLE_NOCOLOR": "1",
    }
    program = str(Path(sys.executable).parent / "ansible-playbook")
    argv = [program, "-i", "hosts.json", str(ROOT / "playbooks" / "health.yml"), *arguments]
    done = subprocess.run(argv, capture_output=True, text=True, env=environment, cwd=project, timeout=120, check=False)
    return done.returncode, done.stdout + done.stderr


def test_agents_then_ssh_then_the_report(project: Path) -> None:
    status, said = play(project)
    report = json.loads((project / "report" / "health.json").read_text())
    assert [(host["host"], host["state"], host["via"]) for host in report["hosts"]] == [
        ("host00001", "fail", "ssh"), ("host00002", "unseen", ""), ("host00000", "pass", "agent")], said
    closed = next(check for check in report["hosts"][0]["checks"] if check["check"] == "closed")
    assert (closed["state"], "refused" in closed["summary"]) == ("fail", True)
    assert "health agent" in [check["check"] for check in report["hosts"][0]["checks"]]
    assert report["hosts"][1]["agent"]["reason"] == "refused"
    assert report["hosts"][1]["ssh"] == "Connection refused"
    assert [(one["group"], one["seen"]) for one in report["coverage"]] == [("web", 0), ("monitored", 2)]
    assert "3 hosts: 1 fail, 1 not seen, 1 healthy." in said
    assert status == 2
    assert fleet.TOKEN not in said


def test_the_second_sweep_tells_what_changed_and_a_limit_what_it_left_out(project: Path) -> None:
    play(project, "-e", "health_ssh=false")
    status, said = play(project, "--limit", "host00001", "-e", '{"health_fail_on": "never", "health_reports": ["junit"]}')
    assert status == 0, said
    assert "The limit of this run left out 2 monitored hosts: host00000, host00002." in said
    assert "1 solved (host00001 host seen)" in said
    assert json.loads((project / "report" / "state.json").read_text())["hosts"]["host00002"]["host seen"][0] == "unseen"
    status, said = play(project, "--limit", "host00000", "--check", "-e", "health_fail_on=warn")
    assert status == 0, said
    assert "All 1 host healthy." in said
    assert "[WARNING]" not in said


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["-e", "health_timeuot=3"], "health_timeuot (did you mean health_timeout?)"),
        (["-e", "health_timeout=0"], "health_timeout is 0; 0.1 to 600 is expected"),
        (["-e", "health_fail_on=always"], "value of fail_on must be one of: never, fail, unseen, unknown, warn"),
        (["-e", "vigil_secrets_dir=/no/such"], "Run playbooks/site.yml first"),
        (["-e", "health_agent_web_listen_address=9890"], "health_agent_web_listen_address of host00000"),
    ],
)
def test_bad_input_is_refused_before_anybody_is_asked(project: Path, arguments: list[str], words: str) -> None:
    status, said = play(project, *arguments)
    assert status == 2
    assert words in " ".join(said.split()), said
    assert not (project / "report").exists()
