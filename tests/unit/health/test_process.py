# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kind process with real children, and with a /proc of files where a real one cannot be had."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.choose import choose
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.clients.processes import Processes
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.kind import Look, Shared
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.kinds import KINDS
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.look import look_at
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.model import CannotTell, Result
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.pid_file import PidFile, read_pid_file, reused
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.proc_table import (
    Table,
    read_entry,
    read_table,
    unit_of,
    unit_root,
)
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.spec import parse
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.system import System

MARK = f"vigil-test-{os.getpid()}"
Start = Callable[[str], subprocess.Popen[bytes]]


@pytest.fixture
def start() -> Iterator[Start]:
    """Start python with MARK in its command line; it has run its code when it printed a line."""
    children = []

    def begin(code: str) -> subprocess.Popen[bytes]:
        program = f"import os, signal, time\n{code}\nprint(flush=True)\ntime.sleep(60)"
        child = subprocess.Popen([sys.executable, "-c", program, MARK], stdout=subprocess.PIPE)
        children.append(child)
        assert child.stdout is not None
        child.stdout.readline()
        return child

    yield begin
    for child in children:
        child.kill()
        child.communicate()


def looked(remembered: Mapping[str, Any] | None = None, **options: Any) -> tuple[Result, Mapping[str, Any]]:
    chosen = {} if "pid_file" in options else {"pattern": MARK}
    check = parse([{"name": "check", "kind": "process", **chosen, **options}], KINDS)
    return look_at(check[0], KINDS["process"], Look(System(), 5.0, remembered or {}, Shared(time.monotonic)))


def wait_for(condition: Callable[[], bool]) -> None:
    limit = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < limit
        time.sleep(0.01)


def state_of(pid: int) -> str:
    entry = read_entry(pid)
    return entry.state if entry else ""


def test_none_and_some(start: Start) -> None:
    assert looked()[0].state == "fail"
    assert looked(max=0)[0].state == "pass"
    pids = sorted(start("").pid for _child in range(2))
    result, _memory = looked(min=2, max=2)
    assert (result.state, result.values["pids"]) == ("pass", pids)
    assert looked(max=1)[0].state == "fail"


def test_selectors_hold_together(start: Start) -> None:
    child = start("")
    entry = read_entry(child.pid)
    assert entry is not None
    assert looked(user=str(os.geteuid()), program=entry.name)[0].observed == 1
    assert looked(user="54321")[0].observed == 0
    assert looked(user="no-such-user")[0].observed == 0
    assert looked(program="other")[0].observed == 0
    assert looked(unit="other.service")[0].observed == 0


def test_a_name_longer_than_the_kernel_keeps(tmp_path: Path) -> None:
    program = tmp_path / f"vigil-long-{os.getpid()}-program"
    program.symlink_to("/bin/sleep")
    with subprocess.Popen([str(program), "60"]) as child:
        wait_for(lambda: (entry := read_entry(child.pid)) is not None and entry.name == program.name[:15])
        found = [looked(pattern="", program=name)[0].observed for name in (program.name, program.name + "x", program.name[:15])]
        child.kill()
    assert found == [1, 0, 1]


def test_a_stopped_child_fails(start: Start) -> None:
    child = start("")
    child.send_signal(signal.SIGSTOP)
    wait_for(lambda: state_of(child.pid) == "T")
    result, _memory = looked()
    assert result.state == "fail" and f"kill -CONT {child.pid}" in result.advice
    child.send_signal(signal.SIGCONT)
    wait_for(lambda: state_of(child.pid) == "S")
    assert looked()[0].state == "pass"


def test_zombies_count_with_their_parent(start: Start) -> None:
    child = start("pid = os.fork()\nif pid == 0: os._exit(0)\nos.waitid(os.P_PID, pid, os.WEXITED | os.WNOWAIT)")
    result, _memory = looked(zombies={"warn": 1})
    assert result.state == "warn" and result.values["pids"] == [child.pid]


