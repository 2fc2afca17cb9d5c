# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The words of the suite: pure functions of outcomes and logs."""

from __future__ import annotations

import re
from collections.abc import Sequence

from .model import Outcome, Part

TAIL = 60
_LEFT_OUT = (
    re.compile(r"^NOT RUN: (?P<what>.+)$"),
    re.compile(r"^SKIPPED \[\d+\] (?P<what>.+)$"),
    re.compile(r"^WARNING: (?P<what>Skipping .+)$"),
)


def not_run(log: str) -> tuple[str, ...]:
    """What a part left out by its own word: `NOT RUN: ` lines, tests that pytest skipped, checks that ansible-test skipped."""
    found = (pattern.match(line.strip()) for line in log.splitlines() for pattern in _LEFT_OUT)
    return tuple(dict.fromkeys(match["what"] for match in found if match))


def line(outcome: Outcome) -> str:
    """One line for a part that ended."""
    text = f"{outcome.state.upper():8}{outcome.part.name:26}{outcome.seconds:6.0f} s  {outcome.part.title}"
    return f"{text} ({outcome.reason})" if outcome.reason else text


def failure(outcome: Outcome, log: str) -> str:
    """What to look at where a part failed: the path of its log and that log's last lines."""
    lines = log.splitlines()
    head = f"--- {outcome.part.name}: {outcome.reason}. Log: {outcome.log}"
    if len(lines) > TAIL:
        head += f" (its last {TAIL} of {len(lines)} lines follow)"
    again = f"--- end of {outcome.part.name}. Again: tools/setup.sh python3 -m tools.suite {outcome.part.name}"
    return "\n".join([head, *lines[-TAIL:], again])


def summary(outcomes: Sequence[Outcome], wall: float) -> str:
    """The end of a run: seconds by part, what was not run and why, and the count on a line of its own."""
    count = {state: sum(outcome.state == state for outcome in outcomes) for state in ("passed", "failed", "skipped")}
    slowest = sorted((outcome for outcome in outcomes if outcome.seconds), key=lambda one: -one.seconds)
    return "\n".join([
        "",
        f"Seconds, slowest first ({wall:.0f} s in all):",
        *(f"  {outcome.seconds:6.0f}  {outcome.part.name}" for outcome in slowest),
        "",
        "Not run, and why:",
        *(_left_out(outcomes) or ["  nothing: every check ran"]),
        *_failed(outcomes),
        "",
        f"{count['passed']} passed, {count['failed']} failed, {count['skipped']} skipped",
    ])


def _left_out(outcomes: Sequence[Outcome]) -> list[str]:
    whole = [f"  {outcome.part.name}: {outcome.reason}" for outcome in outcomes if outcome.state == "skipped"]
    return whole + [f"  {outcome.part.name}: {what}" for outcome in outcomes for what in outcome.not_run]


def _failed(outcomes: Sequence[Outcome]) -> list[str]:
    bad = [f"  {outcome.part.name}: {outcome.reason}, see {outcome.log}" for outcome in outcomes if outcome.state == "failed"]
    return ["", "Failed:", *bad] if bad else []


def listing(parts: Sequence[Part]) -> str:
    """The parts as a table."""
    return "\n".join(f"{part.group:10}{part.name:26}{part.seconds:5} s  {part.title}" for part in parts)
