# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path

import pytest

from tools.suite import parts as data
from tools.suite import report
from tools.suite.model import Outcome, Part
from tools.suite.needs import NEEDS
from tools.suite.runner import run_all, run_part
from tools.suite.sanity import pip_settings, pip_versions
from tools.suite.shell import scripts


def part(name: str, **more: object) -> Part:
    return Part(name, "group", f"about {name}", ("true",), 1, **more)  # type: ignore[arg-type]


def passed(one: Part) -> Outcome:
    return Outcome(one, "passed", 1.0)


def run(parts: list[Part], work=passed, lacking=lambda need: "", jobs: int = 2) -> dict[str, Outcome]:  # type: ignore[no-untyped-def]
    said: list[Outcome] = []
    outcomes = run_all(parts, jobs, work, lacking, said.append)
    assert sorted(said, key=lambda one: one.part.name) == sorted(outcomes, key=lambda one: one.part.name)
    return {one.part.name: one for one in outcomes}


def test_every_scenario_folder_is_a_part_of_the_whole_suite() -> None:
    folders = {path.parent.name for path in (data.ROOT / "molecule").rglob("molecule.yml")}
    names = {one.name for one in data.select(data.parts(), [])}
    assert {f"molecule-{name}" for name in folders} <= names


def test_a_new_scenario_folder_is_found(tmp_path: Path) -> None:
    for name in ("one", "two", "shared"):
        (tmp_path / "molecule" / name).mkdir(parents=True)
    (tmp_path / "molecule/one/molecule.yml").write_text("---\n# lab_mirror\n")
    (tmp_path / "molecule/two/molecule.yml").write_text("---\nplatforms:\n  - name: a\n    lab_mirror: true\n")
    found = [one for one in data.parts(tmp_path) if one.group == "molecule"]
    assert [one.after for one in found] == [("images",), ("images", "programs")]
    assert [one.argv for one in found] == [("molecule", "test", "-s", "one"), ("molecule", "test", "-s", "two")]


def test_a_folder_of_molecule_without_a_scenario_holds_only_what_scenarios_share() -> None:
    assert {path.name for path in (data.ROOT / "molecule").glob("*/")} - set(data.scenarios()) <= {"shared"}


def test_names_are_unique_and_every_reference_is_to_an_earlier_part_or_a_known_need() -> None:
    names: list[str] = []
    for one in data.parts():
        assert one.name not in names
        assert set(one.after) <= set(names), one.name
        assert set(one.needs) <= set(NEEDS), one.name
        assert one.argv
        names.append(one.name)


def test_selecting_brings_what_must_come_before() -> None:
    parts = (part("a"), part("b", after=("a",)), part("c", after=("b",)), part("d"))
    assert [one.name for one in data.select(parts, ["c"])] == ["a", "b", "c"]
    assert data.select(parts, []) == parts
    assert data.select(parts, ["group"]) == parts


def test_an_unknown_name_is_refused() -> None:
    with pytest.raises(KeyError, match="nonsense"):
        data.select(data.parts(), ["unit", "nonsense"])


def test_what_comes_after_a_failed_part_is_skipped_and_says_so() -> None:
    def work(one: Part) -> Outcome:
        return Outcome(one, "failed" if one.name == "a" else "passed", reason="broke")

    outcomes = run([part("a"), part("b", after=("a",)), part("c", after=("b",)), part("d")], work)
    assert (outcomes["b"].state, outcomes["b"].reason) == ("skipped", "a did not pass")
    assert (outcomes["c"].state, outcomes["c"].reason) == ("skipped", "b did not pass")
    assert outcomes["d"].state == "passed"


def test_a_need_that_is_not_met_skips_with_its_reason() -> None:
    outcomes = run([part("a", needs=("engine", "other"))], lacking=lambda need: "no engine" if need == "engine" else "")
    assert (outcomes["a"].state, outcomes["a"].reason) == ("skipped", "no engine")


def test_two_parts_run_side_by_side_and_no_third() -> None:
    from threading import Lock
    from time import sleep

    lock, now, most = Lock(), [0], [0]

    def work(one: Part) -> Outcome:
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        sleep(0.02)
        with lock:
            now[0] -= 1
        return passed(one)

    run([part(str(number)) for number in range(6)], work)
    assert most == [2]


