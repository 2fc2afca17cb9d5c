# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a kind of check is: its options, how it looks, how it decides."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from ..system import System
from .model import Finding, Observation

T = TypeVar("T")


@dataclass(frozen=True)
class Option:
    """One option of a kind, in the words of its documentation.

    ``type`` is one of str, int, bool, number, duration (seconds), size (bytes), path, regex, list (of str), dict, limits. A limits option
    is written as ``{warn: 80%, fail: 90%}``, or as one value that fails; ``unit`` is s, bytes, % or empty, ``worse`` above or below.
    """

    name: str
    type: str
    text: str
    default: Any = None
    required: bool = False
    choices: tuple[str, ...] = ()
    unit: str = ""
    worse: str = "above"
    secret: bool = False


class Shared:
    """What several checks of one round read once: a process table, the state of all units. Safe between threads."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._locks: dict[str, threading.Lock] = {}
        self._kept: dict[str, tuple[float, Any]] = {}

    def get(self, key: str, max_age: float, make: Callable[[], T]) -> T:
        """Return the value of ``key`` where it is younger than ``max_age`` seconds, else make it anew; one thread makes it."""
        with self._lock:
            lock = self._locks.setdefault(key, threading.Lock())
        with lock:
            kept = self._kept.get(key)
            if kept is None or self._clock() - kept[0] >= max_age:
                kept = self._kept[key] = (self._clock(), make())
            value: T = kept[1]
            return value


@dataclass(frozen=True)
class Look:
    """What a kind sees with: the host, seconds until its deadline, what it remembered, and what is shared with other checks."""

    system: System
    timeout: float
    memory: Mapping[str, Any] = field(default_factory=dict)
    shared: Shared = field(default_factory=lambda: Shared(lambda: 0.0))


Options = Mapping[str, Any]
Observe = Callable[[Options, Look], Observation]
Decide = Callable[[Options, Mapping[str, Any]], Sequence[Finding]]


@dataclass(frozen=True)
class Package:
    """A library that a kind needs on the host: its import name, and the packages that bring it (empty: the distribution has none)."""

    module: str
    debian: str
    redhat: str = ""


@dataclass(frozen=True)
class Kind:
    """A kind of check. ``refuse`` returns a sentence where options that are right one by one contradict each other.

    ``observe`` may raise CannotTell; whatever else it raises is unknown too. ``decide`` is pure and names at least one finding, in the
    order in which a person would look. ``capabilities`` are what its process needs beyond an ordinary user (CAP_NET_RAW);
    ``needs`` tells from a check's options whether that one needs them at all.
    """

    name: str
    text: str
    options: tuple[Option, ...]
    observe: Observe
    decide: Decide
    example: str
    refuse: Callable[[Options], str | None] | None = None
    packages: tuple[Package, ...] = ()
    capabilities: tuple[str, ...] = ()
    needs: Callable[[Options], bool] = lambda options: True
    groups: tuple[str, ...] = ()
