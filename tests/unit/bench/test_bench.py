# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
import subprocess
from dataclasses import replace
from pathlib import Path

from tests.bench import report
from tests.bench.counting import Call, Run, Task, by_role, parse_calls, parse_tasks, seconds_by_role
from tests.bench.session import HERE, specification

TASKS = [Task(10.0, "node_exporter", "Install"), Task(20.0, "prometheus", "Install"), Task(30.0, "", "end")]


def noted(tmp_path: Path, program: str, *arguments: str) -> list[Call]:
    """What count.sh notes of a call, with `true` in the place of the real program."""
    notes, real = tmp_path / "calls", tmp_path / "real"
    notes.unlink(missing_ok=True)
    real.mkdir(exist_ok=True)
    for folder, target in ((tmp_path, HERE / "count.sh"), (real, Path("/bin/true"))):
        (folder / program).unlink(missing_ok=True)
        (folder / program).symlink_to(target)
    environment = {"PATH": f"{real}:{os.environ['PATH']}", "VIGIL_BENCH_CALLS": str(notes)}
    subprocess.run([str(tmp_path / program), *arguments], env=environment, check=True)
    return parse_calls(notes.read_text(encoding="utf-8"))


def test_a_command_over_ssh_is_a_call_whatever_is_in_it(tmp_path: Path) -> None:
    found = noted(tmp_path, "ssh", "-o", "ControlMaster=auto", "10.0.0.1", "/bin/sh -c 'echo \"a\tb\n-O\"'")
    assert [one.host for one in found] == ["10.0.0.1"]


def test_what_does_not_reach_a_host_is_no_call(tmp_path: Path) -> None:
    assert not noted(tmp_path, "ssh", "-O", "check", "10.0.0.1")
    assert not noted(tmp_path, "ssh", "-o", "ControlPath=/x", "-O", "stop", "10.0.0.1")
    assert not noted(tmp_path, "ssh", "-o", "ControlPersist")
    assert not noted(tmp_path, "ssh", "-V")


def test_copies_are_calls(tmp_path: Path) -> None:
    assert [one.host for one in noted(tmp_path, "sftp", "-b", "-", "-o", "User=root", "[10.0.0.2]")] == ["10.0.0.2"]
    assert [one.host for one in noted(tmp_path, "scp", "-o", "User=root", "/tmp/a", "[10.0.0.3]:/tmp/b")] == ["10.0.0.3"]
    assert [one.host for one in noted(tmp_path, "scp", "root@10.0.0.3:/tmp/b", "/tmp/a")] == ["10.0.0.3"]


def test_a_call_counts_for_the_task_that_started_last_before_it() -> None:
    calls = [Call(9.0, "a"), Call(10.0, "a"), Call(19.9, "b"), Call(20.1, "a"), Call(25.0, "c")]
    found = by_role(calls, TASKS, {"a": "web1", "b": "web2"})
    assert found == {"": {"web1": 1}, "node_exporter": {"web1": 1, "web2": 1}, "prometheus": {"web1": 1, "c": 1}}
    assert seconds_by_role(TASKS) == {"node_exporter": 10.0, "prometheus": 10.0}


def test_tasks_are_read_as_the_callback_writes_them() -> None:
    assert parse_tasks('{"at": 1.5, "role": "prometheus", "task": "Install"}\n') == [Task(1.5, "prometheus", "Install")]


def test_verdicts_judge_the_worst_host_and_the_wall_time_at_twenty() -> None:
    good = Run("nothing", 8.0, 1.0, {"node_exporter": {"b1": 2, "b2": 2}})
    target = Run("target", 1.0, 1.0, {"prometheus": {"b1": 3}})
    session = report.Session(20, "b1", Run("ping", 2.0, 1.0), Run("setup", 4.0, 1.0), good, (), target)
    assert [met for met, _words in report.verdicts(session)] == [True, True, True]
    slow = replace(good, wall=8.1, calls={"node_exporter": {"b1": 1, "b2": 3}})
    late = replace(session, nothing=slow, target=Run("target", 1.0, 1.0, {"prometheus": {"b1": 2}, "node_exporter": {"b1": 2}}))
    assert [met for met, _words in report.verdicts(late)] == [False, False, False]
    assert [met for met, _words in report.verdicts(replace(late, hosts=8))] == [False, False]


def test_the_first_host_runs_the_servers_and_a_mirror_is_no_monitored_host() -> None:
    hosts = specification("bench", 2, "debian12", archives=True)["hosts"]
    assert hosts[0]["groups"] == ["monitored", "prometheus", "alertmanager", "blackbox_exporter"]
    assert hosts[1]["groups"] == ["monitored"]
    assert "groups" not in hosts[2]
