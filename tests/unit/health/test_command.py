# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kind command with real programs."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.kind import Look
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.kinds import KINDS
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.look import look_at
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.model import Result
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.spec import parse
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.system import System


def looked(script: str | list[str], timeout: float = 2.0, **options: Any) -> Result:
    argv = ["/bin/sh", "-c", script] if isinstance(script, str) else script
    check = parse([{"name": "check", "kind": "command", "argv": argv, **options}], KINDS)[0]
    return look_at(check, KINDS["command"], Look(System(), timeout))[0]


@pytest.mark.parametrize(("code", "state"), [(0, "pass"), (1, "warn"), (2, "fail"), (3, "unknown"), (77, "unknown")])
def test_exit_codes(code: int, state: str) -> None:
    result = looked(f"echo; echo hello; exit {code}")
    assert (result.state, result.observed) == (state, code)
    assert result.summary.endswith(": hello")


def test_a_number_in_the_output() -> None:
    result = looked("echo 'load | q=12;;'", value=r"q=(\d+)", maximum={"warn": 10, "fail": 20})
    assert (result.state, result.observed) == ("warn", 12.0)


@pytest.mark.parametrize(("stream", "state"), [("out", "fail"), ("err", "pass"), ("both", "pass")])
def test_the_stream(stream: str, state: str) -> None:
    assert looked("echo yes >&2", output="^yes$", stream=stream).state == state


def test_environment_and_folder(tmp_path: Path) -> None:
    assert looked('test "$A" = 5 && pwd', env={"A": 5}, cwd=str(tmp_path), output=f"^{tmp_path}$").state == "pass"


def test_no_shell_reads_the_arguments() -> None:
    assert looked(["/bin/echo", "$HOME;", "*"], output=r"^\$HOME; \*$").state == "pass"


def test_a_missing_program_is_unknown() -> None:
    result = looked(["/no/such/plugin"])
    assert (result.state, result.summary) == (
        "unknown", "/no/such/plugin could not be started: /no/such/plugin: No such file or directory")
    assert "Install the program" in result.advice


def test_a_program_that_may_not_be_run_is_unknown(tmp_path: Path) -> None:
    program = tmp_path / "plugin"
    program.write_text("#!/bin/sh\nexit 0\n")
    program.chmod(0o644)
    result = looked([str(program)])
    assert result.state == "unknown" and "Permission denied" in result.summary


def test_one_that_hangs_is_unknown_and_in_time() -> None:
    began = time.monotonic()
    result = looked("trap '' TERM; sleep 60 & wait; sleep 60", timeout=0.5)
    assert result.state == "unknown" and time.monotonic() - began < 0.6
    assert "did not end within 0.5 s and was killed" in result.summary and "Raise the check's timeout" in result.advice


def test_a_hundred_megabytes_are_judged_by_their_beginning() -> None:
    result = looked("echo 'q=3'; head -c 100000000 /dev/zero", timeout=20, value=r"q=(\d+)", maximum=5)
    assert (result.state, result.values["bytes"]) == ("pass", 100_000_004)


def test_variables_are_not_shown() -> None:
    result = looked("exit 2", env={"TOKEN": "s3cret"})
    assert result.state == "fail" and "s3cret" not in repr(result)
