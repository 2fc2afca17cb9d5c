# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rounds over a list of checks until the verdict is there: what the module ``health_check`` does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..model import InvalidInput
from ..system import System
from .kinds import KINDS
from .model import Check, Result, count
from .patience import FAIL_ON, Patience, Verdict, bad, decide
from .round import run_round
from .spec import parse
from .words import as_dict, line, summary


@dataclass(frozen=True)
class Wanted:
    """What a task asks for."""

    checks: tuple[Check, ...]
    fail_on: str
    patience: Patience


def read(params: Mapping[str, Any]) -> Wanted:
    """Read a module's parameters. Raises InvalidInput for checks that contradict themselves, and for tags and names that choose none."""
    checks = parse(params["checks"] or [], KINDS)
    chosen = _chosen(checks, params.get("tags") or [], params.get("names") or [])
    if params["fail_on"] not in FAIL_ON:
        raise InvalidInput(f"fail_on is {params['fail_on']!r}, expected one of {', '.join(FAIL_ON)}.")
    patience = Patience(int(params["retries"]), float(params["delay"]), float(params["stable_for"]))
    if min(patience.retries, patience.delay, patience.stable_for) < 0:
        raise InvalidInput("retries, delay and stable_for have to be 0 or more.")
    return Wanted(chosen, params["fail_on"], patience)


def check(system: System, wanted: Wanted) -> dict[str, Any]:
    """Look until the verdict is there, and return it with every result of the last round."""
    start = system.monotonic()
    good_since: float | None = None
    rounds = bad_rounds = 0
    while True:
        results = run_round(wanted.checks, KINDS, system)
        rounds, now = rounds + 1, system.monotonic()
        failing = bad(results, wanted.fail_on)
        bad_rounds += bool(failing)
        good_since = None if failing else now if good_since is None else good_since
        verdict = decide(wanted.patience, bad_rounds, len(failing), None if good_since is None else now - good_since)
        if not verdict.again:
            return _outcome(results, failing, verdict, rounds, now - start)
        system.sleep(min(wanted.patience.delay, _left(wanted.patience, good_since, now)))


def _left(patience: Patience, good_since: float | None, now: float) -> float:
    return patience.delay if good_since is None else max(0.0, patience.stable_for - (now - good_since))


def _outcome(results: Sequence[Result], failing: Sequence[Result], verdict: Verdict, rounds: int, waited: float) -> dict[str, Any]:
    outcome = {
        "changed": False, "healthy": verdict.healthy, "reason": verdict.reason, "counts": count(results), "rounds": rounds,
        "waited": round(waited, 3), "summary": summary(results), "results": [as_dict(result) for result in results],
    }
    if not verdict.healthy:
        outcome.update(failed=True, msg="\n".join([f"{verdict.reason}.", *map(line, failing)]))
    return outcome


def _chosen(checks: Sequence[Check], tags: Sequence[str], names: Sequence[str]) -> tuple[Check, ...]:
    """Keep the checks asked for, and their parents: without them a child could not be skipped."""
    known = {check.name: check for check in checks}
    missing = [name for name in names if name not in known]
    if missing:
        raise InvalidInput(f"There is no check named {', '.join(missing)}; there are {', '.join(known) or 'none'}.")
    wanted = [check for check in checks if (not tags or set(tags) & set(check.tags)) and (not names or check.name in names)]
    if checks and not wanted:
        raise InvalidInput(f"No check has one of the tags {', '.join(tags)}; nothing was looked at.")
    kept: set[str] = set()
    todo = [check.name for check in wanted]
    while todo:
        name = todo.pop()
        if name not in kept:
            kept.add(name)
            todo += known[name].parents
    return tuple(check for check in checks if check.name in kept)
