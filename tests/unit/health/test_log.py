# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A log that is written, rotated in every way, cut, removed and full of junk: each line counts once."""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import os
import random
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.bounded import Ended
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.kind import Look
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.kinds import log
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.look import look_at
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.model import Result
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.spec import parse
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.system import System
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st


class Journal(System):
    """A machine whose journalctl says what is written here."""

    def __init__(self, ended: Ended | None = None, up: float = 100.0) -> None:
        self.ended, self.up, self.argv = ended or Ended((), 0), up, []  # type: ignore[var-annotated]

    def bounded_run(self, argv: Sequence[str], timeout: float, env: Mapping[str, str] | None = None, cwd: str | None = None,
                    keep: int = 0) -> Ended:
        self.argv = list(argv)
        return self.ended

    def uptime(self) -> float:
        return self.up


class Watched:
    """A log and one who looks at it again and again, with his memory gone through JSON each time."""

    def __init__(self, path: Path | str, system: System | None = None, **options: Any) -> None:
        self.options = {"name": "x", "kind": "log", "patterns": ["ERROR"], "matches": {"fail": 10**9}, **options}
        if path:
            self.options["path"] = str(path)
        self.path, self.system, self.memory = Path(path), system or System(), {}  # type: ignore[var-annotated]
        self.result: Result

    def look(self) -> int:
        check = parse([self.options], {"log": log.KIND})[0]
        self.result, kept = look_at(check, log.KIND, Look(self.system, 5.0, json.loads(json.dumps(self.memory))))
        self.memory = dict(kept)
        assert self.result.values, self.result.summary
        matches: int = self.result.values["matches"]
        return matches

    def write(self, text: str | bytes) -> Watched:
        with self.path.open("ab") as handle:
            handle.write(text if isinstance(text, bytes) else text.encode())
        return self


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    one = Watched(tmp_path / "app.log").write("ERROR before\n" * 100)
    assert one.look() == 0
    assert one.result.values["begun"]
    return one


def test_lines_count_once(watched: Watched) -> None:
    watched.write("ERROR 1\nfine\nERROR 2\r\n")
    assert [watched.look(), watched.look()] == [2, 0]


def test_ignored_lines_do_not(tmp_path: Path) -> None:
    one = Watched(tmp_path / "a", ignore=["paper", "ink"]).write("x\n")
    one.look()
    assert one.write("ERROR paper\nERROR ink\nERROR fire\n").look() == 1


def test_a_partial_line_is_kept_for_later(watched: Watched) -> None:
    assert watched.write("ERR").look() == 0
    assert watched.write("OR whole\nERROR").look() == 1
    assert watched.write("\n").look() == 1


def test_a_line_that_was_begun_before_the_first_look_counts_whole(tmp_path: Path) -> None:
    one = Watched(tmp_path / "a").write("x\nERR")
    one.look()
    assert one.write("OR\n").look() == 1


def test_renamed_and_made_anew(watched: Watched) -> None:
    watched.write("ERROR 1\n").look()
    watched.write("ERROR 2\nERROR 3 without an end")
    watched.path.rename(watched.path.with_suffix(".log.1"))
    watched.write("ERROR 4\n")
    assert watched.look() == 3
    assert (watched.result.values["rotated"], watched.result.values["lost"]) == (True, False)
    assert watched.write("ERROR 5\n").look() == 1


def test_renamed_and_not_yet_made_anew(tmp_path: Path, watched: Watched) -> None:
    watched.write("ERROR 1\n").path.rename(tmp_path / "app.log.1")
    assert watched.look() == 1
    assert (watched.result.state, "is not there" in watched.result.summary) == ("fail", True)
    assert watched.write("ERROR 2\n").look() == 1


def test_a_program_that_writes_to_the_old_file_for_a_while(tmp_path: Path, watched: Watched) -> None:
    with watched.path.open("a") as handle:
        watched.path.rename(tmp_path / "app.log.1")
        watched.write("ERROR 1\n")
        assert watched.look() == 1
        handle.write("ERROR 2\n")
    assert watched.write("ERROR 3\n").look() == 2
    assert watched.look() == 0


def test_copied_and_cut(watched: Watched) -> None:
    watched.write("ERROR 1\n")
    shutil.copy(watched.path, watched.path.with_suffix(".log.1"))
    os.truncate(watched.path, 0)
    watched.write("ERROR 2\n")
    assert watched.look() == 2
    assert not watched.result.values["lost"]


def test_copied_cut_and_grown_beyond_the_old_place(watched: Watched) -> None:
    watched.write("ERROR 1\n")
    shutil.copy(watched.path, watched.path.with_suffix(".log.1"))
    os.truncate(watched.path, 0)
    watched.write("another\n" * 500 + "ERROR 2\n")
    assert watched.look() == 2


