# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The values of a sweep: whom to ask, what came back, what follows from it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from ..health.model import FAIL, PASS, SKIPPED, UNKNOWN, WARN

# A host of which nothing is known: neither its agent nor SSH told anything.
UNSEEN = "unseen"
# Worst first: what a person looks at first.
ORDER = (FAIL, UNSEEN, UNKNOWN, WARN, SKIPPED, PASS)
PROBLEMS = (FAIL, UNSEEN, UNKNOWN, WARN)

# Why an agent told nothing. Each asks for another remedy, so they are never mixed.
REFUSED, TIMEOUT, NO_ROUTE, NO_NAME, CLOSED = "refused", "no answer in time", "no route", "name not found", "connection closed"
UNTRUSTED, EXPIRED, WRONG_NAME, NO_TLS = "certificate not trusted", "certificate expired", "certificate of another name", "TLS failed"
TOKEN, NOT_AGENT, STALE, HERE = "wrong token", "not an agent", "stale snapshot", "controller's own limit"

AGENT_CHECK, SEEN_CHECK, NO_CHECKS = "health agent", "host seen", "checks"


@dataclass(frozen=True)
class Target:
    """An agent to ask: the inventory name of its host, and where it answers."""

    host: str
    address: str
    port: int


@dataclass(frozen=True)
class Silence:
    """Why an agent told nothing: one of the reasons above, a sentence, and what to do next."""

    reason: str
    words: str
    advice: str = ""


class Row(NamedTuple):
    """One check of a host as a sweep keeps it: texts are clean and short, ``duration`` is in seconds, ``at`` of the epoch."""

    name: str
    kind: str
    state: str
    summary: str
    observed: str = ""
    expected: str = ""
    advice: str = ""
    duration: float = 0.0
    at: float = 0.0


@dataclass(frozen=True)
class Seen:
    """What a host told, the worst first. ``age`` is the snapshot's, in seconds."""

    rows: tuple[Row, ...]
    age: float = 0.0


@dataclass(frozen=True)
class Answer:
    """What came of asking one agent: something seen, or a silence. ``seconds`` is how long it took."""

    host: str
    seen: Seen | None = None
    silence: Silence | None = None
    seconds: float = 0.0


@dataclass(frozen=True)
class Told:
    """What came of asking a silent host over SSH: something seen, or why not."""

    seen: Seen | None = None
    words: str = ""


@dataclass(frozen=True)
class Host:
    """A host as the sweep judges it. ``via`` is agent, ssh, or empty where nothing is known of it."""

    name: str
    address: str
    state: str
    via: str
    rows: tuple[Row, ...]
    silence: Silence | None = None
    ssh: str = ""
    seconds: float = 0.0


@dataclass(frozen=True)
class Problem:
    """A line of the table. ``since`` is the first sweep that saw it so (epoch, 0 where unknown); ``was`` its state in the last sweep."""

    host: str
    row: Row
    since: float = 0.0
    new: bool = False
    was: str = ""


@dataclass(frozen=True)
class Solved:
    """A problem of the last sweep that is none any more; ``now`` is the state, or empty where the check is gone."""

    host: str
    check: str
    was: str
    since: float
    now: str


@dataclass(frozen=True)
class Coverage:
    """How much of a group the sweep could see."""

    group: str
    expected: int
    unseen: tuple[str, ...]

    @property
    def seen(self) -> int:
        """How many hosts told something."""
        return self.expected - len(self.unseen)


@dataclass(frozen=True)
class Report:
    """All that a sweep found. ``left_out`` are monitored hosts that the run's limit excluded; ``last`` is the time of the sweep before."""

    at: float
    seconds: float
    hosts: tuple[Host, ...]
    problems: tuple[Problem, ...]
    solved: tuple[Solved, ...] = ()
    coverage: tuple[Coverage, ...] = ()
    left_out: tuple[str, ...] = ()
    last: float = 0.0

    @property
    def total(self) -> Coverage:
        """The coverage of all that was asked."""
        return Coverage("all", len(self.hosts), tuple(host.name for host in self.hosts if host.state == UNSEEN))

    @property
    def states(self) -> Mapping[str, int]:
        """How many hosts are in which state, every state named."""
        numbers = dict.fromkeys(ORDER, 0)
        for host in self.hosts:
            numbers[host.state] += 1
        return numbers


@dataclass(frozen=True)
class Memory:
    """What is kept from sweep to sweep: per host and check, its state and since when (epoch)."""

    at: float = 0.0
    hosts: Mapping[str, Mapping[str, tuple[str, float]]] = field(default_factory=dict)


def worst(states: Iterable[str]) -> str:
    """Return the worst of the states; of none at all, pass."""
    return min(states, key=ORDER.index, default=PASS)
