# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reports made from short documents, for the tests of decisions and of renderings."""

from __future__ import annotations

from typing import Any

from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.sweep import decide, read, silence
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.sweep.client import CONNECTING, Late
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.sweep.model import (
    Answer,
    Memory,
    Report,
    Row,
    Seen,
    Silence,
    Target,
    Told,
)

AT = 1_800_000_000.0
SILENT = {"refused": silence.of_error(ConnectionRefusedError(), 5), "late": silence.of_error(Late(CONNECTING), 5)}


def row(check: str, state: str) -> Row:
    words = {"pass": "", "fail": f"{check} is down", "warn": f"{check} is at 91 %", "unknown": "nobody can tell", "skipped": "skipped"}
    advice = f"look at {check}" if state in ("fail", "warn", "unknown") else ""
    observed, expected = ("91 %", "below 90 %") if state == "warn" else ("", "")
    return Row(check, "tcp", state, words[state], observed, expected, advice, 0.002, AT)


def seen(checks: Any) -> Seen | None:
    return read.seen([row(check, state) for check, state in checks]) if isinstance(checks, list) else None


def report(case: dict[str, Any]) -> tuple[Report, Memory]:
    """The report of a case, and the memory that it began with."""
    hosts = case["hosts"]
    targets = [Target(name, f"192.0.2.{number}", 9890) for number, name in enumerate(hosts)]
    answers = [Answer(name, seen(told["agent"]), _silence(told["agent"]), 0.25) for name, told in hosts.items()]
    told = {name: Told(seen(one["ssh"]), one["ssh"] if isinstance(one["ssh"], str) else "") for name, one in hosts.items() if "ssh" in one}
    groups = {"all": list(hosts), **case.get("groups", {})}
    known = {name: {check: (state, AT - 3600) for check, state in checks.items()} for name, checks in case.get("memory", {}).items()}
    memory = Memory(AT - 3600, known) if known else Memory()
    return decide.decide(decide.Asked(AT, 1.5, targets, answers, told, groups, case.get("monitored", list(hosts))), memory), memory


def _silence(told: Any) -> Silence | None:
    return SILENT[told] if isinstance(told, str) else None
