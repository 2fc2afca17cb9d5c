# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whole runs in a folder, with a unit that is a model: what lands, what goes back, and what a killed run leaves."""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import stat
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.model import InvalidInput, VigilError
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.service_config.engine import run
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.service_config.host import Host
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.service_config.spec import Spec

from tests.unit.service_config.fake import DOWN, FakeSystem, files, host, spec, spec_with

OLD = {"app": "old", "gone": "old", "same": "same"}
NEW = {"app": "new", "same": "same", "added": "new"}


def as_files(names: dict[str, str]) -> dict[str, str]:
    return {f"app/{name}.conf": text for name, text in names.items()}


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    """A folder in memory where there is one: every step of a change waits for the disk."""
    memory = Path("/dev/shm")
    if not os.access(memory, os.W_OK):
        yield tmp_path
        return
    folder = Path(tempfile.mkdtemp(prefix="vigil-test-", dir=memory))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def root(place: Path) -> Path:
    """A host with the old set, its unit up."""
    run(spec(place, **OLD), host(place))
    (place / "calls").unlink()
    return place


def state(root: Path) -> dict[str, Any]:
    return FakeSystem(root).load()


def leftovers(root: Path) -> list[str]:
    return [str(path) for path in root.rglob("*") if path.name.startswith(".vigil") or path.name == "journal.json"]


def test_first_run_starts_and_enables(place: Path) -> None:
    result = run(spec(place, **OLD), host(place))
    assert (result["changed"], result["action"], result["enable"]) == (True, "start", True)
    assert files(place) == as_files(OLD)
    assert FakeSystem(place).calls() == ["reset-failed app.service", "start app.service", "enable app.service"]
    assert [item["holds"] for item in result["proof"]] == [True, True]


def test_second_run_does_nothing(root: Path) -> None:
    result = run(spec(root, **OLD), host(root))
    assert (result["changed"], result["action"], result["diff"]) == (False, "none", [])
    assert FakeSystem(root).calls() == []


def test_change_reloads_once_and_removes_what_left(root: Path) -> None:
    result = run(spec(root, **NEW), host(root))
    assert files(root) == as_files(NEW)
    assert FakeSystem(root).calls() == ["reload app.service"]
    assert state(root)["running"] == "new"
    assert [len(result["files"][key]) for key in ("added", "changed", "removed")] == [1, 1, 1]
    assert not leftovers(root)


def test_check_mode_changes_nothing(root: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in root.rglob("*")}
    result = run(spec(root, **NEW), host(root), check=True)
    assert (result["changed"], result["action"], len(result["diff"])) == (True, "reload", 3)
    assert {path: path.stat().st_mtime_ns for path in root.rglob("*")} == before


@pytest.mark.parametrize("check", [False, True])
def test_a_validator_that_refuses_stops_everything(root: Path, check: bool) -> None:
    refuses = {"validate": [{"argv": ["grep", "-q", "old", "{stage}" + str(root / "etc/app/app.conf")]}]}
    with pytest.raises(VigilError, match="refused by grep .exit status 1."):
        run(spec_with(root, refuses, **NEW), host(root), check)
    assert files(root) == as_files(OLD)
    assert FakeSystem(root).calls() == []


def test_a_validator_without_a_verdict_is_unknown(root: Path) -> None:
    for argv, timeout in ((["sh", "-c", "kill -9 $$"], 60), (["sleep", "5"], 0.05)):
        with pytest.raises(VigilError, match="is unknown"):
            run(spec_with(root, {"validate": [{"argv": argv, "timeout": timeout}]}, **NEW), host(root))
    assert files(root) == as_files(OLD)


def test_a_missing_validator_is_an_error_but_not_in_check_mode(root: Path) -> None:
    missing = spec_with(root, {"validate": [{"argv": ["no-such-program"]}]}, **NEW)
    assert run(missing, host(root), check=True)["validated"][0]["result"] == "not validated: no-such-program is not installed yet"
    with pytest.raises(VigilError, match="no-such-program is not installed"):
        run(missing, host(root))


