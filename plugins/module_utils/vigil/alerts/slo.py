# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``vigil_slos``: read, and written as the recording rules that the rules of the area slo read. Pure.

The burn rate is the share of errors over the share that the objective allows; the windows and rates are those of The Site Reliability
Workbook, chapter 5 ("Multiwindow, multi-burn-rate alerts").
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..health.options import nearest
from ..model import InvalidInput
from . import expression

VARIABLE = "vigil_slos"
ERRORS, REQUESTS = "vigil:slo_errors:rate5m", "vigil:slo_requests:rate5m"
OBJECTIVE, MINIMUM = "vigil_slo_objective", "vigil_slo_minimum_traffic"
# What this module records, for whoever checks that each metric of a rule exists.
RECORDED = (ERRORS, REQUESTS, OBJECTIVE, MINIMUM)
_KEYS = ("name", "objective", "total", "errors", "good", "minimum", "labels")
# One request in a minute and a half: below it a single error is a burn rate that wakes somebody.
DEFAULT_MINIMUM = 0.01
_NAME = re.compile(r"[A-Za-z0-9_.-]+")


@dataclass(frozen=True)
class Slo:
    """One objective: ``objective`` is the share of requests (0 to 1) that are to be good within 30 days.

    ``total`` and ``errors`` are PromQL, each one number: requests, and requests that failed or were too slow, a second.
    ``minimum`` is the traffic, in requests a second over an hour, below which no burn rate alerts.
    """

    name: str
    objective: float
    total: str
    errors: str
    minimum: float
    labels: Mapping[str, str]


def parse(entries: Any) -> tuple[Slo, ...]:
    """Read ``vigil_slos``. Raises InvalidInput for an unknown key, a missing query, an objective out of range, a name that stands twice."""
    if not isinstance(entries, (list, tuple)):
        raise InvalidInput(f"{VARIABLE}: {type(entries).__name__} was found, expected a list of objectives.")
    slos: dict[str, Slo] = {}
    for entry in entries:
        one = _one(entry)
        if one.name in slos:
            raise InvalidInput(f"{VARIABLE}: the name {one.name} is there twice; give each objective a name of its own.")
        slos[one.name] = one
    return tuple(slos.values())


def group(slos: Sequence[Slo]) -> list[dict[str, Any]]:
    """Return the group of recording rules of the objectives; none where there are none."""
    rules = [rule for slo in slos for rule in _records(slo)]
    return [{"name": "vigil_slo_sources", "interval": "1m", "rules": rules}] if rules else []


def _records(slo: Slo) -> list[dict[str, Any]]:
    labels = {**slo.labels, "slo": slo.name}
    # Where nothing has failed yet there is no series of errors: no errors, not no measurement.
    errors = f"({slo.errors}) or 0 * ({slo.total})"
    number = expression.number
    return [
        {"record": REQUESTS, "expr": slo.total, "labels": labels},
        {"record": ERRORS, "expr": errors, "labels": labels},
        {"record": OBJECTIVE, "expr": f"vector({number(slo.objective)})", "labels": labels},
        {"record": MINIMUM, "expr": f"vector({number(slo.minimum)})", "labels": labels},
    ]


def _one(entry: Any) -> Slo:
    name = str(entry.get("name") or "") if isinstance(entry, Mapping) else ""
    if not _NAME.fullmatch(name):
        raise InvalidInput(f"{VARIABLE}: {entry!r} was found, expected an objective with a name of letters, digits, dots and dashes.")
    where = f"{VARIABLE}: {name}"
    for key in entry:
        if key not in _KEYS:
            raise InvalidInput(f"{where}: {key} is not known{nearest(str(key), _KEYS)}")
    total, errors = str(entry.get("total") or "").strip(), _errors(entry, where)
    if not total:
        raise InvalidInput(f"{where}: total is missing, expected the query of all requests, such as sum(rate(http_requests_total[5m])).")
    labels = {str(key): str(value) for key, value in (entry.get("labels") or {}).items()}
    minimum = _minimum(entry.get("minimum", DEFAULT_MINIMUM), where)
    return Slo(name, _objective(entry.get("objective"), where), total, errors, minimum, labels)


def _errors(entry: Mapping[str, Any], where: str) -> str:
    errors, good = (str(entry.get(key) or "").strip() for key in ("errors", "good"))
    if bool(errors) == bool(good):
        raise InvalidInput(f"{where}: expected one of errors (failed requests) and good (for latency: those that were fast enough).")
    return errors or f"({entry.get('total')}) - ({good})"


def _objective(value: Any, where: str) -> float:
    try:
        percent = float(value)
    except (TypeError, ValueError):
        percent = 0.0
    if not 50 <= percent < 100:
        raise InvalidInput(f"{where}: objective: {value!r} was found, expected a percentage from 50 to below 100, such as 99.9.")
    return round(percent / 100, 9)


def _minimum(value: Any, where: str) -> float:
    try:
        number = float(value)
    except (TypeError, ValueError):
        number = -1.0
    if number < 0:
        raise InvalidInput(f"{where}: minimum: {value!r} was found, expected requests a second, 0 or more.")
    return number
