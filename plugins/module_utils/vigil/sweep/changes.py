# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What changed since the last sweep, and since when a thing is as it is. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from .model import ORDER, PROBLEMS, UNSEEN, Host, Memory, Problem, Solved


def problems(hosts: Iterable[Host], memory: Memory, at: float) -> tuple[Problem, ...]:
    """Return every problem, the worst first; ``new`` is what the last sweep did not have. On the first sweep nothing is new."""
    found = [_problem(host, row, memory, at) for host in hosts for row in host.rows if row.state in PROBLEMS]
    return tuple(sorted(found, key=lambda one: (ORDER.index(one.row.state), not one.new, one.host, one.row.name)))


def _problem(host: Host, row: Any, memory: Memory, at: float) -> Problem:
    state, since = memory.hosts.get(host.name, {}).get(row.name, ("", 0.0))
    same = state == row.state
    return Problem(host.name, row, since if same else at, bool(memory.at) and not state, "" if same else state)


def solved(hosts: Iterable[Host], memory: Memory) -> tuple[Solved, ...]:
    """Return the problems that are none any more. Of a host that is not seen now nothing is known, so nothing of it is solved."""
    found = []
    for host in hosts:
        now = {row.name: row.state for row in host.rows}
        for check, (was, since) in memory.hosts.get(host.name, {}).items():
            if host.state != UNSEEN and now.get(check) not in PROBLEMS:
                found.append(Solved(host.name, check, was, since, now.get(check, "")))
    return tuple(sorted(found, key=lambda one: (ORDER.index(one.was), one.host, one.check)))


def remember(found: Iterable[Problem], hosts: Iterable[Host], memory: Memory, at: float, known: Collection[str]) -> Memory:
    """Return what the next sweep needs. Hosts that were not asked or not seen keep what was known; those not in ``known`` are forgotten."""
    seen = {host.name: host.state != UNSEEN for host in hosts}
    kept = {name: dict(checks) for name, checks in memory.hosts.items() if name in known and not seen.get(name, False)}
    for problem in found:
        kept.setdefault(problem.host, {})[problem.row.name] = (problem.row.state, problem.since)
    return Memory(at, kept)


def memory_of(document: Any) -> Memory:
    """Read what ``as_document`` wrote. Whatever is not as expected is left out: the worst of it is a "since" that is lost."""
    if not isinstance(document, Mapping) or not _time(document.get("at")) or not isinstance(document.get("hosts"), Mapping):
        return Memory()
    hosts = {str(name): _checks(checks) for name, checks in document["hosts"].items() if isinstance(checks, Mapping)}
    return Memory(float(document["at"]), hosts)


def _checks(checks: Mapping[str, Any]) -> dict[str, tuple[str, float]]:
    return {
        str(name): (entry[0], float(entry[1])) for name, entry in checks.items()
        if isinstance(entry, list) and len(entry) == 2 and entry[0] in PROBLEMS and _time(entry[1])
    }


def _time(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and 0 < value < 1e11


def as_document(memory: Memory) -> dict[str, Any]:
    """Return a memory as JSON values."""
    hosts = {name: {check: list(entry) for check, entry in checks.items()} for name, checks in memory.hosts.items()}
    return {"at": memory.at, "hosts": hosts}
