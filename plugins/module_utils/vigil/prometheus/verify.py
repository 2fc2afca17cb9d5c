# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read a live server's targets until they are as expected, or the time is over."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from ..model import VigilError
from ..system import Client, System
from .targets import expected_targets
from .verdict import Row, as_dicts, decide, failures, read_targets, read_versions, table

# The metric of each program that has its version as a label; one query reads them all.
_BUILD_INFO = '{__name__=~".+_build_info"}'
_POLL = 1.0


@dataclass(frozen=True)
class Question:
    """Which server to ask, and the (job, host, address) of every target that should be up. ``timeout`` is in seconds."""

    url: str
    client: Client
    expected: list[tuple[str, str, str]]
    timeout: float


def parse(params: Mapping[str, Any]) -> Question:
    """Read the module's options."""
    client = Client(params["ca"], params["cert"], params["key"], params["username"], params["password"])
    return Question(params["url"].rstrip("/"), client, expected_targets(params["expected"]), float(params["timeout"]))


def verify(system: System, question: Question) -> dict[str, Any]:
    """Return the verdict with its table. Raises VigilError where a target is not up in time or the server cannot be asked."""
    start = system.monotonic()
    rows = observe(system, question)
    while failures(rows) and system.monotonic() - start < question.timeout:
        system.sleep(_POLL)
        rows = observe(system, question)
    result = {"targets": as_dicts(rows), "table": table(rows), "waited": round(system.monotonic() - start, 1), "changed": False}
    wrong = failures(rows)
    if wrong:
        raise VigilError(
            f"{len(wrong)} of {len(rows)} targets are not as the inventory asks for after {question.timeout:g} s: "
            f"{'; '.join(wrong)}. Look at the unit's journal on those hosts.", **result,
        )
    return result


def observe(system: System, question: Question) -> list[Row]:
    """Ask the server once for its targets and their versions."""
    seen = read_targets(_get(system, question, "/api/v1/targets?state=active"))
    versions = read_versions(_get(system, question, f"/api/v1/query?query={quote(_BUILD_INFO)}"))
    return decide(question.expected, seen, versions)


def _get(system: System, question: Question, path: str) -> Mapping[str, Any]:
    answer = system.http(question.url + path, question.client)
    try:
        body = json.loads(answer.body) if answer.status == 200 else None
    except ValueError:
        body = None
    if not isinstance(body, dict):
        found = f"status {answer.status}" if answer.status else answer.error
        raise VigilError(
            f"Prometheus could not be asked: {question.url}{path.partition('?')[0]} gave {found}, JSON with status 200 was expected. "
            f"What it watches is unknown. Look at 'systemctl status prometheus' and at the options for TLS and users."
        )
    return body
