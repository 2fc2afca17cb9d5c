# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One run: lock, repair, observe, decide, stage, validate, and then, outside check mode, change."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from typing import Any

from ..files import Mask, write_atomic
from ..model import InvalidInput, VigilError
from .change import act_only, carry_out, repair
from .confirm import Moment, confirm
from .decide import Decision, Plan, decide_action, plan_files
from .diff import diff_of
from .host import Host
from .journal import find_journal, new_manifest
from .lock import locked
from .observe import Observed, observe, read_manifest
from .program import turn_back
from .remove import plan_removal, remove
from .shield import interruptible
from .spec import Spec
from .stage import staged, sweep, validate


def run(spec: Spec, host: Host, check: bool = False) -> dict[str, Any]:
    """Bring a set to its state, or say what that would take, and return the task's result.

    Raises VigilError with every secret hidden; its details say whether the old set was put back.
    """
    host = replace(host, mask=spec.mask())
    try:
        with interruptible(), locked(host, spec, check):
            repaired = _pending(host, spec) if check else _recovered(host, spec)
            work = _absent if spec.state == "absent" else _present
            result = work(spec, host, check)
    except VigilError as error:
        raise type(error)(host.mask(str(error)), **_hidden(error.details, host.mask)) from error
    except OSError as error:
        what = f"{error.filename or 'A file'} could not be read or written: {error.strerror}."
        raise VigilError(host.mask(what)) from error
    result["changed"] = result["changed"] or (bool(repaired) and not check)
    return {**_hidden(result, host.mask), "repaired": repaired}


def _recovered(host: Host, spec: Spec) -> str:
    sweep(spec)
    return repair(host, spec)


def _pending(host: Host, spec: Spec) -> str:
    log = find_journal(host, spec)
    return f"The last run was cut off while {log.journal.state}; the next run outside check mode repairs that first." if log else ""


def _present(spec: Spec, host: Host, check: bool) -> dict[str, Any]:
    seen = observe(host, spec)
    if not check:
        _owners_are_there(seen)
    plan = plan_files(spec, seen)
    decision = decide_action(spec, seen, plan.changes)
    _unit_can_run(spec, seen, check)
    validated = []
    if plan.changes or seen.manifest is None:
        validated = _validated(spec, host, seen, plan, check)
    result = _result(seen, plan, decision, host.mask)
    result["validated"] = validated
    if not check:
        try:
            result["proof"] = _act(spec, host, seen, plan, decision)
        except VigilError as error:
            raise type(error)(str(error), **{**_told(result), **error.details}) from error
    return result


def _validated(spec: Spec, host: Host, seen: Observed, plan: Plan, check: bool) -> list[dict[str, Any]]:
    try:
        with staged(spec, seen, plan) as folder:
            return validate(host, spec, folder, check)
    except VigilError as error:
        if check or seen.link is None:
            raise
        turn_back(seen.link)
        raise type(error)(f"{error} The program is turned back to the version that runs, {seen.link.old}.", **error.details) from error


def _act(spec: Spec, host: Host, seen: Observed, plan: Plan, decision: Decision) -> list[dict[str, Any]]:
    if plan.changes or seen.link:
        return carry_out(host, spec, seen, plan, decision)
    read = act_only(host, spec, seen, decision) if _stirs(decision) else _look(spec, host, seen)
    manifest = new_manifest(spec, seen, plan, ())
    if read_manifest(host, spec) != {key: manifest[key] for key in ("files", "folders", "unit")}:
        os.makedirs(host.home(spec), mode=0o700, exist_ok=True)
        write_atomic(f"{host.home(spec)}/manifest.json", json.dumps(manifest, indent=1, sort_keys=True).encode(), 0o600)
    return read


def _look(spec: Spec, host: Host, seen: Observed) -> list[dict[str, Any]]:
    if seen.unit is None:
        return []
    return confirm(host, spec, seen.unit, Moment(restarts=seen.unit.restarts))


def _stirs(decision: Decision) -> bool:
    return decision.action != "none" or decision.enable is not None


def _absent(spec: Spec, host: Host, check: bool) -> dict[str, Any]:
    manifest = read_manifest(host, spec)
    if spec.unit is None and manifest and manifest["unit"]:
        spec = replace(spec, unit=manifest["unit"])
    seen = observe(host, replace(spec, files=()))
    gone, action, enable = plan_removal(spec, seen)
    result = _result(seen, Plan(gone), replace(action, enable=enable), host.mask)
    if not check:
        remove(host, spec, seen, gone, action, enable)
    result["changed"] = result["changed"] or manifest is not None
    return result


def _result(seen: Observed, plan: Plan, decision: Decision, mask: Mask) -> dict[str, Any]:
    return {
        "changed": bool(plan.changes) or _stirs(decision),
        "files": {
            "added": plan.paths("add"), "changed": plan.paths("change", "attributes"), "removed": plan.paths("remove"),
            "hand_edited": list(plan.hand_edited), "kept": list(plan.kept),
        },
        "diff": diff_of(plan.changes, seen, plan.hand_edited, mask),
        "action": decision.action, "reason": decision.reason, "enable": decision.enable, "validated": [], "proof": [],
        "rolled_back": False,
    }


def _told(result: dict[str, Any]) -> dict[str, Any]:
    return {key: result[key] for key in ("files", "diff", "validated", "action", "reason")}


def _owners_are_there(seen: Observed) -> None:
    for word, ids in (("owner", seen.uids), ("group", seen.gids)):
        missing = [name for name, number in ids.items() if number is None]
        if missing:
            raise InvalidInput(f"The {word} {', '.join(missing)} does not exist on this host. Create it first, or correct the option."
                               " Nothing was changed.")


def _unit_can_run(spec: Spec, seen: Observed, check: bool) -> None:
    """Refuse what systemctl would refuse later, before anything is touched. A bare host in check mode may lack the unit."""
    if seen.unit is None or spec.unit is None or spec.unit_state == "stopped":
        return
    if seen.unit.load == "masked":
        raise VigilError(f"{spec.unit} is masked and cannot be started. Unmask it with 'systemctl unmask {spec.unit}', or set"
                         " unit_state: stopped. Nothing was changed.")
    template = spec.unit.split("@")[0] + "@." + spec.unit.rpartition(".")[2] if "@" in spec.unit else spec.unit
    in_set = any(os.path.basename(item.dest) in (spec.unit, template) for item in spec.installed)
    if seen.unit.load == "not-found" and not in_set and not check:
        raise VigilError(f"There is no unit {spec.unit} on this host and no file of the set brings it. Install what it belongs to,"
                         " or correct the name. Nothing was changed.")


def _hidden(value: Any, mask: Mask) -> Any:
    if isinstance(value, str):
        return mask(value)
    if isinstance(value, dict):
        return {key: _hidden(item, mask) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_hidden(item, mask) for item in value]
    return value
