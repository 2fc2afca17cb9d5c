# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A report as a table, JSON, JUnit and a page; and its files."""

from __future__ import annotations

import json
import re
import stat
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.model import VigilError
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.sweep import keep
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.sweep.model import Memory, Report, Row
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.sweep.render_html import as_html
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.sweep.render_json import as_json
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.sweep.render_junit import as_junit
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.sweep.render_table import table

from tests.unit.sweep.reports import AT, report

GOLDEN = Path(__file__).parents[2] / "cases" / "sweep" / "table.txt"
CASE = {
    "hosts": {
        "a": {"agent": [["disk", "fail"], ["db", "pass"]]}, "b": {"agent": [["disk", "pass"]]},
        "c": {"agent": [["web", "warn"], ["x", "skipped"]]}, "d": {"agent": [["gpu", "unknown"]]},
        "e": {"agent": "late"}, "f": {"agent": "refused", "ssh": "Connection timed out"},
    },
    "groups": {"db": ["e", "f"], "web": ["a", "b"]},
    "memory": {"a": {"disk": "fail"}, "b": {"old": "warn"}, "c": {"web": "fail"}},
}
EVIL = "<script>alert('x')</script>&\"]]>"
VOID = {"meta", "input"}


def case_report() -> Report:
    return report(CASE)[0]


def evil_report() -> Report:
    made = case_report()
    row = Row(EVIL, EVIL, "fail", EVIL, EVIL, EVIL, EVIL, 0.1, AT)
    hosts = (replace(made.hosts[0], name=EVIL, rows=(row,)), *made.hosts[1:])
    return replace(made, hosts=hosts, problems=(replace(made.problems[0], host=EVIL, row=row), *made.problems[1:]))


def test_table() -> None:
    assert table(case_report(), 120) + "\n" == GOLDEN.read_text(encoding="utf-8")


def test_alike_problems_of_many_hosts_are_one_line_and_the_rest_is_counted() -> None:
    hosts = {f"h{number:02}": {"agent": [["disk", "fail"], [f"c{number}", "warn"]]} for number in range(20)}
    text = table(report({"hosts": hosts})[0], 120, most=5)
    assert re.search(r"^FAIL +h00 \+19 +disk ", text, re.MULTILINE)
    assert len(re.findall(r"^WARN ", text, re.MULTILINE)) == 4
    assert "... and 16 more problems" in text


def test_all_checks_are_listed_where_asked_for() -> None:
    text = table(case_report(), 120, most=1, detail=True)
    assert [line.split()[:3] for line in text.splitlines() if line.startswith(("pass", "skipped"))] == [
        ["pass", "a", "db"], ["skipped", "c", "x"], ["pass", "b", "disk"]]


def test_the_table_fits_and_what_to_do_next_is_never_cut() -> None:
    long = replace(case_report().problems[0], host="h" * 90, row=Row("c" * 90, "", "fail", "s" * 500, "", "", "a" * 300))
    made = replace(case_report(), problems=(long,))
    line = table(made, 120).splitlines()[3]
    assert line.endswith("a" * 300)
    assert len(line.rstrip("a")) <= 120


def test_json_tells_everything_a_program_needs() -> None:
    told = json.loads(as_json(case_report()))
    assert (told["schema"], told["state"], told["expected"], told["seen"]) == ("vigil.health.sweep/1", "fail", 6, 4)
    assert told["states"] == {"fail": 1, "unseen": 2, "unknown": 1, "warn": 1, "skipped": 0, "pass": 1}
    assert told["coverage"][0] == {"group": "db", "expected": 2, "seen": 0, "unseen": ["e", "f"]}
    assert told["problems"][0] == {
        "host": "a", "check": "disk", "kind": "tcp", "state": "fail", "summary": "disk is down",
        "advice": "look at disk",
        "duration": 0.002, "time": "2027-01-15T08:00:00.000Z", "since": "2027-01-15T07:00:00.000Z", "new": False}
    hosts = {host["host"]: host for host in told["hosts"]}
    assert (hosts["f"]["agent"]["reason"], hosts["f"]["ssh"], hosts["f"]["via"]) == ("refused", "Connection timed out", "")
    assert [check["check"] for check in hosts["a"]["checks"]] == ["disk", "db"]
    assert json.loads(as_json(evil_report()))["hosts"][0]["host"] == EVIL


