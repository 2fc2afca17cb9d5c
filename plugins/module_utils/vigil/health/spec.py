# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The specification of an inventory's checks: merged by name, read into values, refused where it contradicts itself. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ..model import InvalidInput
from .kind import Kind, Option
from .model import Check
from .options import flag, nearest, read_options

DEFAULT_TIMEOUT = 5.0
_COMMON = (
    Option("description", "str", "What the check is for, for a person.", default=""),
    Option("advice", "str", "What to do when it fails; shown in place of the kind's own advice.", default=""),
    Option("interval", "duration", "Time between two looks.", default=10.0),
    Option("timeout", "duration", f"Time that one look may take; {DEFAULT_TIMEOUT:g} s, or a shorter interval.", default=None),
    Option("start_grace", "duration", "Time after the start of the watcher in which a failure does not count.", default=0.0),
    Option("rise", "int", "Good looks in a row that end a failure.", default=1),
    Option("fall", "int", "Failed looks in a row that make a failure.", default=1),
    Option("parents", "list", "Names of checks without which this one makes no sense: it is skipped while one of them fails.", default=()),
    Option("tags", "list", "Names by which checks are chosen.", default=()),
    Option("ready", "bool", "Whether a failure takes the host out of /health/ready.", default=True),
)
COMMON = Kind("check", "What every check has.", _COMMON, observe=None, decide=None, example="")  # type: ignore[arg-type]


def merge(layers: Iterable[Sequence[Mapping[str, Any]]], where: Iterable[str] = ()) -> list[dict[str, Any]]:
    """Merge lists of checks by name, later layers over earlier ones, option by option; a check with ``enabled: false`` is left out.

    ``where`` names each layer for the errors. A later layer that names another ``kind`` replaces the check as a whole.
    """
    names = list(where)
    merged: dict[str, dict[str, Any]] = {}
    for index, layer in enumerate(layers):
        source = names[index] if index < len(names) else "vigil_checks"
        for entry in _entries(layer, source):
            known = merged.get(entry["name"], {})
            replaced = "kind" in entry and entry["kind"] != known.get("kind", entry["kind"])
            merged[entry["name"]] = entry if replaced else {**known, **entry}
    return [entry for entry in merged.values() if _enabled(entry)]


def parse(entries: Sequence[Mapping[str, Any]], kinds: Mapping[str, Kind]) -> tuple[Check, ...]:
    """Read merged entries into checks, in an order in which parents come before their children.

    Raises InvalidInput for an unknown kind, option or unit, a threshold the wrong way round, an unknown parent, a cycle.
    """
    checks: dict[str, Check] = {}
    for entry in _entries(entries, "vigil_checks"):
        if entry["name"] in checks:
            raise InvalidInput(f"vigil_checks: the name {entry['name']} is there twice; give each check a name of its own.")
        checks[entry["name"]] = _check(entry, kinds)
    return _ordered(checks)


def _enabled(entry: Mapping[str, Any]) -> bool:
    try:
        return entry.get("enabled") is None or flag(entry["enabled"])
    except ValueError as error:
        raise InvalidInput(f"check {entry['name']}: enabled: {error}.")


def _entries(layer: Any, source: str) -> list[dict[str, Any]]:
    if not isinstance(layer, (list, tuple)):
        raise InvalidInput(f"{source}: {type(layer).__name__} was found, expected a list of checks, each with a name and a kind.")
    for entry in layer:
        if not isinstance(entry, Mapping) or not str(entry.get("name") or "").strip():
            raise InvalidInput(f"{source}: {entry!r} was found, expected a check with a name.")
    return [{**{str(key): value for key, value in entry.items()}, "name": str(entry["name"])} for entry in layer]


def _check(entry: Mapping[str, Any], kinds: Mapping[str, Kind]) -> Check:
    where = f"check {entry['name']}"
    name = str(entry.get("kind") or "")
    if name not in kinds:
        found = f"{name!r} is no kind of check" if name else "its kind is missing"
        raise InvalidInput(f"{where}: {found}{nearest(name, kinds)}")
    common = {option.name for option in _COMMON}
    given = {key: value for key, value in entry.items() if key not in ("name", "kind", "enabled")}
    shared = read_options(COMMON, {key: value for key, value in given.items() if key in common}, where)
    options = read_options(kinds[name], {key: value for key, value in given.items() if key not in common}, where, common)
    _refuse(shared, where)
    if shared["timeout"] is None:
        shared["timeout"] = min(DEFAULT_TIMEOUT, shared["interval"])
    return Check(str(entry["name"]), name, options, **shared)


def _refuse(shared: Mapping[str, Any], where: str) -> None:
    if shared["interval"] < 1:
        raise InvalidInput(f"{where}: interval is {shared['interval']:g} s, expected 1 s or more.")
    timeout = shared["timeout"]
    if timeout is not None and not 0 < timeout <= shared["interval"]:
        raise InvalidInput(f"{where}: timeout is {timeout:g} s, expected more than 0 and at most the interval ({shared['interval']:g} s).")
    for name in ("rise", "fall"):
        if shared[name] < 1:
            raise InvalidInput(f"{where}: {name} is {shared[name]}, expected 1 or more.")


def _ordered(checks: Mapping[str, Check]) -> tuple[Check, ...]:
    """Parents first, else as they were given; a path instead of recursion, for a chain may be longer than Python's stack."""
    done: dict[str, Check] = {}
    for name in checks:
        path = [] if name in done else [name]
        while path:
            waiting = next((parent for parent in checks[path[-1]].parents if parent not in done), None)
            if waiting is None:
                last = path.pop()
                done[last] = checks[last]
            else:
                path.append(_parent(waiting, checks, path))
    return tuple(done.values())


def _parent(name: str, checks: Mapping[str, Check], path: Sequence[str]) -> str:
    child = path[-1]
    if name not in checks:
        raise InvalidInput(f"check {child}: its parent {name} is no check of this host{nearest(name, checks)}")
    if name in path:
        circle = " -> ".join((*path[path.index(name):], name))
        raise InvalidInput(f"check {name}: its parents form a cycle: {circle}. Take one of these parents away.")
    return name
