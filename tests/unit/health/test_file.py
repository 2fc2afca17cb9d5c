# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Real files: the newest of several, ages, checksums, rights, and file systems that do not answer."""

from __future__ import annotations

import grp
import hashlib
import os
import pwd
import socket
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.kind import Look
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.kinds import file
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.look import look_at
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.model import Result
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.spec import parse
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.stuck import Stuck, within
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.system import System


def look(options: dict[str, Any], kept: Mapping[str, Any] | None = None, system: System | None = None) -> tuple[Result, Any]:
    check = parse([{"name": "x", "kind": "file", **options}], {"file": file.KIND})[0]
    return look_at(check, file.KIND, Look(system or System(), 5.0, kept or {}))


def written(path: Path, text: str = "x", age: float = 0.0) -> Path:
    path.write_text(text, encoding="utf-8")
    then = time.time() - age
    os.utime(path, (then, then))
    return path


def test_the_newest_of_several(tmp_path: Path) -> None:
    for number, age in enumerate((5000, 3600, 9000)):
        written(tmp_path / f"db-{number}.gz", "x" * number, age)
    written(tmp_path / "other", age=1)
    result, _kept = look({"path": f"{tmp_path}/db-*.gz", "age": {"warn": "30m", "fail": "2h"}})
    assert (result.state, result.values["path"], result.values["count"]) == ("warn", f"{tmp_path}/db-1.gz", 3)
    assert result.observed == pytest.approx(3600, abs=30)


def test_into_folders(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    written(tmp_path / "a" / "b" / "x.log")
    assert look({"path": f"{tmp_path}/**/*.log"})[0].values["count"] == 1


def test_a_name_with_the_signs_of_a_pattern(tmp_path: Path) -> None:
    written(tmp_path / "a[1].txt")
    assert look({"path": f"{tmp_path}/a[1].txt"})[0].values["count"] == 1


def test_nothing_there(tmp_path: Path) -> None:
    for path in (f"{tmp_path}/none", f"{tmp_path}/none/*", f"{tmp_path}/*"):
        assert look({"path": path})[0].state == "fail"
        assert look({"path": path, "state": "absent"})[0].state == "pass"


def test_rights_and_owner(tmp_path: Path) -> None:
    path = written(tmp_path / "a")
    path.chmod(0o640)
    options = {"path": str(path), "owner": pwd.getpwuid(os.getuid()).pw_name, "group": str(path.stat().st_gid), "type": "file"}
    assert look({**options, "mode": "0640"})[0].state == "pass"
    assert grp.getgrgid(path.stat().st_gid).gr_name == look(options)[0].values["group"]
    assert look({**options, "mode": "0600"})[0].summary == f"mode of {path} is 0640, expected 0600"


def test_types(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as link:
        link.bind(str(tmp_path / "s"))
        (tmp_path / "link").symlink_to(tmp_path / "s")
        kinds = {tmp_path: "directory", tmp_path / "s": "socket", tmp_path / "link": "socket", Path("/dev/null"): "other"}
        for path, kind in kinds.items():
            assert look({"path": str(path)})[0].values["type"] == kind


def test_a_checksum_is_taken_again_only_after_a_change(tmp_path: Path) -> None:
    path = written(tmp_path / "a", "one")
    options = {"path": str(path), "sha256": hashlib.sha256(b"one").hexdigest()}
    result, kept = look(options)
    assert result.state == "pass"
    # What is remembered is believed while the file is the same one.
    assert look(options, {**kept, "sum": "0" * 64})[0].state == "fail"
    written(path, "two")
    result, kept = look(options, kept)
    assert (result.state, kept["sum"]) == ("fail", hashlib.sha256(b"two").hexdigest())


def test_a_folder_has_no_checksum(tmp_path: Path) -> None:
    assert look({"path": str(tmp_path), "sha256": "0" * 64})[0].state == "unknown"


def test_a_file_too_big_for_the_time_is_unknown(tmp_path: Path) -> None:
    class Slow(System):
        """Each look at the clock takes a second."""

        ticks = 0.0

        def monotonic(self) -> float:
            self.ticks += 1
            return self.ticks

    path = tmp_path / "big"
    with path.open("wb") as handle:
        handle.truncate(64 * 1024 * 1024)
    result, kept = look({"path": str(path), "sha256": "0" * 64}, system=Slow())
    assert (result.state, kept) == ("unknown", {})
    assert "too big to be read within 5 s" in result.summary


@pytest.mark.skipif(os.getuid() == 0, reason="root may read everything")
def test_no_right_to_look_is_unknown(tmp_path: Path) -> None:
    shut = tmp_path / "shut"
    shut.mkdir()
    written(shut / "a")
    shut.chmod(0)
    try:
        for path in (f"{shut}/a", f"{shut}/*"):
            assert look({"path": path})[0].state == "unknown"
    finally:
        shut.chmod(0o700)


def test_a_file_that_may_not_be_read_is_unknown() -> None:
    # Not even root may read this one: it can only be written.
    options = {"path": "/proc/sys/vm/compact_memory", "sha256": "0" * 64}
    if not os.path.exists(options["path"]):
        pytest.skip("this kernel cannot compact its memory")
    result, _kept = look(options)
    assert (result.state, "compact_memory" in result.summary) == ("unknown", True)


def test_two_who_ask_at_once_both_get_an_answer() -> None:
    release, answers = threading.Event(), []
    first = threading.Thread(target=lambda: answers.append(within("k", 5, lambda: release.wait(5) and 1)))
    first.start()
    second = threading.Thread(target=lambda: answers.append(within("k", 5, lambda: 2)))
    second.start()
    release.set()
    first.join(5)
    second.join(5)
    assert sorted(answers) == [1, 2]


def test_one_that_hangs_is_given_up_at_once_by_the_next() -> None:
    release = threading.Event()
    with pytest.raises(Stuck):
        within("h", 0.05, release.wait)
    start = time.monotonic()
    with pytest.raises(Stuck, match="earlier look"):
        within("h", 0.05, release.wait)
    assert time.monotonic() - start < 0.05
    release.set()
