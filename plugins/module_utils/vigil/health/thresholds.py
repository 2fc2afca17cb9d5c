# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compare a measured value with its limits, or with what was expected. Pure."""

from __future__ import annotations

from .model import FAIL, PASS, WARN, Finding, Limits
from .units import words


def judge(what: str, value: float, limits: Limits | None, unit: str = "", *, name: str = "", advice: str = "") -> Finding:
    """Return the finding for ``value``: it warns and fails at its limit or beyond. ``name`` is what a person reads, default ``what``."""
    limits = limits or Limits()
    state = _state(value, limits)
    expected = _expected(limits, unit)
    sentence = f"{name or what} is {words(value, unit)}"
    if state != PASS:
        limit = limits.fail if state == FAIL else limits.warn
        sentence += f", which {'fails' if state == FAIL else 'warns'} at {words(limit, unit)}"
    return Finding(what, state, value, expected, sentence, unit, advice if state != PASS else "")


def demand(
    what: str, good: bool, value: float | str | None, expected: str, sentence: str, *, advice: str = "", state: str = FAIL
) -> Finding:
    """Return a finding that passes where ``good``, else is ``state`` (fail, or warn)."""
    return Finding(what, PASS if good else state, value, expected, sentence, advice="" if good else advice)


def _state(value: float, limits: Limits) -> str:
    for state, limit in ((FAIL, limits.fail), (WARN, limits.warn)):
        if limit is not None and (value >= limit if limits.worse == "above" else value <= limit):
            return state
    return PASS


def _expected(limits: Limits, unit: str) -> str:
    """In words, the range that passes."""
    limit = limits.warn if limits.warn is not None else limits.fail
    if limit is None:
        return "no limit set"
    return f"{'below' if limits.worse == 'above' else 'above'} {words(limit, unit)}"
