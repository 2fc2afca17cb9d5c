# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands, process groups and probes: by the documents of tests/cases/exporters."""

from __future__ import annotations

import subprocess
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.exporters import blackbox, flags, process_groups
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.model import InvalidInput

CASES = Path(__file__).parents[2] / "cases" / "exporters"


def load(name: str) -> list[Any]:
    """Return the cases of a document as parameters named by the case."""
    return [pytest.param(case, id=case["name"]) for case in yaml.safe_load((CASES / name).read_text(encoding="utf-8"))]


def expected(case: dict[str, Any]) -> AbstractContextManager[Any]:
    """Return what a case expects: its words of refusal, or none."""
    return pytest.raises(InvalidInput, match=case["error"]) if "error" in case else nullcontext()


@pytest.mark.parametrize("case", load("commands.yml"))
def test_command(case: dict[str, Any]) -> None:
    with expected(case):
        argv = getattr(flags, case["function"])("/usr/bin/program", case["options"])
        assert argv == ["/usr/bin/program", *case["words"]]


@pytest.mark.parametrize("case", load("process_groups.yml"))
def test_process_groups(case: dict[str, Any]) -> None:
    with expected(case):
        found = process_groups.process_groups(case["groups"], case.get("others", "comm"))
        assert found == {"process_names": case["rules"]}


@pytest.mark.parametrize("case", load("blackbox.yml"))
def test_blackbox(case: dict[str, Any]) -> None:
    with expected(case):
        assert blackbox.blackbox_configuration(case["modules"]) == case["configuration"]


def test_a_dry_start_replaces_flags() -> None:
    argv = flags.dry_start(["/bin/x", "--web.listen-address=0.0.0.0:1", "--a"], {"web.listen-address": "127.0.0.1:0"})
    assert argv[3:] == ["dry_start", "/bin/x", "--a", "--web.listen-address=127.0.0.1:0"]


def test_a_program_that_is_not_installed_yet_cannot_be_tried() -> None:
    done = subprocess.run(flags.dry_start(["/nonexistent/program"], {}), capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert "is not installed yet" in done.stdout


@pytest.mark.parametrize(("program", "code"), [("sleep 5", 0), ("echo broken; exit 3", 1), ("exit 0", 1)])
def test_a_dry_start_is_content_with_what_keeps_running(program: str, code: int) -> None:
    argv = flags.dry_start(["/bin/sh", "-c", program], {})
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == code
    assert ("broken" in done.stderr) == program.startswith("echo")