def test_copied_and_cut_with_the_same_long_beginning(tmp_path: Path) -> None:
    banner = "a banner as long as it is the same\n" * 50
    one = Watched(tmp_path / "app.log").write(banner + "fine\n" * 20)
    one.look()
    shutil.copy(one.write("ERROR 1\n").path, tmp_path / "app.log.1")
    os.truncate(one.path, 0)
    assert one.write(banner + "ERROR 2\n").look() == 2


@pytest.mark.parametrize(("suffix", "pack"), [(".gz", gzip.compress), (".bz2", bz2.compress), (".xz", lzma.compress)])
def test_renamed_and_compressed(watched: Watched, suffix: str, pack: Any) -> None:
    watched.write("ERROR 1\n")
    (watched.path.parent / f"app.log.1{suffix}").write_bytes(pack(watched.path.read_bytes()))
    watched.path.unlink()
    watched.write("ERROR 2\n")
    assert watched.look() == 2
    assert not watched.result.values["lost"]


def test_a_compressed_file_that_is_still_being_written(watched: Watched) -> None:
    packed = gzip.compress(watched.write("ERROR 1\n" * 5).path.read_bytes() + os.urandom(10_000))
    target = watched.path.parent / "app.log.1.gz"
    target.write_bytes(packed[:-5000])
    watched.path.unlink()
    watched.write("ERROR 2\n")
    first = watched.look()
    target.write_bytes(packed)
    assert first + watched.look() == 6


def test_a_compressed_file_that_stays_broken_holds_nothing_up(watched: Watched) -> None:
    (watched.path.parent / "app.log.1.gz").write_bytes(b"\x1f\x8bjunk")
    watched.path.unlink()
    watched.write("ERROR 2\n")
    assert [watched.look() for _time in range(4)] == [0, 0, 0, 1]
    assert watched.result.values["lost"]


def test_removed_and_made_anew(watched: Watched) -> None:
    watched.path.unlink()
    watched.write("ERROR 1\n")
    assert watched.look() == 1
    assert watched.result.values["lost"]


def test_cut_to_nothing(watched: Watched) -> None:
    os.truncate(watched.path, 0)
    assert watched.look() == 0
    assert watched.write("ERROR 1\n").look() == 1


def test_an_empty_log_that_is_rotated(tmp_path: Path) -> None:
    one = Watched(tmp_path / "a.log").write("")
    one.look()
    one.write("ERROR 1\n").path.rename(tmp_path / "a.log.1")
    assert one.write("ERROR 2\n").look() == 2


def test_a_day_a_file(tmp_path: Path) -> None:
    first, second = tmp_path / "app-01.log", tmp_path / "app-02.log"
    one = Watched(f"{tmp_path}/app-*.log")
    first.write_text("ERROR 0\n")
    os.utime(first, (1000, 1000))
    one.look()
    first.write_text("ERROR 0\nERROR 1\n")
    os.utime(first, (1000, 1000))
    second.write_text("ERROR 2\n")
    assert one.look() == 2


def test_two_files_that_are_the_newest_in_turn(tmp_path: Path) -> None:
    files = [tmp_path / "a.log", tmp_path / "b.log"]
    one, now = Watched(f"{tmp_path}/*.log"), 2 * 10**9
    for path in files:
        path.write_text("ERROR old\n")
    one.look()
    for number in range(6):
        with files[number % 2].open("a") as handle:
            handle.write("ERROR new\n")
        now += 10
        os.utime(files[number % 2], (now, now))
        assert one.look() == 1, number


def test_what_one_look_leaves_the_next_one_reads(tmp_path: Path) -> None:
    one = Watched(tmp_path / "app.log", read_limit="256KiB", unread={"warn": 1}).write("x\n")
    one.look()
    one.write(b"ERROR " + b"x" * 993 + b"\n")
    one.write((b"ERROR " + b"x" * 993 + b"\n") * 999)
    first = one.look()
    assert (200 < first < 300, one.result.state, one.result.values["unread"] > 700_000) == (True, "warn", True)
    one.path.rename(tmp_path / "app.log.1")
    one.write("ERROR last\n")
    rest = [one.look() for _time in range(5)]
    assert first + sum(rest) == 1001
    assert (rest[-1], one.result.state) == (0, "pass")


def test_junk(watched: Watched) -> None:
    watched.write(b"\xff\x00ERROR\x01\xfe\n" + os.urandom(200_000).replace(b"\n", b"") + b"\nERROR\n")
    assert watched.look() == 2


