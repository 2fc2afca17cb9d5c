# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The words that all forms of a report share: its verdict, what could not be seen, what changed. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timezone

from ..health.model import FAIL, PASS, SKIPPED, UNKNOWN, WARN
from .model import ORDER, UNSEEN, Problem, Report
from .words import ago, count, some

# How a state of hosts reads in a sentence, and how it is headed.
PHRASES = {FAIL: "fail", UNSEEN: "not seen", UNKNOWN: "unknown", WARN: "warn", SKIPPED: "skipped", PASS: "healthy"}
TITLES = {FAIL: "FAIL", UNSEEN: "NOT SEEN", UNKNOWN: "UNKNOWN", WARN: "WARN", SKIPPED: "SKIPPED", PASS: "HEALTHY"}
# Alike problems of more hosts than this are one line.
ALIKE = 3


@dataclass(frozen=True)
class Line:
    """One line of a table: a problem, and every host that has it in the same words."""

    problem: Problem
    hosts: tuple[str, ...]

    @property
    def new(self) -> bool:
        """Whether the first of them is new."""
        return self.problem.new


def lines(problems: Iterable[Problem], alike: int = ALIKE) -> list[Line]:
    """Put alike problems of many hosts into one line; the order stays that of the first of them."""
    together: dict[tuple[object, ...], list[Problem]] = {}
    for one in problems:
        together.setdefault((one.row.state, one.new, one.row.name, one.row.summary, one.row.advice), []).append(one)
    found = []
    for group in together.values():
        parts = [group] if len(group) > alike else [[one] for one in group]
        found += [Line(part[0], tuple(one.host for one in part)) for part in parts]
    return sorted(found, key=lambda line: (ORDER.index(line.problem.row.state), not line.new, -len(line.hosts), line.hosts[0]))


def verdict(report: Report) -> str:
    """Return the sentence that a person reads first."""
    states = report.states
    if states[PASS] == len(report.hosts):
        return f"All {count(len(report.hosts), 'host')} healthy." if report.hosts else "No hosts."
    parts = [f"{states[state]:,} {PHRASES[state]}" for state in ORDER if states[state]]
    return f"{count(len(report.hosts), 'host')}: {', '.join(parts)}."


def sight(report: Report) -> list[str]:
    """Return sentences on what could not be seen: in all, by group, and what the limit left out."""
    total = report.total
    said = [f"{total.seen:,} of {count(total.expected, 'expected host')} seen."]
    blind = [f"{one.group} {one.seen:,}/{one.expected:,}" for one in report.coverage if one.unseen and one.expected < total.expected]
    said += [f"Seen by group: {some(blind, 8)}."] if blind else []
    if report.left_out:
        said.append(f"The limit of this run left out {count(len(report.left_out), 'monitored host')}: {some(report.left_out)}.")
    return said


def changed(report: Report) -> str:
    """Return the sentence on what changed since the last sweep."""
    if not report.last:
        return "This is the first sweep; the next one tells what changed."
    new = sum(one.new for one in report.problems)
    turned = [one for one in report.problems if one.was]
    head = f"Since the sweep {ago(report.at - report.last)} before:"
    if not (new or turned or report.solved):
        return f"{head} no change."
    parts = [f"{new:,} new"] if new else []
    told = some([f"{one.host} {one.row.name} {one.was} to {one.row.state}" for one in turned])
    parts += [f"{len(turned):,} changed ({told})"] if turned else []
    parts += [f"{len(report.solved):,} solved ({some([f'{one.host} {one.check}' for one in report.solved])})"] if report.solved else []
    return f"{head} {', '.join(parts)}."


def since(problem: Problem, at: float) -> str:
    """Return how long a problem is known: new, what it was until now, or the age of the first sweep that saw it so."""
    if problem.new or problem.was:
        return "new" if problem.new else f"was {problem.was}"
    return ago(at - problem.since) if problem.since and at - problem.since >= 1 else "-"


def moment(at: float) -> str:
    """Return a time of the epoch for a person, in UTC."""
    return datetime.fromtimestamp(at, timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
