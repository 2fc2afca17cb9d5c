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


def next_part(waiting: Sequence[Part], done: Mapping[str, Outcome]) -> Part | None:
    """The first part of the list for which all that it comes after has ended, or None where all must wait.

    Some part may always start while none runs, as long as ``after`` names earlier parts only.
    """
    return next((part for part in waiting if all(name in done for name in part.after)), None)
