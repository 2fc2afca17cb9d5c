# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Programs that hang, print without end, stop, or leave children: real ones."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from pathlib import Path

import pytest
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil import bounded
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.system import System

TIMEOUT = 1.0


def shell(script: str, timeout: float = TIMEOUT, **more: object) -> tuple[bounded.Ended, float]:
    began = time.monotonic()
    ended = bounded.run(["/bin/sh", "-c", script], timeout, **more)  # type: ignore[arg-type]
    return ended, time.monotonic() - began


def gone(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as handle:
            return handle.read().rpartition(")")[2].split()[0] in "ZX"
    except OSError:
        return True


def wait_until_gone(pid: int) -> bool:
    limit = time.monotonic() + 2
    while not gone(pid) and time.monotonic() < limit:
        time.sleep(0.01)
    return gone(pid)


@pytest.fixture(autouse=True)
def _nothing_is_left_open() -> object:
    before = len(os.listdir("/proc/self/fd"))
    yield
    assert len(os.listdir("/proc/self/fd")) == before


def test_exit_code_streams_and_environment() -> None:
    ended, _seconds = shell('echo "$A $LC_ALL"; echo no >&2; pwd; exit 3', env={"A": "b"}, cwd="/")
    assert (ended.rc, ended.out, ended.err, ended.problem) == (3, "b C\n/\n", "no\n", "")


def test_a_signal_is_a_negative_code() -> None:
    assert shell("kill -SEGV $$")[0].rc == -11


def test_standard_input_is_empty() -> None:
    assert shell("cat; echo end")[0].out == "end\n"


@pytest.mark.parametrize(("argv", "missing"), [(["/no/such/program"], "/no/such/program"), (["/"], ""), (["a\0b"], "")])
def test_what_cannot_be_started(argv: list[str], missing: str) -> None:
    ended = bounded.run(argv, TIMEOUT)
    assert (ended.rc, ended.missing) == (None, missing)
    assert "could not be started" in ended.problem


def test_a_missing_folder_is_named() -> None:
    ended = bounded.run(["/bin/true"], TIMEOUT, cwd="/no/such/folder")
    assert ended.missing == "/no/such/folder"
    assert "/no/such/folder: No such file or directory" in ended.problem


def test_a_hundred_megabytes_do_not_fill_the_memory() -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    ended, _seconds = shell("head -c 100000000 /dev/zero", timeout=20)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert (ended.rc, ended.out_bytes, len(ended.out)) == (0, 100_000_000, bounded.KEEP)
    assert grown < 8 * 1024, f"{grown} KiB"


def test_both_streams_at_once_do_not_block_each_other() -> None:
    ended, _seconds = shell("head -c 1000000 /dev/zero >&2; head -c 1000000 /dev/zero", timeout=5)
    assert (ended.rc, ended.out_bytes, ended.err_bytes) == (0, 1_000_000, 1_000_000)


def test_what_sleeps_ends_by_the_deadline() -> None:
    ended, seconds = shell("echo $$; sleep 60")
    assert ended.timed_out and ended.rc is None and seconds < TIMEOUT
    assert "did not end within 1 s" in ended.problem
    assert wait_until_gone(int(ended.out))


def test_what_ignores_sigterm_dies(tmp_path: Path) -> None:
    ended, seconds = shell(f"trap 'echo again > {tmp_path}/got' TERM; echo $$; while :; do sleep 0.05; done")
    assert ended.timed_out and seconds < TIMEOUT + 0.1
    assert wait_until_gone(int(ended.out))
    assert (tmp_path / "got").exists(), "SIGTERM came before SIGKILL"


def test_sigterm_leaves_time_to_clean_up(tmp_path: Path) -> None:
    ended, seconds = shell(f"trap 'echo bye; touch {tmp_path}/clean; exit 0' TERM; sleep 60 & wait")
    assert ended.timed_out and ended.rc is None and seconds < TIMEOUT
    assert (tmp_path / "clean").exists() and ended.out == "bye\n"


def test_a_stopped_child_dies() -> None:
    ended, seconds = shell("echo $$; kill -STOP $$; sleep 60")
    assert ended.timed_out and seconds < TIMEOUT
    assert wait_until_gone(int(ended.out))


def test_the_whole_group_dies() -> None:
    ended, _seconds = shell("sleep 60 & echo $!; sleep 61 & echo $!; wait")
    assert all(wait_until_gone(int(pid)) for pid in ended.out.split())


def test_a_grandchild_that_keeps_the_pipe_delays_nothing_and_dies() -> None:
    ended, seconds = shell("sleep 60 & echo $!", timeout=10)
    assert (ended.rc, ended.timed_out) == (0, False) and seconds < 2
    assert wait_until_gone(int(ended.out))


LEAVER = """
import os, sys
pid = os.fork()
if pid == 0:
    os.setsid()
    while True:
        os.write(1, bytes(4096))
while os.getsid(pid) != pid:
    pass
open(sys.argv[1], "w").write(str(pid))
"""


def test_one_that_left_the_session_delays_nothing(tmp_path: Path) -> None:
    began = time.monotonic()
    ended = bounded.run([sys.executable, "-c", LEAVER, str(tmp_path / "pid")], 10)
    escaped = int((tmp_path / "pid").read_text())
    try:
        assert ended.rc == 0 and time.monotonic() - began < 3
    finally:
        if not gone(escaped):
            os.kill(escaped, 9)


def test_what_was_written_before_the_end_is_read_after_it() -> None:
    process = subprocess.Popen(["/bin/sh", "-c", "echo last words"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True)
    assert wait_until_gone(process.pid)
    run = bounded._Run(process, 100)
    run.watch(time.monotonic(), TIMEOUT)
    run.close()
    assert run.out.text == "last words\n"


def test_a_pipe_that_never_runs_dry_is_left() -> None:
    with open("/dev/zero", "rb", buffering=0) as endless:
        stream = bounded._Stream(endless, 10)
        stream.drain()
        assert (len(stream.text), stream.count) == (10, 16 * 64 * 1024)


def test_without_a_descriptor_of_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "pidfd_open")
    assert shell("sleep 0.1; exit 4")[0].rc == 4
    assert shell("sleep 60", 0.5)[0].timed_out


def test_the_system_has_it_as_a_method() -> None:
    assert System().bounded_run(["/bin/echo", "x" * 100], 5, keep=10).out == "x" * 10
