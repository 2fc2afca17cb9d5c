# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From looks to a state that holds: rise and fall counts, start grace, and parents. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from .model import FAIL, SKIPPED, UNKNOWN, Check, Result


@dataclass(frozen=True)
class Streak:
    """What is remembered of a check between two looks, also over a restart of the watcher.

    ``held`` is the last state that was told apart from unknown (pass, warn, fail, or empty before the first look), ``against`` how many
    looks in a row contradicted it, ``state`` what is shown, ``since`` when that began (epoch), ``transitions`` how often it changed.
    """

    held: str = ""
    against: int = 0
    state: str = ""
    since: float = 0.0
    transitions: int = 0


def advance(streak: Streak, raw: str, at: float, *, rise: int, fall: int, grace_until: float = 0.0) -> Streak:
    """Return the streak after one more look.

    Unknown and skipped are shown at once and neither confirm nor contradict what is held. A failure within the start grace of a check
    that never passed is unknown, and so is its failure until ``fall`` of them came in a row. Between pass and warn there is no count.
    """
    if raw in (UNKNOWN, SKIPPED):
        return _shown(streak, raw, at)
    if raw == FAIL and not streak.held and at < grace_until:
        return _shown(streak, UNKNOWN, at)
    turning = (raw == FAIL) != (streak.held == FAIL)
    against = streak.against + 1 if turning else 0
    if turning and against < (fall if raw == FAIL else rise):
        return _shown(replace(streak, against=against), streak.held or UNKNOWN, at)
    return _shown(replace(streak, held=raw, against=0), raw, at)


def _shown(streak: Streak, state: str, at: float) -> Streak:
    if state == streak.state:
        return streak
    return replace(streak, state=state, since=at, transitions=streak.transitions + (1 if streak.state else 0))


def apply(result: Result, streak: Streak, check: Check, *, grace_until: float = 0.0) -> Result:
    """Return the result with the state that the streak shows, and a word about why it differs from this look's own."""
    if result.raw == streak.state:
        return replace(result, state=streak.state)
    if streak.state == UNKNOWN and not streak.against:
        note = f"still starting, {max(0.0, grace_until - result.at):.0f} s of grace are left"
    elif result.raw == FAIL:
        note = f"failed {streak.against} of the {check.fall} times in a row that count"
    else:
        note = f"good {streak.against} of the {check.rise} times in a row that count"
    return replace(result, state=streak.state, summary=f"{result.summary} ({note})")


def mask(results: Mapping[str, Result], checks: Iterable[Check]) -> dict[str, Result]:
    """Skip every check below a failed parent, with the reason. ``checks`` come parents first; checks without a result are left out."""
    shown: dict[str, Result] = {}
    culprits: dict[str, str] = {}
    for check in checks:
        culprit = next((culprits[parent] for parent in check.parents if parent in culprits), "")
        result = results.get(check.name)
        if culprit:
            culprits[check.name] = culprit
            result = skipped(check, culprit, result)
        elif result is not None and result.state == FAIL:
            culprits[check.name] = check.name
        if result is not None:
            shown[check.name] = result
    return shown


def skipped(check: Check, culprit: str, last: Result | None = None) -> Result:
    """Return the result of a check that was not looked at, or does not count, because ``culprit`` fails."""
    at = last.at if last else 0.0
    return Result(check.name, check.kind, SKIPPED, f"skipped because {culprit} fails", advice=f"See {culprit}.", raw=SKIPPED, at=at,
                  tags=check.tags, ready=check.ready)
