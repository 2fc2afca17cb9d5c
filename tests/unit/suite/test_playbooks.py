# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from tools import demo, playbook
from tools.lab.spec import Host, Lab
from tools.suite import awx
from tools.suite.hosts import complaint

RECAP = """
PLAY RECAP *********************************************************************
\x1b[0;33mapp1\x1b[0m                       : \x1b[0;32mok=7   \x1b[0m changed=0    unreachable=0    failed=0 skipped=1
mon 1, quoted              : ok=9    changed=2    unreachable=0    failed=0 skipped=1
"""


def line(name: str, changed: int = 0, unreachable: int = 0, failed: int = 0) -> str:
    return f"{name} : ok=1 changed={changed} unreachable={unreachable} failed={failed} skipped=0\n"


def test_a_recap_is_read_in_colour_and_with_odd_names() -> None:
    found = playbook.recap(RECAP)
    assert found == {"app1": playbook.Host(0, 0, 0), "mon 1, quoted": playbook.Host(2, 0, 0)}
    assert playbook.changed(found) == "changed: 2 tasks on mon 1, quoted"


def test_a_run_that_changed_nothing_says_so() -> None:
    assert playbook.changed(playbook.recap(line("a"))) == "nothing changed"


@pytest.mark.parametrize(
    ("said", "may_change", "words"),
    [
        (line("a", changed=1) + line("b"), True, ""),
        (line("a") + line("b"), False, ""),
        (line("a", changed=1), True, "no recap of b"),
        (line("a", changed=1) + line("b", failed=1), True, "failed or unreachable: b"),
        (line("a", changed=1) + line("b", unreachable=1), True, "failed or unreachable: b"),
        (line("a", changed=1) + line("b"), False, "a second run must change nothing; changed: 1 task on a"),
        (line("a") + line("b"), True, "the first run on bare hosts changed nothing: it did not deploy"),
        ("", False, "no recap of a, b"),
    ],
)
def test_what_is_wrong_with_a_run(said: str, may_change: bool, words: str) -> None:
    assert complaint(said, ["a", "b"], may_change) == words


def test_where_to_look_tells_the_file_of_the_password() -> None:
    lab = Lab("demo", (Host("mon1", address="192.0.2.1", groups=("prometheus", "alertmanager")), Host("app1", address="192.0.2.2")))
    text = demo.where(lab)
    for words in ("https://192.0.2.1:9090/targets", "https://192.0.2.1:9093/", "passwords.yml", "https://192.0.2.1:9090/api/v1/query"):
        assert words in text
    assert "192.0.2.2" not in text


def test_the_verdict_is_told_again_at_the_end() -> None:
    twice = "PLAY RECAP ***\na : ok=1 changed=1 unreachable=0 failed=0\n" * 2
    assert playbook.recap(twice) == {"a": playbook.Host(2, 0, 0)}
    assert demo.table("TASK [x]\nok: [a]\n\nHOST  JOB\na     node\n\nPLAY RECAP ***\n") == "HOST  JOB\na     node"
    assert "no table" in demo.table("ERROR\n")
    told = "PLAY [Tell what was found] ***\n\nAll 3 hosts healthy.\n\njson: x\n\nTASK [Report] ***\nok\n"
    assert demo.health(told) == "All 3 hosts healthy.\n\njson: x"
    assert "told nothing" in demo.health("ERROR\n")


def test_an_inventory_as_awx_prints_it(tmp_path: Path) -> None:
    static = {
        "all": {
            "vars": {"ansible_ssh_private_key_file": "/key"},
            "hosts": {"a": {"ansible_host": "192.0.2.1"}, "b'c": {"ansible_host": "192.0.2.2"}},
            "children": {"monitored": {"hosts": {"b'c": {}, "a": {}}}},
        }
    }
    script = tmp_path / "hosts"
    script.write_text(awx.SCRIPT.format(repr(awx.inventory(static))))
    printed = json.loads(subprocess.run(["python3", str(script)], capture_output=True, check=True).stdout)
    assert printed["monitored"] == {"hosts": ["a", "b'c"]}
    assert printed["_meta"]["hostvars"]["b'c"] == {"ansible_host": "192.0.2.2", "ansible_user": "root"}
    assert "/key" not in json.dumps(printed)
