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

from .model import CANNOT_HERE


def _program(name: str) -> Callable[[], str]:
    return lambda: "" if shutil.which(name) else f"{name} is not installed"


def _engine() -> str:
    """Ask the lab, which starts a Docker engine where none runs and it may. Raises where it could not find out."""
    argv = [sys.executable, "-m", "tools.lab", "engine"]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=900, check=False, stdin=subprocess.DEVNULL)
    words = " ".join((done.stderr.strip() or done.stdout.strip()).splitlines()[-3:])
    if done.returncode not in (0, CANNOT_HERE):
        raise RuntimeError(f"`python3 -m tools.lab engine` ended with status {done.returncode}: {words}")
    return words if done.returncode else ""


NEEDS: dict[str, Callable[[], str]] = {
    "engine": _engine,
    "shellcheck": _program("shellcheck"),
}


@cache
def lacking(need: str) -> str:
    """Why this machine lacks ``need``, or an empty string where it has it. Each need is looked at once."""
    return NEEDS[need]()
