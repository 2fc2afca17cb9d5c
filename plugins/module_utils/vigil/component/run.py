# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One component from options to result: parse, observe, decide, act."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from ..model import VigilError
from . import account, remove
from .host import CACHE, OPT, RUNTIME, STATE, Host
from .naming import links_of, packages_for, record_of
from .observe import observe
from .platform import Platform, observe_platform
from .resolve import Plan, resolve
from .retire import resolve_absent
from .spec import Options, Spec, parse_options, parse_spec
from .state import Observed, Record


def run(params: Mapping[str, Any], check: bool, host: Host | None = None) -> dict[str, Any]:
    """Bring one component to its state and return the module's result. In check mode only the plan is made."""
    spec, options, host = parse_spec(params["spec"]), parse_options(params), host or Host()
    platform = observe_platform(host)
    observed, plan = _look(host, spec, options, platform, check)
    if check or not plan.steps:
        return report(host, spec, options, platform, observed, plan)
    wanted = _from_controller(options, plan)
    if wanted:
        return {**report(host, spec, options, platform, observed, plan), "changed": False, "fetch": wanted}
    with lock(host, spec.name, options.lock_timeout):
        observed, plan = _look(host, spec, options, platform, check)
        _act(host, spec, options, platform, observed, plan)
    seen, _none = _look(host, spec, replace(options, state="present") if options.state == "latest" else options, platform, True)
    return report(host, spec, options, platform, seen, plan)


def _look(host: Host, spec: Spec, options: Options, platform: Platform, check: bool) -> tuple[Observed, Plan]:
    names: tuple[str, ...] = ()
    if spec.source != "archive":
        try:
            names = packages_for(spec, platform)
        except VigilError:
            if options.state != "absent":
                raise
    observed = observe(host, spec, options, platform, names, not check)
    if options.state != "absent":
        return observed, resolve(spec, options, platform, observed)
    steps, kept = resolve_absent(spec, options, names, observed)
    return observed, Plan(tuple(steps), Record(spec.name), tuple(kept))


def _from_controller(options: Options, plan: Plan) -> dict[str, Any]:
    """What the controller must bring before anything is done here."""
    wanted: dict[str, Any] = {}
    for step in plan.steps if options.via == "controller" else ():
        if step.kind == "download" and not options.archive_path:
            wanted["archive"] = dict(step.params)
        if step.kind == "repository" and step.params["key_url"] and not options.key_content:
            wanted["key"] = step.params["key_url"]
    return wanted


def _act(host: Host, spec: Spec, options: Options, platform: Platform, observed: Observed, plan: Plan) -> None:
    # Imported here because its downloader costs a run with nothing to do a third of its time.
    from .act import Work, act

    work = Work(host, spec, options, platform)
    for step in plan.steps:
        if step.kind == "record":
            _write_record(host, spec, observed, plan, work.keys)
        else:
            act(work, step)
    if options.state == "absent":
        for folder in (STATE, CACHE, OPT, os.path.dirname(STATE)):
            remove.remove_if_empty(host, folder)


def _write_record(host: Host, spec: Spec, before: Observed, plan: Plan, keys: Mapping[str, str]) -> None:
    record = plan.record
    old = before.record or Record(spec.name)
    fresh = [item.path for item in spec.directories if item.path not in before.directories]
    record = replace(
        record,
        made_users=_made(record.made_users, before.users, spec.user, account.user_exists),
        made_groups=_made(record.made_groups, before.groups, spec.group, account.group_exists),
        made_directories=tuple(sorted({*old.made_directories, *fresh})),
    )
    record = replace(record, files={**record.files, **keys})
    host.folder(STATE, 0o700)
    host.write(record_of(spec.name), json.dumps(record.as_dict(), indent=1, sort_keys=True).encode() + b"\n", 0o600)


def _made(made: tuple[str, ...], before: tuple[str, ...], name: str, exists: Callable[[str], bool]) -> tuple[str, ...]:
    """Names that we, or a package that we installed, brought into being."""
    fresh = [name] if name and name not in before and exists(name) else []
    return tuple(sorted({*(item for item in made if exists(item)), *fresh}))


@contextmanager
def lock(host: Host, name: str, patience: int) -> Iterator[None]:
    """Keep a second run on the same component out; it waits ``patience`` seconds at most."""
    host.folder(RUNTIME, 0o700)
    handle = os.open(host.path(f"{RUNTIME}/{name}.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        deadline = host.system.monotonic() + patience
        while not _locked(handle):
            if host.system.monotonic() >= deadline:
                holder = os.pread(handle, 32, 0).decode().strip() or "unknown"
                raise VigilError(
                    f"Another run (process {holder} on this host) works on component {name} and did not end within {patience} s. "
                    f"Nothing was changed. Wait for it, or end it, then run again."
                )
            host.system.sleep(0.25)
        os.ftruncate(handle, 0)
        os.pwrite(handle, str(os.getpid()).encode(), 0)
        yield
    finally:
        os.close(handle)


def _locked(handle: int) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def report(host: Host, spec: Spec, options: Options, platform: Platform, observed: Observed, plan: Plan) -> dict[str, Any]:
    """The module's result."""
    lines = [f"{step.kind}: {step.reason}" for step in plan.steps]
    present = options.state != "absent"
    programs = _programs(host, spec) if present else {}
    kinds = {step.kind for step in plan.steps}
    return {
        "changed": bool(plan.steps),
        "plan": [{"kind": step.kind, "reason": step.reason} for step in plan.steps],
        "kept": list(plan.kept),
        "program_changed": bool(kinds & {"packages", "unpack", "switch"}),
        "source": spec.source,
        "version": _version(spec, observed, plan) if present else "",
        "programs": programs,
        "program": next(iter(programs.values()), ""),
        "unit": spec.unit,
        "platform": platform.as_dict(),
        "diff": {"prepared": "\n".join([*lines, *plan.kept, ""]) if lines else ""},
    }


def _programs(host: Host, spec: Spec) -> dict[str, str]:
    if spec.source == "archive":
        return {os.path.basename(path): path for path in links_of(spec)}
    names = [os.path.basename(item) for item in spec.programs]
    folders = ("/usr/bin", "/usr/sbin")
    return {name: next((f"{folder}/{name}" for folder in folders if host.exists(f"{folder}/{name}")), f"/usr/bin/{name}") for name in names}


def _version(spec: Spec, observed: Observed, plan: Plan) -> str:
    if spec.source == "archive":
        return spec.version
    return observed.packages.get(next(iter(plan.record.packages), ""), spec.version)
