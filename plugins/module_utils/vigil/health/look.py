# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One look at one check: observe, then decide. Whatever breaks on the way is unknown."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from .kind import Kind, Look
from .model import PASS, UNKNOWN, CannotTell, Check, Finding, Result, worst

# What one result may carry of a check's own words: a table of a thousand hosts still has to be read, and sent.
SENTENCE = 500
DEFECT = "Report this as a defect of Vigil, with the options of the check."


def look_at(check: Check, kind: Kind, look: Look) -> tuple[Result, Mapping[str, Any]]:
    """Return the result of this look alone, and what the check remembers for the next one. Never raises."""
    began, at = look.system.monotonic(), look.system.now()
    memory: Mapping[str, Any] = look.memory
    try:
        seen = kind.observe(check.options, look)
        json.dumps(seen.memory)
        memory = seen.memory
        result = conclude(check, kind.decide(check.options, seen.values), seen.values)
    except CannotTell as error:
        result = unknown(check, str(error), error.advice)
    except Exception as error:  # a broken checker must not be read as a broken service
        result = unknown(check, f"the check itself broke: {type(error).__name__}: {error}", DEFECT)
    return stamped(result, at=at, duration=look.system.monotonic() - began), memory


def conclude(check: Check, findings: Sequence[Finding], values: Mapping[str, Any]) -> Result:
    """Return the result of findings: the first of the worst decides, and gives value, expectation and advice."""
    if not findings:
        return unknown(check, "the check found nothing to compare", "Give it at least one expectation.")
    state = worst(finding.state for finding in findings)
    chosen = next(finding for finding in findings if finding.state == state)
    others = [finding.sentence for finding in findings if finding.state == state and finding is not chosen] if state != PASS else []
    summary = _short("; ".join([chosen.sentence, *others]))
    advice = "" if state == PASS else check.advice or chosen.advice
    return Result(check.name, check.kind, state, summary, chosen.value, chosen.unit, chosen.expected, advice, tuple(findings), state,
                  tags=check.tags, ready=check.ready, values=values)


def unknown(check: Check, sentence: str, advice: str = "") -> Result:
    """Return a result that says why nobody can tell."""
    return Result(check.name, check.kind, UNKNOWN, _short(sentence), advice=advice, raw=UNKNOWN, tags=check.tags, ready=check.ready)


def stamped(result: Result, *, at: float, duration: float) -> Result:
    """Return the result with its time and its duration."""
    return Result(**{**result.__dict__, "at": at, "duration": duration})


def _short(sentence: str) -> str:
    line = " ".join(sentence.split())
    return line if len(line) <= SENTENCE else line[: SENTENCE - 3] + "..."
