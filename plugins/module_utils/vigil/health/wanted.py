# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One reading for several checks, each of which wants something else of it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from .kind import Look
from .model import CannotTell

# A reading serves the checks that are due in the same moment. It must stay far below the second within which a crash has to be seen.
FRESH = 0.5
# What no check wanted for so long is not read any more: the check was taken away.
_FORGET = 600.0


@dataclass(frozen=True)
class _Reading:
    names: frozenset[str]
    found: Any


class _Wanted:
    """Names, and when each was wanted last on the monotonic clock. It lives as long as what is shared, over all rounds."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._names: dict[str, float] = {}
        self.failure: tuple[float, CannotTell] | None = None

    def add(self, names: Iterable[str], now: float) -> frozenset[str]:
        """Take up names and return all that are wanted."""
        with self._lock:
            self._names.update(dict.fromkeys(names, now))
            self._names = {name: at for name, at in self._names.items() if now - at < _FORGET}
            return frozenset(self._names)


def reading(look: Look, key: str, names: Iterable[str], read: Callable[[frozenset[str]], Any]) -> Any:
    """Return what ``read`` found for ``names`` and for all that other checks want under ``key``: one reading serves them all.

    From the second round on every check's names are known, and the first check that is due reads for the others. What it could not tell
    nobody can: those that waited for it do not try once more, each until its own deadline.
    """
    names = frozenset(names)
    wanted: _Wanted = look.shared.get(f"{key}, wanted", float("inf"), _Wanted)
    everything = wanted.add(names, look.system.monotonic())

    def make() -> _Reading:
        if wanted.failure and look.system.monotonic() - wanted.failure[0] < FRESH:
            raise wanted.failure[1]
        try:
            return _Reading(everything, read(everything))
        except CannotTell as error:
            wanted.failure = (look.system.monotonic(), error)
            raise

    made: _Reading = look.shared.get(key, FRESH, make)
    if not names <= made.names:
        made = look.shared.get(key, 0.0, make)
    return made.found
