# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One round over all checks, parents first, for a module or a person: each check within its own deadline."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..system import System
from .kind import Kind, Look, Shared
from .look import DEFECT, look_at, stamped, unknown
from .model import FAIL, Check, Result
from .pool import Job, Pool
from .streak import skipped

# A kind keeps its own deadline and says more about it than we can; it gets this much longer before it is given up.
SLACK = 1.0


def run_round(checks: Sequence[Check], kinds: Mapping[str, Kind], system: System, *, size: int = 16, slack: float = SLACK) -> list[Result]:
    """Look once at every check and return the results in the order of ``checks`` (parents first, as ``spec.parse`` gives them).

    A check that is still busy ``slack`` seconds after its timeout is given up, as unknown.
    """
    pool, shared = Pool(size), Shared(system.monotonic)
    results: dict[str, Result] = {}
    culprits: dict[str, str] = {}
    for level in levels(checks):
        due = [check for check in level if not any(parent in culprits for parent in check.parents)]
        results.update(_look_at_all(due, kinds, Look(system, 0.0, {}, shared), pool, slack))
        for check in level:
            culprit = next((culprits[parent] for parent in check.parents if parent in culprits), "")
            if culprit:
                results[check.name] = skipped(check, culprit)
            if culprit or results[check.name].state == FAIL:
                culprits[check.name] = culprit or check.name
    pool.close()
    return [results[check.name] for check in checks]


def levels(checks: Sequence[Check]) -> list[list[Check]]:
    """Group checks so that each one's parents are in earlier groups."""
    depth: dict[str, int] = {}
    groups: list[list[Check]] = []
    for check in checks:
        depth[check.name] = 1 + max((depth[parent] for parent in check.parents), default=-1)
        groups += [[]] * (depth[check.name] + 1 - len(groups))
        groups[depth[check.name]] = [*groups[depth[check.name]], check]
    return groups


class _Pending:
    """A check that is being looked at; ``start`` is when a worker took it up (monotonic)."""

    def __init__(self, check: Check, system: System) -> None:
        self.check = check
        self.system = system
        self.start = 0.0
        self.began = threading.Event()
        self.done = threading.Event()
        self.result: Result | None = None
        self.job: Job | None = None

    def begin(self) -> None:
        self.start = self.system.monotonic()
        self.began.set()

    def take(self, outcome: tuple[Result, Any]) -> None:
        self.result = outcome[0]
        self.done.set()


def _look_at_all(checks: Sequence[Check], kinds: Mapping[str, Kind], look: Look, pool: Pool, slack: float) -> dict[str, Result]:
    pending = [_Pending(check, look.system) for check in checks]
    for item in pending:
        item.job = pool.submit(_work(item.check, kinds[item.check.kind], look), item.take, item.begin)
    return {item.check.name: _wait(item, pool, item.check.timeout + slack) for item in pending}


def _work(check: Check, kind: Kind, look: Look) -> Any:
    return lambda: look_at(check, kind, replace(look, timeout=check.timeout))


def _wait(item: _Pending, pool: Pool, limit: float) -> Result:
    """Wait for what is left since the check began: several that hang are given up together, not one after the other."""
    item.began.wait()
    left = item.start + limit - item.system.monotonic()
    if not item.done.wait(max(0.0, left)) and item.job is not None and pool.abandon(item.job):
        return stamped(overrun(item.check, limit), at=item.system.now(), duration=limit)
    item.done.wait()
    return item.result or unknown(item.check, "the check ended without a result", DEFECT)


def overrun(check: Check, seconds: float) -> Result:
    """Return the result of a check that did not end in time: unknown, for it was the checker that hung."""
    return unknown(check, f"the check did not end within {seconds:g} s and was given up", "Raise its timeout, or see what makes it hang.")