def test_a_process_that_is_a_zombie_does_not_run(tmp_path: Path) -> None:
    program = tmp_path / f"vz-{os.getpid()}"
    program.symlink_to("/bin/sleep")
    with subprocess.Popen([str(program), "60"]) as child:
        wait_for(lambda: (entry := read_entry(child.pid)) is not None and entry.name == program.name)
        assert looked(pattern="", program=program.name)[0].observed == 1
        child.kill()
        wait_for(lambda: state_of(child.pid) == "Z")
        result, _memory = looked(pattern="", program=program.name, zombies=1)
    assert result.observed == 0 and result.values["measures"]["zombies"] == [1, child.pid]


def test_threads_descriptors_memory_and_age(start: Start) -> None:
    child = start(
        "import resource, threading\nresource.setrlimit(resource.RLIMIT_NOFILE, (40, 40))\nkept = [os.dup(0) for _ in range(17)]\n"
        "[threading.Thread(target=time.sleep, args=(60,), daemon=True).start() for _ in range(4)]\nheap = b'x' * 50_000_000")
    result, _memory = looked(threads=5, descriptors={"warn": "50%"}, memory="40MB", memory_share="100%", max_age="1h", min_age="1s")
    measures = result.values["measures"]
    assert measures["threads"] == [5.0, child.pid]
    assert measures["descriptors"] == [50.0, child.pid]
    assert 50e6 < measures["memory"][0] < 150e6
    assert 0 < measures["memory_share"][0] < 100
    assert 0 <= measures["max_age"][0] < 30
    states = {finding.what: finding.state for finding in result.findings}
    assert states["threads"] == "fail" and states["descriptors"] == "warn" and states["memory"] == "fail" and states["min_age"] == "fail"


def test_processor_time_since_the_last_look(start: Start) -> None:
    start("import threading\ndef burn():\n while True: pass\nthreading.Thread(target=burn, daemon=True).start()")
    first, memory = looked(cpu="1%")
    assert "cpu" not in first.values["measures"]
    wait_for(lambda: looked(memory, cpu="1%")[0].values["measures"]["cpu"][0] > 1)
    assert looked(memory, cpu="1%")[0].state == "fail"
    later = {**memory, "at": memory["at"] + 1e6}
    assert "cpu" not in looked(later, cpu="1%")[0].values["measures"], "after a boot the clock begins anew"


def test_a_process_that_ended_between_two_readings(start: Start) -> None:
    child = start("")
    child.kill()
    child.wait()
    assert Processes().usage(child.pid, {"threads"}) is None


class Blind(Processes):
    """A library that may not list the descriptors of others."""

    def _descriptors(self, process: Any) -> float:
        raise self._psutil.AccessDenied(process.pid)


def test_what_may_not_be_read_is_none(start: Start) -> None:
    usage = Blind().usage(start("").pid, {"descriptors", "threads"})
    assert usage == {"descriptors": None, "threads": 1.0}


def test_without_the_library_it_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psutil", None)
    result, _memory = looked()
    assert result.state == "unknown" and "psutil" in result.summary and "python3-psutil" in result.advice


def test_pid_file(start: Start, tmp_path: Path) -> None:
    path = tmp_path / "x.pid"
    assert looked(pid_file=str(path))[0].summary.endswith("x.pid is not there")
    for text, words in (("", "is empty"), ("abc\n", "holds 'abc', no process id"), ("-1", "no process id"), ("9" * 11, "no process id")):
        path.write_text(text)
        assert words in looked(pid_file=str(path))[0].summary
    child = start("")
    path.write_text(f"{child.pid}\n")
    result, memory = looked(pid_file=str(path))
    assert (result.state, result.values["pids"]) == ("pass", [child.pid])
    assert looked(pid_file=str(path), program="other")[0].summary.endswith("which the other options do not choose")
    child.kill()
    child.wait()
    assert f"is stale: there is no process {child.pid}" in looked(memory, pid_file=str(path))[0].summary


def test_a_pid_file_that_is_older_than_its_process(start: Start, tmp_path: Path) -> None:
    path = tmp_path / "x.pid"
    path.write_text(str(start("").pid))
    old = time.time() - 3600
    os.utime(path, (old, old))
    result, memory = looked(pid_file=str(path))
    assert result.state == "fail" and "began after the file was written" in result.summary
    assert looked(memory, pid_file=str(path))[0].state == "fail", "it stays so"
    os.utime(path)
    assert looked(memory, pid_file=str(path))[0].state == "pass", "a new file is judged anew"


