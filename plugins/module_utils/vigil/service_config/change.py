# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One change as a transaction: prepared, swapped, taken up, proven; or the old set back. And what an interrupted one left."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from typing import Any

from ..files import write_atomic
from ..model import VigilError
from .confirm import Moment, answers, confirm, read_proofs, wait_ready
from .decide import Decision, Plan
from .host import Host
from .journal import Log, find_journal, new_journal
from .observe import Observed, show_unit
from .program import turn_back
from .shield import shielded, uninterruptible
from .spec import Spec
from .swap import prepare, restore, swap, tidy, unlike_old
from .unit import activate, after_restore, before_restore, last_words


def carry_out(host: Host, spec: Spec, seen: Observed, plan: Plan, decision: Decision) -> list[dict[str, Any]]:
    """Change the files and the unit, and return what the proofs read. Raises VigilError after the old set is back."""
    log = Log(host, host.home(spec), new_journal(host, spec, seen, plan, decision))
    was_up = bool(seen.unit and seen.unit.is_up)
    earlier = read_proofs(host, spec) if was_up else {}
    served = was_up and decision.action != "none" and answers(host, spec)
    try:
        prepare(log, plan.changes, seen)
        log.write("swapping")
        swapped = host.system.now()
        shielded(lambda: swap(log))
        log.write("swapped", touched=True)
        read = take_up(host, spec, seen, decision, log.journal.units_changed, Moment(swapped, decision.action, 0, earlier))
        log.write("proven")
    except Exception as error:
        raise _went_wrong(host, spec, log, error, served) from error
    with uninterruptible():
        finish(host, log)
    return read


def act_only(host: Host, spec: Spec, seen: Observed, decision: Decision) -> list[dict[str, Any]]:
    """Start, stop, restart or enable the unit where no file changes: there is nothing to put back."""
    now = host.system.now()
    try:
        return take_up(host, spec, seen, decision, False, Moment(now, decision.action))
    except VigilError as error:
        words = last_words(host, spec.unit, now)
        text = f"{error}\nThe last words of {spec.unit}:\n{words}\nNo file had changed, so there was nothing to put back."
        raise VigilError(text, **error.details, words=words) from error


def take_up(host: Host, spec: Spec, seen: Observed, decision: Decision, units_changed: bool, moment: Moment) -> list[dict[str, Any]]:
    """Act on the unit and wait for it. ``moment`` says since when; its restarts are counted anew after a start."""
    units_changed = units_changed or bool(decision.action != "none" and seen.unit and seen.unit.need_daemon_reload)
    activate(host, spec, decision, units_changed)
    if spec.unit is None or spec.unit_state == "stopped":
        return []
    fresh = decision.action in ("start", "restart")
    moment = replace(moment, restarts=0 if fresh or seen.unit is None else seen.unit.restarts,
                     swapped=None if decision.action == "none" else moment.swapped)
    return confirm(host, spec, show_unit(host, spec.unit), moment)


def finish(host: Host, log: Log) -> None:
    """Write down what the set owns now, and remove the old files and the journal."""
    write_atomic(f"{log.home}/manifest.json", json.dumps(dict(log.journal.manifest), indent=1, sort_keys=True).encode(), 0o600)
    host.hook("manifest")
    tidy(log)
    log.drop()


def repair(host: Host, spec: Spec) -> str:
    """Deal with what an interrupted run left, and say what was done; empty where there was nothing."""
    log = find_journal(host, spec)
    if log is None:
        return ""
    with uninterruptible():
        if log.journal.state == "proven":
            finish(host, log)
            return "The last run was cut off after its set was proven; its clean-up was completed."
        state = log.journal.state
        wrong = put_back(host, log)
    if wrong:
        raise VigilError(f"An interrupted run (state {state}) could not be taken back whole: {'; '.join(wrong)}", repaired=False)
    return f"The last run was cut off while {state}, before its set was proven; the old set was put back."


def put_back(host: Host, log: Log) -> list[str]:
    """Return to the old set, files and unit. Returns what went wrong; the journal stays where something did."""
    touched, journal = log.journal.touched, log.journal
    try:
        wrong = before_restore(host, journal) if touched else []
        log.note("restoring")
        shielded(lambda: restore(log))
        if journal.link:
            turn_back(journal.link)
        wrong += after_restore(host, journal) if touched else []
        wrong += [f"{path} does not hold its old content" for path in unlike_old(log)]
        if not wrong:
            log.drop()
            _drop_home(log.home)
    except (VigilError, OSError) as error:
        wrong = [str(error)]
    return wrong


def _went_wrong(host: Host, spec: Spec, log: Log, error: Exception, served: bool) -> VigilError:
    with uninterruptible():
        touched, since = log.journal.touched, log.journal.since
        words = last_words(host, spec.unit, since) if touched else ""
        wrong = put_back(host, log) if os.path.exists(log.path) else []
        wrong = wrong or (_old_serves(host, spec, served) if touched and log.journal.was_up and log.journal.action != "none" else [])
        _drop_home(log.home)
    details = {**getattr(error, "details", {}), "rolled_back": not wrong, "words": words}
    what = f"{type(error).__name__}: {error}" if not isinstance(error, VigilError) else str(error)
    return VigilError(_message(spec, log, what, words, wrong, touched), **details)


def _message(spec: Spec, log: Log, what: str, words: str, wrong: list[str], touched: bool) -> str:
    parts = [what]
    if words:
        parts.append(f"The last words of {spec.unit}:\n{words}")
    if wrong:
        parts.append(f"THE OLD SET COULD NOT BE PUT BACK WHOLE: {'; '.join(wrong)}. Old files wait as .vigil-*.old beside their places"
                     f" where they are not back; {log.path} lists them. Put them back by hand, or run again to try once more.")
    else:
        then = f" and {spec.unit} {'runs with it' if log.journal.was_up else 'is stopped, as before'}" if touched and spec.unit else ""
        version = f", its program turned back to the version that ran, {log.journal.link.old}" if log.journal.link else ""
        parts.append(f"The old set is back{then}{version}." if touched else f"Nothing was changed{version}.")
    return "\n".join(parts)


def _old_serves(host: Host, spec: Spec, served: bool) -> list[str]:
    """Wait for the old unit; for its answer only where it gave one before, since the new set may ask elsewhere."""
    try:
        state = show_unit(host, str(spec.unit))
        wait_ready(host, spec if served else replace(spec, ready=None), state, Moment(restarts=state.restarts))
    except VigilError as error:
        return [f"the old files are back, but {error}"]
    return []


def _drop_home(home: str) -> None:
    try:
        os.rmdir(home)
    except OSError:
        return
