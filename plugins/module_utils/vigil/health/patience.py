# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When to look again: a service that starts needs time, and one that flaps must not pass for healthy. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from .model import FAIL, UNKNOWN, WARN, Result

# What each level of ``fail_on`` takes for a failure.
FAIL_ON: dict[str, frozenset[str]] = {
    "never": frozenset(), "fail": frozenset({FAIL}), "warn": frozenset({FAIL, WARN}), "unknown": frozenset({FAIL, UNKNOWN, WARN}),
}


@dataclass(frozen=True)
class Patience:
    """``retries`` more rounds after a bad one, ``delay`` seconds apart; a good one has to hold for ``stable_for`` seconds."""

    retries: int = 0
    delay: float = 2.0
    stable_for: float = 0.0


@dataclass(frozen=True)
class Verdict:
    """Whether to look again, and if not, whether all is well; ``reason`` is a sentence."""

    again: bool
    healthy: bool
    reason: str


def bad(results: Iterable[Result], fail_on: str) -> list[Result]:
    """Return the results that ``fail_on`` takes for failures."""
    return [result for result in results if result.state in FAIL_ON[fail_on]]


def decide(patience: Patience, bad_rounds: int, failing: int, good_for: float | None) -> Verdict:
    """Decide after a round.

    ``bad_rounds`` so far, ``failing`` checks in this one, ``good_for`` seconds since the first good round in a row (None: a bad one).
    """
    if good_for is None:
        again = bad_rounds <= patience.retries
        return Verdict(again, False, f"{failing} checks are not as wanted after {bad_rounds} of {patience.retries + 1} tries")
    if good_for < patience.stable_for:
        return Verdict(True, False, f"healthy for {good_for:.1f} s of the {patience.stable_for:g} s that it has to hold")
    held = f" for {good_for:.1f} s" if patience.stable_for else ""
    return Verdict(False, True, f"healthy{held}")
