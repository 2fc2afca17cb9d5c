# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report as JSON, for programs. The schema is in docs/health.md; its number changes where a reader would break. Pure."""

from __future__ import annotations

import json
from typing import Any

from ..health.document import iso
from .model import Host, Problem, Report, Row, worst
from .tell import verdict

SCHEMA = "vigil.health.sweep/1"


def as_json(report: Report) -> str:
    """Return the document, one line a host so that it can be searched and compared."""
    document = data(report)
    hosts = ",\n  ".join(_dumps(host) for host in document.pop("hosts"))
    return _dumps(document)[:-1] + ',\n "hosts": [\n  ' + hosts + "\n]}\n"


def data(report: Report) -> dict[str, Any]:
    """Return the document as values."""
    return {
        "schema": SCHEMA, "time": iso(report.at), "seconds": round(report.seconds, 3),
        "state": worst(host.state for host in report.hosts), "summary": verdict(report), "states": dict(report.states),
        "seen": report.total.seen, "expected": report.total.expected, "left_out": list(report.left_out),
        "coverage": [
            {"group": one.group, "expected": one.expected, "seen": one.seen, "unseen": list(one.unseen)} for one in report.coverage
        ],
        "last": iso(report.last) if report.last else None,
        "problems": [_problem(one) for one in report.problems],
        "solved": [
            {"host": one.host, "check": one.check, "was": one.was, "now": one.now, "since": iso(one.since)} for one in report.solved
        ],
        "hosts": [_host(host) for host in report.hosts],
    }


def _problem(one: Problem) -> dict[str, Any]:
    return {"host": one.host, **_row(one.row), "since": iso(one.since), "new": one.new, **({"was": one.was} if one.was else {})}


def _host(host: Host) -> dict[str, Any]:
    told: dict[str, Any] = {
        "host": host.name, "address": host.address, "state": host.state, "via": host.via, "seconds": round(host.seconds, 4),
        "checks": [_row(row) for row in host.rows],
    }
    if host.silence:
        told["agent"] = {"reason": host.silence.reason, "words": host.silence.words}
    return {**told, **({"ssh": host.ssh} if host.ssh else {})}


def _row(row: Row) -> dict[str, Any]:
    told = {
        "check": row.name, "kind": row.kind, "state": row.state, "summary": row.summary, "observed": row.observed,
        "expected": row.expected, "advice": row.advice, "duration": round(row.duration, 6) or "", "time": iso(row.at) if row.at else "",
    }
    return {key: value for key, value in told.items() if value != ""}


def _dumps(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(", ", ": "))
