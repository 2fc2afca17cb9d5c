# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known at one moment: immutable, so that whoever answers a request never waits for a check."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from .model import FAIL, Result
from .streak import Streak


@dataclass(frozen=True)
class Snapshot:
    """All results, parents first. ``at`` is when the watcher's loop last passed (epoch), ``interval`` the shortest of its checks' (s).

    ``results`` stays the same object until a result changes, so that what is rendered from it can be kept. ``waiting`` names the checks
    that have no result since the start, or are in their start grace. ``beat`` is ``at`` on the monotonic clock, for whoever must not be
    misled by a wall clock that jumps; ``lag`` is by how much the check that waited longest was late then (s); ``looks`` counts all looks.
    """

    host: str
    release: str
    at: float
    interval: float
    results: tuple[Result, ...] = ()
    streaks: Mapping[str, Streak] = field(default_factory=dict)
    waiting: frozenset[str] = frozenset()
    beat: float = 0.0
    lag: float = 0.0
    looks: int = 0

    def alive(self, now: float) -> bool:
        """Whether the loop passed within three intervals."""
        return now - self.at <= 3 * self.interval

    @property
    def started(self) -> bool:
        """Whether every check has told something since the start."""
        return not self.waiting

    @property
    def ready(self) -> bool:
        """Whether the start is over and no check that counts for readiness fails. Unknown is not down."""
        return self.started and not any(result.state == FAIL and result.ready for result in self.results)
