# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which part may start now: a pure decision."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from .model import Outcome, Part


def blocked(part: Part, done: Mapping[str, Outcome]) -> str:
    """Why a part can never run, or an empty string: a part it comes after did not pass."""
    bad = [name for name in part.after if name in done and done[name].state != "passed"]
    return f"{', '.join(bad)} did not pass" if bad else ""


def startable(part: Part, done: Mapping[str, Outcome], running: Sequence[Part]) -> bool:
    """Whether all that a part comes after has ended, and nothing that runs uses what it uses."""
    in_use = {thing for other in running for thing in other.uses}
    return all(name in done for name in part.after) and not in_use.intersection(part.uses)


def next_part(waiting: Sequence[Part], done: Mapping[str, Outcome], running: Sequence[Part]) -> Part | None:
    """The first part of the list that may start, or None where all must wait.

    Some part may always start while none runs, as long as ``after`` names earlier parts only.
    """
    return next((part for part in waiting if startable(part, done, running)), None)
