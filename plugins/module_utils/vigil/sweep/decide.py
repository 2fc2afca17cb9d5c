# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From answers to a report: which host is how, what is wrong, what could not be seen, and how the run ends. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ..health.model import FAIL, UNKNOWN, WARN
from .changes import problems, solved
from .model import (
    AGENT_CHECK,
    ORDER,
    SEEN_CHECK,
    UNSEEN,
    Answer,
    Coverage,
    Host,
    Memory,
    Report,
    Row,
    Silence,
    Target,
    Told,
    worst,
)

NEVER = "never"
# What ends a run with a failure, each level with all before it. "fail" looks at checks alone; whoever must not miss a silent half of
# the fleet takes "unseen" or more.
FAIL_ON = (NEVER, FAIL, UNSEEN, UNKNOWN, WARN)
# Groups that say nothing about a host's work.
_GENERAL = ("all", "ungrouped")


@dataclass(frozen=True)
class Asked:
    """What a sweep gathered. ``groups`` is the inventory's; ``monitored`` all hosts that it expects, of which ``targets`` were asked."""

    at: float
    seconds: float
    targets: Sequence[Target]
    answers: Sequence[Answer]
    told: Mapping[str, Told]
    groups: Mapping[str, Sequence[str]]
    monitored: Sequence[str]


def decide(asked: Asked, memory: Memory) -> Report:
    """Return the report; ``memory`` is what the sweep before left."""
    told = asked.told
    hosts = [judge(target, answer, told.get(target.host)) for target, answer in zip(asked.targets, asked.answers)]
    ranked = tuple(sorted(hosts, key=lambda host: (ORDER.index(host.state), host.name)))
    names = {host.name for host in ranked}
    return Report(
        asked.at, asked.seconds, ranked, problems(ranked, memory, asked.at), solved(ranked, memory), coverage(ranked, asked.groups),
        tuple(sorted(set(asked.monitored) - names)), memory.at,
    )


def judge(target: Target, answer: Answer, told: Told | None) -> Host:
    """Return a host's state: the worst of its checks, whoever told them; ``unseen`` where nobody did."""
    silence, ssh = answer.silence, told.words if told else ""
    if answer.seen:
        rows, via = answer.seen.rows, "agent"
    elif told and told.seen:
        rows, via = (*told.seen.rows, _agent(silence)), "ssh"
    else:
        rows, via = (_unseen(silence, ssh),), ""
    ranked = tuple(sorted(rows, key=lambda row: ORDER.index(row.state)))
    state = worst(row.state for row in ranked)
    return Host(target.host, target.address, state, via, ranked, silence, ssh, answer.seconds)


def _agent(silence: Silence | None) -> Row:
    """The host is seen, its agent is not: what watches between two sweeps is off."""
    reason, words, advice = (silence.reason, silence.words, silence.advice) if silence else ("", "its agent was not asked", "")
    return Row(AGENT_CHECK, "sweep", WARN, f"the host was asked over SSH, its agent told nothing: {words}", reason, "an answer", advice)


def _unseen(silence: Silence | None, ssh: str) -> Row:
    reason, words, advice = (silence.reason, silence.words, silence.advice) if silence else ("", "its agent was not asked", "")
    both = f"agent: {words}; SSH: {ssh or 'not asked'}"
    return Row(SEEN_CHECK, "sweep", UNSEEN, both, reason, "an answer of its agent or over SSH", advice)


def coverage(hosts: Iterable[Host], groups: Mapping[str, Sequence[str]]) -> tuple[Coverage, ...]:
    """Return expected and unseen hosts of each group of the inventory that was asked, the least seen first."""
    states = {host.name: host.state for host in hosts}
    found = []
    for group, members in groups.items():
        asked = sorted(name for name in members if name in states)
        if asked and group not in _GENERAL:
            found.append(Coverage(group, len(asked), tuple(name for name in asked if states[name] == UNSEEN)))
    return tuple(sorted(found, key=lambda one: (one.seen / one.expected, one.group)))


def failure(report: Report, fail_on: str) -> str:
    """Return why the run fails by ``fail_on`` (one of FAIL_ON), or nothing where it does not."""
    counted = FAIL_ON[1 : FAIL_ON.index(fail_on) + 1]
    wrong = {state: sum(host.state == state for host in report.hosts) for state in counted}
    # A host counts once, in its worst state; a host that fails may have unknown checks too.
    parts = [f"{number} {'not seen' if state == UNSEEN else state}" for state, number in wrong.items() if number]
    return f"Of {len(report.hosts)} hosts: {', '.join(parts)} (health_fail_on is {fail_on})." if parts else ""


def silent(answers: Iterable[Answer]) -> list[str]:
    """Return the hosts whose agent told nothing, so that they are asked over SSH."""
    return [answer.host for answer in answers if answer.silence]