@pytest.mark.parametrize(("content", "words"), [
    ("refuse", "good is 0, 1 was expected"), ("never ready, die now", "died"), ("die later", "died"),
])
def test_failure_puts_the_old_set_back(root: Path, content: str, words: str) -> None:
    whole = spec_with(root, {"secrets": ["hunter2hunter2"]}, **{**NEW, "app": content})
    if content != "refuse":
        whole = replace(whole, files=tuple(replace(item, on_change="restart") for item in whole.files))
    with pytest.raises(VigilError, match=words) as failed:
        run(whole, host(root))
    assert files(root) == as_files(OLD)
    assert (state(root)["active"], state(root)["running"]) == ("active", "old")
    assert failed.value.details["rolled_back"] is True
    assert "The old set is back and app.service runs with it" in str(failed.value)
    assert "the words of the unit, password ********" in str(failed.value)
    assert not leftovers(root)
    assert run(spec(root, **OLD), host(root))["changed"] is False


def test_a_unit_that_never_gets_ready(root: Path) -> None:
    with pytest.raises(VigilError, match="not ready after 10 s: .* the answer was 503"):
        run(spec(root, **{**NEW, "app": "never ready"}), host(root))
    assert state(root)["running"] == "old"


def test_failed_first_run_leaves_the_unit_stopped_and_nothing_else(place: Path) -> None:
    with pytest.raises(VigilError, match="app.service is stopped, as before"):
        run(spec(place, app="die now"), host(place))
    assert files(place) == {}
    assert not (place / "etc").exists()
    assert {key: state(place)[key] for key in ("active", "file")} == {"active": "inactive", "file": "disabled"}
    assert not list((place / "state").iterdir())


def test_modes_and_drift(root: Path) -> None:
    path = root / "etc/app/app.conf"
    path.chmod(0o600)
    result = run(spec(root, **OLD), host(root))
    assert result["files"]["changed"] == [str(path)]
    assert result["action"] == "none"
    assert stat.S_IMODE(path.stat().st_mode) == 0o644


def test_unknown_owner(root: Path) -> None:
    whole = spec(root, **NEW)
    whole = replace(whole, files=tuple(replace(item, owner="no-such-user") for item in whole.files))
    assert run(whole, host(root), check=True)["changed"] is True
    with pytest.raises(InvalidInput, match="no-such-user does not exist"):
        run(whole, host(root))


def test_hand_edit_is_named_and_replaced(root: Path) -> None:
    (root / "etc/app/app.conf").write_text("edited")
    result = run(spec(root, **OLD), host(root))
    assert result["files"]["hand_edited"] == [str(root / "etc/app/app.conf")]
    assert "edited by hand" in result["diff"][0]["before_header"]
    assert files(root) == as_files(OLD)


def test_purge_takes_what_matches_and_no_other(root: Path) -> None:
    (root / "etc/app/stray.yml").write_text("x")
    (root / "etc/app/stray.txt").write_text("x")
    run(spec_with(root, {"purge": [str(root / "etc/app/*.yml")]}, **OLD), host(root))
    assert files(root) == {**as_files(OLD), "app/stray.txt": "x"}


def test_a_second_run_waits_and_says_for_whom(root: Path) -> None:
    with open(root / "locks/unit-app.service.lock", "r+") as holder:
        fcntl.flock(holder, fcntl.LOCK_EX)
        for check in (False, True):
            with pytest.raises(VigilError, match=f"process {os.getpid()}, since .* was waited for 10 s"):
                run(spec(root, **NEW), host(root), check)
    assert files(root) == as_files(OLD)


def test_absent_removes_all_it_owns(root: Path) -> None:
    (root / "etc/app/mine").write_text("x")
    gone = spec_with(root, {"state": "absent", "ready": None, "proof": None})
    assert run(gone, host(root), check=True)["action"] == "stop"
    assert run(gone, host(root))["changed"] is True
    assert files(root) == {"app/mine": "x"}
    assert FakeSystem(root).calls() == ["stop app.service", "disable app.service"]
    assert not (root / "state").exists()
    assert run(gone, host(root))["changed"] is False


def test_a_link_in_the_way_is_refused(root: Path) -> None:
    path = root / "etc/app/app.conf"
    path.rename(root / "etc/app/real")
    path.symlink_to("real")
    with pytest.raises(VigilError, match="is a symbolic link"):
        run(spec(root, **NEW), host(root))
    assert path.is_symlink()


@pytest.mark.parametrize(("load", "words"), [("masked", "systemctl unmask app.service"), ("not-found", "There is no unit app.service")])
def test_a_unit_that_cannot_start_is_told_before_anything_is_touched(root: Path, load: str, words: str) -> None:
    FakeSystem(root).save({**DOWN, "load": load})
    with pytest.raises(VigilError, match=words):
        run(spec(root, **NEW), host(root))
    assert files(root) == as_files(OLD)