def test_a_file_without_lines_does_not_grow_in_memory(watched: Watched) -> None:
    watched.write(b"x" * 500_000)
    watched.look()
    assert watched.result.values["lines"] >= 1
    assert watched.write("\nERROR\n").look() == 1


def test_the_latest_is_shown_only_where_that_is_allowed(tmp_path: Path) -> None:
    for show in (False, True):
        one = Watched(tmp_path / "a", show=show).write("x\n")
        one.look()
        one.write("ERROR one\nERROR password=hunter2 \x1b[31m" + "y" * 500 + "\n").look()
        assert ("hunter2" in json.dumps([one.memory, one.result.values, one.result.summary])) is show
        assert len(one.result.values["last"]) <= 200
        assert "\x1b" not in one.result.values["last"]


def test_a_window(tmp_path: Path) -> None:
    system = Journal(up=0)
    one = Watched(tmp_path / "a", system, window="1m").write("x\n")
    one.look()
    seen = []
    for system.up, text in ((10, "ERROR\n"), (30, "ERROR\nERROR\n"), (69, ""), (71, ""), (91, "")):
        seen.append(one.write(text).look())
    assert seen == [1, 3, 3, 2, 0]


def test_a_pipe_in_its_place_does_not_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "a")
    one = Watched(tmp_path / "a")
    one.look()
    assert one.result.state == "fail"


def message(text: Any, cursor: str) -> str:
    return json.dumps({"MESSAGE": text, "__CURSOR": cursor}) + "\n"


def test_the_journal() -> None:
    system = Journal(Ended((), 0, message("ERROR before", "c0")))
    one = Watched("", system, unit="x.service")
    assert one.look() == 0
    system.ended = Ended((), 0, message("ERROR 1", "c1") + message("fine", "c2") + message(list(b"ERROR \xff"), "c3") + message(None, "c4"))
    assert one.look() == 2
    assert "--after-cursor=c0" in system.argv
    system.ended = Ended((), 0, "-- No entries --\n")
    assert one.look() == 0
    one.look()
    assert "--after-cursor=c4" in system.argv


def test_a_journal_longer_than_one_look() -> None:
    system = Journal(Ended((), 0))
    one = Watched("", system, unit="x.service")
    one.look()
    system.ended = Ended((), 0, message("ERROR 1", "c1") + '{"MESSAGE": "ERROR 2", "__CUR', out_bytes=10**6)
    assert one.look() == 1
    assert one.result.values["unread"] > 0
    system.ended = Ended((), 0, message("ERROR 2", "c2"))
    assert one.look() == 1
    assert "--after-cursor=c1" in system.argv


@pytest.mark.parametrize(("ended", "words"), [
    (Ended((), 1, err="No journal files were opened due to insufficient permissions.\n"), "may not be read"),
    (Ended((), 0, err="Hint: You are currently not seeing messages from other users and the system.\n"), "may not be read"),
    (Ended((), None, problem="journalctl could not be started", missing="journalctl"), "could not be started"),
    (Ended((), 1, err="what?"), "journalctl failed: what?"),
])
def test_a_journal_that_cannot_be_read_is_unknown(ended: Ended, words: str) -> None:
    check = parse([{"name": "x", "kind": "log", "unit": "x", "patterns": ["a"]}], {"log": log.KIND})[0]
    result, _kept = look_at(check, log.KIND, Look(Journal(ended), 5.0))
    assert (result.state, words in result.summary) == ("unknown", True), result.summary


STEPS = st.lists(st.sampled_from(["write", "part", "look", "rename", "copy", "pack"]), max_size=25)


@given(STEPS, st.integers(0, 10**6))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_each_line_counts_once_whatever_happens(tmp_path: Path, steps: list[str], seed: int) -> None:
    folder = tmp_path / str(random.Random(seed).random()) / str(len(steps))
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    one, written, counted = Watched(folder / "app.log", show=True).write("begin\n"), 0, 0
    one.look()
    for number, step in enumerate([*steps, "end", "look"]):
        if step in ("write", "end"):
            one.write(f"ERROR {number}\n")
            written += 1
        elif step == "part":
            one.write(f"part of {number} ")
        elif step == "look":
            counted += one.look()
        else:
            # A rotation, and a look before the next one; in a file that was not looked at lines are lost.
            rotate(one, step, folder / f"app.log.{number}")
            one.write(f"begin {number}\n")
            counted += one.look()
    assert counted == written


def rotate(one: Watched, step: str, target: Path) -> None:
    content = one.path.read_bytes()
    if step == "rename":
        one.path.rename(target)
    elif step == "copy":
        target.write_bytes(content)
        os.truncate(one.path, 0)
    else:
        Path(f"{target}.gz").write_bytes(gzip.compress(content))
        one.path.unlink()
