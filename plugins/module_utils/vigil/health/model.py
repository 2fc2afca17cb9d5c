# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The values of a health check: what was declared, what was seen, what follows from it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..model import VigilError

PASS, WARN, FAIL, UNKNOWN, SKIPPED = "pass", "warn", "fail", "unknown", "skipped"
# Worst first: what a person looks at first. Unknown stands before warn, for nobody knows how bad it is.
STATES = (FAIL, UNKNOWN, WARN, SKIPPED, PASS)


class CannotTell(VigilError):
    """The checker could not look: no library, no permission, no answer of the tool. The check is unknown, never failed."""

    def __init__(self, message: str, advice: str = "") -> None:
        super().__init__(message)
        self.advice = advice


@dataclass(frozen=True)
class Check:
    """One declared check. Times are in seconds; ``rise`` and ``fall`` are looks in a row that turn the state."""

    name: str
    kind: str
    options: Mapping[str, Any] = field(default_factory=dict)
    interval: float = 10.0
    timeout: float = 5.0
    start_grace: float = 0.0
    rise: int = 1
    fall: int = 1
    parents: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    ready: bool = True
    description: str = ""
    advice: str = ""


@dataclass(frozen=True)
class Limits:
    """Where a measured value warns and fails: at the number or beyond. ``worse`` is above or below; None sets no limit."""

    warn: float | None = None
    fail: float | None = None
    worse: str = "above"


@dataclass(frozen=True)
class Observation:
    """What one look saw, as JSON values; ``memory`` is handed back at the next look and kept over restarts."""

    values: Mapping[str, Any]
    memory: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Finding:
    """One comparison of what was seen with what was expected.

    ``what`` is a short fixed name (``latency``, ``status``), ``value`` a number, text or None, ``unit`` one of s, bytes, %, or empty.
    """

    what: str
    state: str
    value: float | str | None
    expected: str
    sentence: str
    unit: str = ""
    advice: str = ""


@dataclass(frozen=True)
class Result:
    """The outcome of one look at one check.

    ``observed``, ``unit`` and ``expected`` belong to the finding that decided the state. ``duration`` is in seconds, ``at`` in seconds
    since the epoch. ``raw`` is the state of this look alone; ``state`` has rise, fall, start grace and parents in it.
    """

    name: str
    kind: str
    state: str
    summary: str
    observed: float | str | None = None
    unit: str = ""
    expected: str = ""
    advice: str = ""
    findings: tuple[Finding, ...] = ()
    raw: str = ""
    duration: float = 0.0
    at: float = 0.0
    tags: tuple[str, ...] = ()
    ready: bool = True
    values: Mapping[str, Any] = field(default_factory=dict)


def worst(states: Iterable[str]) -> str:
    """Return the worst of the states; of none at all, pass."""
    return min(states, key=STATES.index, default=PASS)


def count(results: Iterable[Result]) -> dict[str, int]:
    """Return how many results are in each state, every state named."""
    numbers = dict.fromkeys(STATES, 0)
    for result in results:
        numbers[result.state] += 1
    return numbers