@pytest.mark.parametrize(
    ("started_at", "memory", "verdict"),
    [
        (1001.0, {}, False), (1003.0, {}, True),
        (5000.0, {"pid": 7, "written": 1000.0, "start": 50.0, "reused": False}, False),  # the clock was set
        (900.0, {"pid": 7, "written": 1000.0, "start": 49.0, "reused": False}, True),
        (900.0, {"pid": 7, "written": 1000.0, "start": 50.0, "reused": True}, True),
        (900.0, {"pid": 8, "written": 1000.0, "start": 49.0, "reused": False}, False),
    ],
)
def test_whether_a_number_was_used_again(started_at: float, memory: dict[str, Any], verdict: bool) -> None:
    assert reused(PidFile(7, 1000.0), 50.0, started_at, memory) is verdict


def test_a_pid_file_that_is_a_pipe_does_not_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert read_pid_file(str(tmp_path / "pipe")).problem == "is empty"


def test_a_pid_file_that_is_a_folder_is_unknown(tmp_path: Path) -> None:
    assert looked(pid_file=str(tmp_path))[0].state == "unknown"


@pytest.mark.parametrize(
    ("cgroup", "root", "unit"),
    [
        ("0::/system.slice/nginx.service\n", "", "nginx.service"),
        ("0::/system.slice/system-getty.slice/getty@tty1.service/sub\n", "", "getty@tty1.service"),
        ("0::/user.slice/user-1000.slice/user@1000.service/app.slice/x.service\n", "", "user@1000.service"),
        ("0::/user.slice/user-1000.slice/session-3.scope\n", "", "session-3.scope"),
        ("0::/docker/abc/system.slice/ssh.service\n", "", ""),
        ("0::/docker/abc/system.slice/ssh.service\n", "/docker/abc", "ssh.service"),
        ("9:name=systemd:/system.slice/a.service\n0::/\n", "", "a.service"),
        ("0::/system.slice\n", "", ""), ("", "", ""), ("0::/kubepods/x\n", "", ""),
    ],
)
def test_the_unit_of_a_process(cgroup: str, root: str, unit: str) -> None:
    assert unit_of(cgroup, root) == unit


def test_where_the_tree_of_units_begins() -> None:
    assert unit_root("0::/init.scope\n") == ""
    assert unit_root("9:name=systemd:/docker/abc/init.scope\n0::/docker/abc/init.scope\n") == "/docker/abc"
    assert unit_root("0::/\n") == ""


def fake_proc(folder: Path, pid: int, name: str) -> Path:
    home = folder / str(pid)
    home.mkdir()
    fields = f"S 1 {' '.join(['0'] * 17)} 4200 0 0"
    (home / "stat").write_text(f"{pid} ({name}) {fields}\n")
    return home


def test_names_with_brackets(tmp_path: Path) -> None:
    fake_proc(tmp_path, 1, "init")
    fake_proc(tmp_path, 9, "a) S 1 (b")
    table = read_table(proc=str(tmp_path))
    assert [(entry.name, entry.state, entry.start) for entry in table.entries][1] == ("a) S 1 (b", "S", 4200 / os.sysconf("SC_CLK_TCK"))
    assert not table.hidden


def test_hidden_processes_are_noticed(tmp_path: Path) -> None:
    fake_proc(tmp_path, 9, "mine")
    assert read_table(proc=str(tmp_path)).hidden


def test_a_hidden_process_makes_no_pid_file_stale(start: Start) -> None:
    options = parse([{"name": "check", "kind": "process", "pid_file": "/x"}], KINDS)[0].options
    hidden = Table((), True, 100.0)
    with pytest.raises(CannotTell, match="cannot be seen"):
        choose(options, hidden, PidFile(os.getpid(), 0.0), {}, time.time())
    child = start("")
    child.kill()
    child.wait()
    assert "is stale" in choose(options, hidden, PidFile(child.pid, 0.0), {}, time.time()).problem


def test_a_first_process_that_may_not_be_read_hides_the_units(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may read everything")
    for pid in (1, 9):
        fake_proc(tmp_path, pid, "x")
    (tmp_path / "1" / "cgroup").touch(mode=0)
    assert read_table({"unit"}, str(tmp_path)).hidden
