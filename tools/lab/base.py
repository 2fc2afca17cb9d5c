# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every part of the lab shares: errors, where things are kept, locks and one way to run a program."""

from __future__ import annotations

import fcntl
import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from plugins.module_utils.vigil.model import VigilError
from plugins.module_utils.vigil.system import System

LABEL = "vigil.lab"
HERE = Path(__file__).resolve().parent
STARTED = time.monotonic()


class LabError(VigilError):
    """What was found, what was expected, what to do next. Exit code 1."""


class CannotHere(LabError):
    """This machine lacks what is needed; a test lists it as "not run". Exit code 77."""


def say(text: str) -> None:
    """One line of progress on standard error, with the seconds since the start."""
    sys.stderr.write(f"lab {time.monotonic() - STARTED:6.1f} s  {text}\n")
    sys.stderr.flush()


def cache_folder(environment: Mapping[str, str] | None = None) -> Path:
    """``VIGIL_CACHE``, else ``~/.cache/vigil``. Everything that outlives a lab is below it."""
    env = os.environ if environment is None else environment
    return Path(env.get("VIGIL_CACHE") or Path(env.get("HOME") or "/root") / ".cache" / "vigil")


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold an exclusive lock on a file; a second process waits until the first one ends, however it ends.

    Who holds it may remove the file as its last act.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    while True:
        with path.open("a", encoding="utf-8") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            if _is_still(path, handle.fileno()):
                yield
                return


def _is_still(path: Path, number: int) -> bool:
    """Whether an open file has its path: who had the lock before may have removed it."""
    try:
        return os.path.samestat(path.stat(), os.fstat(number))
    except FileNotFoundError:
        return False


def must(
    system: System,
    argv: Sequence[str],
    timeout: float = 60.0,
    stdin: str | None = None,
    env: Mapping[str, str] | None = None,
    hint: str = "",
) -> str:
    """Run a program that has to succeed and return its standard output; ``hint`` says what to do where it fails."""
    ran = system.run(argv, timeout=timeout, stdin=stdin, env=env)
    if ran.rc == 0:
        return ran.out
    ended = "did not end well" if ran.rc is None else f"ended with {ran.rc}"
    tail = "\n".join(ran.words.splitlines()[-12:]) or "(it said nothing)"
    raise LabError(f"`{' '.join(argv[:4])} ...` {ended}, expected 0. It said:\n{tail}" + (f"\n{hint}" if hint else ""))