def test_a_part_that_must_wait_lets_later_ones_go_first() -> None:
    order: list[str] = []

    def work(one: Part) -> Outcome:
        order.append(one.name)
        return passed(one)

    run([part("a"), part("c", after=("b",)), part("b"), part("d")], work, jobs=1)
    assert order == ["a", "b", "c", "d"]


def test_a_part_whose_runner_breaks_has_failed() -> None:
    def broken(one: Part) -> Outcome:
        raise OSError("disk full")

    outcome = run([part("a")], broken)["a"]
    assert outcome.state == "failed"
    assert "disk full" in outcome.reason


@pytest.mark.parametrize(
    ("script", "limit", "state", "reason"),
    [
        ("echo 'NOT RUN: gpu: no card'", 10, "passed", ""),
        ("exit 3", 10, "failed", "ended with status 3"),
        ("sleep 30", 1, "failed", "did not end within 1 s"),
        ("echo x; echo no engine >&2; exit 77", 10, "skipped", "no engine"),
    ],
)
def test_a_command_by_its_end(tmp_path: Path, script: str, limit: int, state: str, reason: str) -> None:
    outcome = run_part(Part("p", "g", "t", ("sh", "-c", script), 1, limit), tmp_path, tmp_path / "logs" / "p.log")
    assert (outcome.state, outcome.reason, outcome.log) == (state, reason, "logs/p.log")
    assert outcome.not_run == (("gpu: no card",) if "NOT RUN" in script else ())


def test_a_command_that_is_not_there_has_failed(tmp_path: Path) -> None:
    outcome = run_part(Part("p", "g", "t", ("no-such-program",), 1), tmp_path, tmp_path / "p.log")
    assert outcome.state == "failed"
    assert "could not be started" in outcome.reason


def test_what_a_part_left_out_is_read_from_its_log() -> None:
    log = "x\nSKIPPED [2] tests/a.py:3: needs a card\nWARNING: Skipping sanity test \"y\": no z\nNOT RUN: q: r\nNOT RUN: q: r\n1 skipped\n"
    assert report.not_run(log) == ("tests/a.py:3: needs a card", 'Skipping sanity test "y": no z', "q: r")


def test_the_last_line_is_the_count_and_the_list_names_each_reason() -> None:
    outcomes = [
        Outcome(part("a"), "passed", 3.0, not_run=("gpu: no card",)),
        Outcome(part("b"), "failed", 2.0, "logs/b.log", "ended with status 1"),
        Outcome(part("c"), "skipped", reason="no engine"),
    ]
    text = report.summary(outcomes, 4.0)
    assert text.splitlines()[-1] == "1 passed, 1 failed, 1 skipped"
    for words in ("a: gpu: no card", "c: no engine", "b: ended with status 1, see logs/b.log"):
        assert words in text
    assert "nothing: every check ran" in report.summary(outcomes[1:2], 1.0)


def test_a_failure_shows_the_path_and_the_end_of_the_log() -> None:
    text = report.failure(Outcome(part("a"), "failed", 1.0, "logs/a.log", "ended with status 1"), "\n".join(map(str, range(100))))
    assert "logs/a.log" in text
    assert "\n99\n" in text
    assert "\n39\n" not in text


def test_the_pip_that_ansible_test_wants() -> None:
    assert pip_versions("default_packages = dict(\n pip='24.2',\n)\n'3.14': dict(pip=\"25.1\")") == ["24.2", "25.1"]


def test_pip_variables_win_over_its_file() -> None:
    before = "[global]\ncert = /a\ntimeout = 5\n[install]\nuser = no\n"
    settings = pip_settings(before, {"PIP_CERT": "/b", "PIP_INDEX_URL": "https://example.org/simple", "PIP_CONFIG_FILE": "/x", "HOME": "/"})
    assert settings == {"cert": "/b", "timeout": "5", "index-url": "https://example.org/simple"}
    assert pip_settings("", {}) == {}


def test_the_scripts_of_the_tree_are_found_by_name_and_by_shebang() -> None:
    assert {".ci/run", "tools/setup.sh"} <= set(scripts())