def test_a_unit_that_does_not_come_up_tells_its_words(root: Path) -> None:
    FakeSystem(root).save({**state(root), "active": "failed", "sub": "failed"})
    (root / "etc/app/app.conf").write_text("die now")
    with pytest.raises(VigilError, match="(?s)the words of the unit.*nothing to put back") as failed:
        run(spec_with(root, {}, **{**OLD, "app": "die now"}), host(root))
    assert "words" in failed.value.details


def test_a_unit_that_stopped_is_started(root: Path) -> None:
    FakeSystem(root).save({**state(root), "active": "inactive", "sub": "dead"})
    result = run(spec(root, **OLD), host(root))
    assert (result["changed"], result["action"]) == (True, "start")


def test_stages_that_a_killed_run_left_are_swept(root: Path) -> None:
    stages = [Path(tempfile.mkdtemp(prefix=f"vigil-stage-{name}-")) for name in ("app", "app-two")]
    run(spec(root, **OLD), host(root))
    assert [stage.exists() for stage in stages] == [False, True]
    stages[1].rmdir()


def test_a_signal_puts_the_old_set_back(root: Path) -> None:
    def stop(step: str) -> None:
        if step == "unit reload":
            os.kill(os.getpid(), signal.SIGTERM)

    with pytest.raises(VigilError, match="asked to end by SIGTERM"):
        run(spec(root, **NEW), replace(host(root), hook=stop))
    assert (files(root), state(root)["running"]) == (as_files(OLD), "old")


def steps_of(root: Path, whole: Spec) -> list[str]:
    """The names of all steps of a run, which counts in the process that swaps, too."""
    log = root / "steps"

    def note(step: str) -> None:
        with open(log, "a") as handle:
            handle.write(step + "\n")

    run(whole, replace(host(root), hook=note))
    return log.read_text().splitlines()


def killed_at(root: Path, whole: Spec, number: int, kill: Callable[[int], None]) -> None:
    """Run in a process of its own that is killed at a step, and wait until the one that swaps is gone, too."""
    count, reader_writer = root / "count", os.pipe()

    def hook(_step: str) -> None:
        with open(count, "ab") as handle:
            handle.write(b"x")
        if count.stat().st_size == number:
            kill(main)

    main = os.fork()
    if main == 0:
        try:
            main = os.getpid()
            os.close(reader_writer[0])
            run(whole, replace(host(root), hook=hook))
        finally:
            os._exit(0)
    os.close(reader_writer[1])
    os.waitpid(main, 0)
    with os.fdopen(reader_writer[0], "rb") as stream:
        stream.read()
    for lock in root.glob("locks/*"):  # the process that swapped may let go of its locks a moment after its pipe
        with open(lock) as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)


def power_cut(main: int) -> None:
    """Both processes end at once."""
    if os.getpid() != main:
        os.kill(main, signal.SIGKILL)
    os.kill(os.getpid(), signal.SIGKILL)


def run_killed(main: int) -> None:
    """Only the run ends, as when somebody kills it."""
    os.kill(main, signal.SIGKILL)


def fresh(base: Path, name: str, old: dict[str, str]) -> Path:
    root = base / name
    root.mkdir()
    if old:
        run(spec(root, **old), host(root))
    return root


@pytest.mark.parametrize("old", [OLD, {}], ids=["change", "first run"])
@pytest.mark.parametrize("kill", [power_cut, run_killed])
def test_killed_at_every_step(place: Path, kill: Callable[[int], None], old: dict[str, str]) -> None:
    steps = steps_of(fresh(place, "count", old), spec(place / "count", **NEW))
    assert len(steps) > 15
    for number, step in enumerate(steps, 1):
        root = fresh(place, str(number), old)
        killed_at(root, spec(root, **NEW), number, kill)
        here = {name: text for name, text in files(root).items() if "/.vigil" not in name}
        if kill is run_killed:
            assert here in (as_files(old), as_files(NEW)), f"a mixture after {step}"
        proven = number >= steps.index("journal proven") + 1
        wanted = NEW if proven else (old or NEW)
        result = run(spec(root, **wanted), host(root))
        assert bool(result["repaired"]) == (step != "journal dropped"), step
        assert files(root) == as_files(wanted), step
        assert state(root)["running"] == wanted["app"], step
        assert not leftovers(root), step
        assert run(spec(root, **wanted), host(root))["changed"] is False, step


def test_down_is_the_model_s_beginning(place: Path) -> None:
    assert FakeSystem(place).load() == DOWN
    assert isinstance(host(place), Host)
