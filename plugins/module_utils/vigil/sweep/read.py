# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an agent or the module health_check told, as rows. Nothing in it is trusted: not its size, not its types, not its text. Pure."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from email.utils import parsedate_to_datetime
from typing import Any

from ..health.document import from_document
from ..health.model import STATES, UNKNOWN, WARN, Result
from ..health.units import words
from . import silence
from .client import Raw
from .model import NO_CHECKS, ORDER, PROBLEMS, Answer, Row, Seen, Silence
from .words import clean

# What a sweep keeps of one host: two thousand hosts, each with this many, still fit.
ROWS = 500
NAME, ADVICE = 120, 300
# Where a document does not tell its own: the default interval of a check, in seconds.
INTERVAL = 10.0


def answer(host: str, raw: Raw, *, now: float, seconds: float, full: bool = False) -> Answer:
    """Return what an agent's answer means. ``full`` keeps all texts of checks that pass too."""
    odd = silence.of_status(raw.status)
    if odd:
        return Answer(host, silence=odd, seconds=seconds)
    try:
        told = document(raw.body)
    except ValueError as error:
        return Answer(host, silence=silence.no_document(str(error)), seconds=seconds)
    return _told(host, told, raw.headers, now, seconds, full)


def _told(host: str, told: Mapping[str, Any], headers: Mapping[str, str], now: float, seconds: float, full: bool) -> Answer:
    refused = _refused(host, told)
    if refused:
        return Answer(host, silence=refused, seconds=seconds)
    try:
        results, age, interval = from_document(told), _age(told, headers, now), _interval(told)
        rows = [row_of_result(result, full) for result in results]
    except (ValueError, TypeError, AttributeError, OverflowError, KeyError, OSError) as error:
        return Answer(host, silence=silence.no_document(str(error)), seconds=seconds)
    if age > 3 * interval:
        return Answer(host, silence=silence.stale(age, interval), seconds=seconds)
    return Answer(host, seen(rows, age), seconds=seconds)


def _refused(host: str, told: Mapping[str, Any]) -> Silence | None:
    name = told.get("serviceId")
    if "status" in told and "checks" not in told:
        return silence.no_token("its answer has no details")
    return silence.other_host(str(name)) if isinstance(name, str) and name != host else None


def document(body: bytes) -> Mapping[str, Any]:
    """Read a body as a JSON object. Raises ValueError; numbers of endless length and depths without end are refused."""
    try:
        told = json.loads(body.decode("utf-8"), parse_int=_whole, parse_constant=_no_number)
    except RecursionError:
        raise ValueError("JSON that is nested too deep") from None
    except ValueError:
        raise ValueError("a body that is no JSON") from None
    if not isinstance(told, dict):
        raise ValueError("JSON that is no health document")
    return told


def _whole(text: str) -> float:
    # int() of a million digits takes seconds on Python 3.9.
    return int(text) if len(text) < 20 else float(text[:400])


def _no_number(text: str) -> float:
    raise ValueError(f"{text} is no JSON number")


def _interval(told: Mapping[str, Any]) -> float:
    given = told.get("interval")
    good = isinstance(given, (int, float)) and not isinstance(given, bool) and 0 < given < 1e6
    return max(1.0, float(given)) if given is not None and good else INTERVAL


def _age(told: Mapping[str, Any], headers: Mapping[str, str], now: float) -> float:
    """The age in the agent's own words; else by the agent's own clock, so that one that is off by minutes makes no snapshot stale."""
    if headers.get("age", "").isdigit():
        return float(headers["age"][:9])
    at = _epoch(str(told.get("time", "")))
    sent = headers.get("date")
    clock = parsedate_to_datetime(sent).timestamp() if sent else now
    return max(0.0, clock - at)


def _epoch(text: str) -> float:
    from datetime import datetime

    if not text:
        raise ValueError("a document without a time")
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


def row_of_result(result: Result, full: bool = False) -> Row:
    """Return a check of an agent's document as a row."""
    observed = words(_plain(result.observed), clean(result.unit, 8))
    return _row(result.name, result.kind, result.state, result.summary, observed, result.expected, result.advice, result.duration,
                result.at, full)


def row_of_dict(item: Mapping[str, Any], full: bool = False) -> Row:
    """Return one of the results of the module health_check as a row. Raises ValueError where it is none."""
    state = str(item.get("state"))
    if state not in STATES or not item.get("name"):
        raise ValueError(f"a result without a name and a state was found: {clean(item, 120)}")
    observed = words(_plain(item.get("observed")), clean(item.get("unit") or "", 8))
    return _row(str(item["name"]), str(item.get("kind", "")), state, str(item.get("summary", "")), observed, str(item.get("expected", "")),
                str(item.get("advice", "")), item.get("duration"), item.get("at"), full)


def _row(name: str, kind: str, state: str, summary: str, observed: str, expected: str, advice: str, duration: Any, at: Any,
         full: bool) -> Row:
    seconds, when = _number(duration), _number(at)
    if not full and state == ORDER[-1]:
        # Almost all rows of a sweep: what nobody reads of them is not kept.
        return Row(clean(name, NAME), clean(kind, 40), state, "", "", "", "", seconds, when)
    return Row(clean(name, NAME), clean(kind, 40), state, clean(summary), clean(observed, NAME), clean(expected, ADVICE),
               clean(advice, ADVICE), seconds, when)


def _number(value: Any) -> float:
    good = isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value) and 0 <= value < 1e11
    return float(value) if good else 0.0


def _plain(value: Any) -> float | str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value):
        return float(value)
    return clean(value, NAME)


def seen(rows: Sequence[Row], age: float = 0.0) -> Seen:
    """Return the rows that a sweep keeps of a host, the worst first. A host that checks nothing is not healthy, it is unknown."""
    if not rows:
        advice = "Give the host checks (vigil_checks), or take it out of the group monitored."
        rows = [Row(NO_CHECKS, "sweep", UNKNOWN, "the host has no checks, so nothing is known of it", "none", "at least one", advice)]
    ranked = sorted(rows, key=lambda row: ORDER.index(row.state))
    beyond = sum(row.state in PROBLEMS for row in ranked[ROWS:])
    more = Row(NO_CHECKS, "sweep", WARN, f"{beyond} more checks are not well and not shown", "", f"at most {ROWS}", "Ask the host itself.")
    return Seen(tuple(ranked[:ROWS] + ([more] if beyond else [])), age)
