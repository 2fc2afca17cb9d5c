# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Results as a health document (``application/health+json``, the IETF draft "Health Check Response Format"), and back. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

from .model import FAIL, PASS, STATES, UNKNOWN, WARN, Result, count, worst
from .units import words

MEDIA_TYPE = "application/health+json"


def overall(results: Iterable[Result]) -> str:
    """Return pass, warn or fail for all results together. Unknown is no failure: it is a warning."""
    state = worst(result.state for result in results)
    return state if state in (PASS, FAIL) else WARN if state in (WARN, UNKNOWN) else PASS


def to_document(host: str, results: Sequence[Result], at: float, *, release: str, details: bool = True) -> dict[str, Any]:
    """Return the document of a host; ``at`` is the snapshot's time (epoch). Without details it holds no name and no word of a check."""
    document: dict[str, Any] = {"status": overall(results), "version": "1", "time": iso(at)}
    if details:
        document.update(
            releaseId=release, serviceId=host, description=f"health of {host}", output=headline(results),
            counts=count(results), checks={result.name: [_entry(result)] for result in results},
        )
    return document


def from_document(document: Mapping[str, Any]) -> list[Result]:
    """Read the results of a document with details. Raises ValueError where it is none."""
    checks = document.get("checks") if isinstance(document, Mapping) else None
    if not isinstance(checks, Mapping):
        raise ValueError("a health document without checks was found, expected one with details; is the token right?")
    try:
        return [_result(str(name), entries) for name, entries in checks.items()]
    except (TypeError, OverflowError) as error:  # of a stranger's document nothing can be taken for granted
        raise ValueError(f"the document holds a field of another type than expected: {error}")


def headline(results: Sequence[Result]) -> str:
    """Return one sentence for all: how many are in which state, and the first of the worst."""
    numbers = count(results)
    parts = [f"{numbers[state]} {state}" for state in STATES if numbers[state]]
    bad = next((result for state in STATES[:3] for result in results if result.state == state), None)
    return ", ".join(parts or ["no checks"]) + (f"; {bad.name}: {bad.summary}" if bad else "")


def iso(at: float) -> str:
    """Return a time of the epoch in UTC, as the draft wants it."""
    return datetime.fromtimestamp(at, timezone.utc).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _entry(result: Result) -> dict[str, Any]:
    status = result.state if result.state in (PASS, WARN, FAIL) else WARN if result.state == UNKNOWN else PASS
    entry: dict[str, Any] = {
        "status": status, "state": result.state, "componentType": result.kind, "time": iso(result.at), "output": result.summary,
        "observedValue": _json_number(result.observed), "observedUnit": result.unit, "observed": words(result.observed, result.unit),
        "expected": result.expected, "advice": result.advice, "duration": round(result.duration, 6), "tags": list(result.tags),
        "ready": result.ready,
    }
    return {key: value for key, value in entry.items() if value not in (None, "", [])}


def _json_number(value: float | str | None) -> float | str | None:
    """JSON has no word for what is no number, or endless."""
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _result(name: str, entries: Any) -> Result:
    entry = entries[0] if isinstance(entries, list) and entries else None
    if not isinstance(entry, Mapping) or entry.get("state") not in STATES:
        raise ValueError(f"check {name} has no state in {', '.join(STATES)}")
    if not isinstance(entry.get("observedValue"), (int, float, str, type(None))):
        raise ValueError(f"check {name} has an observedValue that is neither a number nor text")
    at = datetime.fromisoformat(str(entry.get("time", "1970-01-01T00:00:00+00:00")).replace("Z", "+00:00")).timestamp()
    return Result(
        name, str(entry.get("componentType", "")), str(entry["state"]), str(entry.get("output", "")), entry.get("observedValue"),
        str(entry.get("observedUnit", "")), str(entry.get("expected", "")), str(entry.get("advice", "")), raw=str(entry["state"]),
        duration=float(entry.get("duration", 0)), at=at, tags=tuple(map(str, entry.get("tags", []))), ready=bool(entry.get("ready", True)),
    )
