# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a part needs of the machine, and why it is not there."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable
from functools import cache


def _program(name: str) -> Callable[[], str]:
    return lambda: "" if shutil.which(name) else f"{name} is not installed"


def _engine() -> str:
    """Ask the lab, which starts a Docker engine where none runs and it may."""
    done = subprocess.run(
        [sys.executable, "-m", "tools.lab", "engine"], capture_output=True, text=True, timeout=600, check=False, stdin=subprocess.DEVNULL,
    )
    words = (done.stderr.strip() or done.stdout.strip()).splitlines()
    return "" if done.returncode == 0 else f"no Docker engine: {words[-1] if words else 'the lab gave no reason'}"


NEEDS: dict[str, Callable[[], str]] = {
    "engine": _engine,
    "shellcheck": _program("shellcheck"),
}


@cache
def lacking(need: str) -> str:
    """Why this machine lacks ``need``, or an empty string where it has it. Each need is looked at once."""
    return NEEDS[need]()