def test_junit_counts_and_escapes() -> None:
    root = ElementTree.fromstring(as_junit(case_report()))
    assert (root.get("tests"), root.get("failures"), root.get("errors"), root.get("skipped")) == ("8", "1", "3", "1")
    assert len(root.findall("testsuite")) == 6
    suite = next(one for one in root if one.get("name") == "c")
    assert [(case.get("name"), [child.tag for child in case]) for case in suite] == [("web", ["system-out"]), ("x", ["skipped"])]
    evil = ElementTree.fromstring(as_junit(evil_report()))[0]
    assert (evil.get("name"), evil[0].get("name"), evil[0][0].get("message")) == (EVIL, EVIL, EVIL)


class Page(HTMLParser):
    """Notes tags that are not closed, addresses, and text."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.addresses: list[str] = []
        self.said: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.addresses += [str(value) for name, value in attrs if name in ("src", "href", "action", "srcset")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.said.append(data)


@pytest.mark.parametrize("detail", [False, True])
def test_the_page_stands_alone_and_nothing_in_it_runs(detail: bool) -> None:
    text = as_html(evil_report(), detail=detail)
    page = Page(text)
    assert page.open == []
    assert page.addresses == []
    assert page.tags.count("script") == 1
    assert "url(" not in text and "@import" not in text and "//" not in text.replace("// ", "")
    assert EVIL in page.said
    words = " ".join(page.said)
    for expected in ("6 hosts: 1 fail, 2 not seen", "Seen by group: db 0/2.", "1 solved", "not seen", "unknown", "healthy"):
        assert expected in words


def test_the_page_of_a_healthy_fleet_and_of_none() -> None:
    assert "All 1 host healthy." in as_html(report({"hosts": {"a": {"agent": [["x", "pass"]]}}})[0])
    assert "No hosts." in as_html(report({"hosts": {}})[0])
    assert "No hosts." in table(report({"hosts": {}})[0])
    ElementTree.fromstring(as_junit(report({"hosts": {}})[0]))
    json.loads(as_json(report({"hosts": {}})[0]))


def test_files_are_private_and_the_last_report_stays(tmp_path: Path) -> None:
    folder, made = tmp_path / "a" / "health", case_report()
    assert keep.read_memory(str(folder)) == Memory()
    for number in range(2):
        report_now = replace(made, at=AT + number)
        files = keep.write(str(folder), report_now, keep.read_memory(str(folder)), forms=keep.FORMS, known=list("abcdef"), detail=False)
    assert files == {"json": str(folder / "health.json"), "junit": str(folder / "health.xml"), "html": str(folder / "health.html")}
    assert (folder / "health.last.json").read_text() != (folder / "health.json").read_text()
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
    assert all(mode in (0o600, 0o640) for mode in modes.values()), modes
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert keep.read_memory(str(folder)).hosts["a"] == {"disk": ("fail", AT - 3600)}


def test_only_what_was_asked_for_is_written(tmp_path: Path) -> None:
    files = keep.write(str(tmp_path), case_report(), Memory(), forms=["junit"], known=[], detail=False)
    assert files == {"junit": str(tmp_path / "health.xml")}
    assert sorted(path.name for path in tmp_path.iterdir() if path.name[0] != ".") == ["health.xml", "state.json"]


def test_a_broken_memory_is_none_and_a_bad_folder_is_told(tmp_path: Path) -> None:
    (tmp_path / "state.json").write_text("{")
    assert keep.read_memory(str(tmp_path)) == Memory()
    with pytest.raises(VigilError, match="Set health_report_dir"):
        keep.write(str(tmp_path / "state.json" / "x"), case_report(), Memory(), forms=["json"], known=[], detail=False)
