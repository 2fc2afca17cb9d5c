# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What `make test` is made of, as values."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

# The exit code by which a part says that this machine cannot run it; the last line that it printed is the reason.
CANNOT_HERE = 77

State = Literal["passed", "failed", "skipped"]


@dataclass(frozen=True)
class Part:
    """One check: a command that ends with 0 where all is well.

    ``group`` is the `make` target that runs it. ``seconds`` is what it took on 2 cores with caches warm (for people to read),
    ``limit`` the seconds after which it is ended. ``needs`` names what the machine must have (see needs.py), ``after`` the parts that must
    have passed before.
    """

    name: str
    group: str
    title: str
    argv: tuple[str, ...]
    seconds: int
    limit: int = 600
    needs: tuple[str, ...] = ()
    after: tuple[str, ...] = ()


@dataclass(frozen=True)
class Outcome:
    """How one part ended. ``reason`` says why where it did not pass, ``not_run`` what it left out itself, each with its reason."""

    part: Part
    state: State
    seconds: float = 0.0
    log: str = ""
    reason: str = ""
    not_run: tuple[str, ...] = field(default=())
