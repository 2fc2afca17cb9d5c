# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Results for a person: one line a problem, worst first, with what to do next. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from .document import headline, iso
from .model import PASS, SKIPPED, STATES, Result
from .units import words


def summary(results: Sequence[Result]) -> str:
    """Return a line with the counts, and for each result that did not pass a line with what to do."""
    counts = headline(results).split("; ", maxsplit=1)[0]
    return "\n".join([counts, *map(line, _problems(results))])


def line(result: Result) -> str:
    """Return one result as ``state name: sentence. advice``."""
    advice = f" {result.advice}" if result.advice and result.state != SKIPPED else ""
    return f"{result.state} {result.name}: {result.summary}.{advice}"


def table(results: Sequence[Result]) -> str:
    """Return all results as aligned text, worst first."""
    rows = [("STATE", "CHECK", "KIND", "OBSERVED", "SUMMARY")]
    rows += [(item.state, item.name, item.kind, words(item.observed, item.unit)[:24], item.summary) for item in by_state(results)]
    widths = [max(len(row[column]) for row in rows) for column in range(4)]
    return "\n".join("  ".join([*(cell.ljust(width) for cell, width in zip(row, widths)), row[4]]) for row in rows)


def by_state(results: Sequence[Result]) -> list[Result]:
    """Return the results worst first, otherwise in their order."""
    return sorted(results, key=lambda result: STATES.index(result.state))


def as_dict(result: Result) -> dict[str, Any]:
    """Return a result as the plain values that a task returns."""
    return {
        "name": result.name, "kind": result.kind, "state": result.state, "summary": result.summary, "observed": result.observed,
        "unit": result.unit, "expected": result.expected, "advice": result.advice, "duration": round(result.duration, 4),
        "at": iso(result.at), "tags": list(result.tags), "ready": result.ready, "values": dict(result.values),
    }


def _problems(results: Sequence[Result]) -> list[Result]:
    return [result for result in by_state(results) if result.state != PASS]
