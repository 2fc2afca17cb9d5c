# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Decides what to take away: everything (state absent), or what a former install source left. Pure."""

from __future__ import annotations

from ..model import Step
from .host import CACHE
from .naming import home_of, record_of
from .spec import Options, Spec
from .state import Observed, Record


def retire(spec: Spec, observed: Observed, packages: tuple[str, ...]) -> list[Step]:
    """After a change of source: what the former source installed goes, once the new one is in place."""
    old = observed.record
    if old is None or not old.source or old.source == spec.source:
        return []
    why = f"the source changed from {old.source} to {spec.source}"
    names = {item.split("=")[0] for item in packages}
    gone = [name for name in _removable(old.packages, observed) if name not in names]
    steps = []
    if old.unit and old.unit != spec.unit and (old.unit in observed.units or gone):
        steps.append(Step("stop", f"{why}, {old.unit} is no longer its unit", {"unit": old.unit}))
    if gone:
        steps.append(Step("uninstall", f"{why}, {', '.join(gone)} is no longer needed", {"names": gone, "purge": False}))
    if old.source == "archive":
        steps += _archive(spec.name, observed, why)
    if old.source == "repository":
        steps += _remove([path for path in old.files if path in observed.files], why)
    return steps


def resolve_absent(spec: Spec, options: Options, packages: tuple[str, ...], observed: Observed) -> tuple[list[Step], list[str]]:
    """Steps that take the component away, and sentences about what is kept."""
    old = observed.record or Record(spec.name)
    why = f"component {spec.name} is to be absent"
    gone = [] if spec.shared_packages else _removable((*old.packages, *packages), observed)
    steps = [Step("stop", f"{why}, {unit} is its unit", {"unit": unit})
             for unit in _unique(old.unit, spec.unit) if unit in observed.units or gone]
    if gone:
        steps.append(Step("uninstall", f"{why}: {', '.join(gone)}", {"names": gone, "purge": options.purge}))
    steps += _archive(spec.name, observed, why)
    steps += _remove([path for path in (*old.files, *observed.files) if path in observed.files], why)
    folders, kept = _folders(spec, options, old, observed)
    steps += _remove(folders, why) + _cache(spec, observed, why)
    data = [item.path for item in spec.directories if item.data and item.path in observed.existing and item.path not in folders]
    account, stays = _account(spec, old, observed, why, data)
    steps += account
    if observed.record is not None:
        steps.append(Step("forget", f"{why}, {record_of(spec.name)} is its record"))
    return steps, [*kept, *stays]


def _archive(name: str, observed: Observed, why: str) -> list[Step]:
    ours = [path for path, target in observed.links.items() if target.startswith(home_of(name) + "/")]
    return _remove([*ours, *([home_of(name)] if home_of(name) in observed.existing else [])], why)


def _cache(spec: Spec, observed: Observed, why: str) -> list[Step]:
    folder = f"{CACHE}/{spec.name}"
    return _remove([folder] if folder in observed.existing else [], why)


def _remove(paths: list[str], why: str) -> list[Step]:
    return [Step("remove", f"{why}: {path}", {"path": path}) for path in _unique(*paths)]


def _removable(names: tuple[str, ...], observed: Observed) -> list[str]:
    taken = {item for other in observed.others for item in other.packages}
    plain = _unique(*(name.split("=")[0] for name in names))
    return [name for name in plain if name in observed.packages and name not in taken]


def _folders(spec: Spec, options: Options, old: Record, observed: Observed) -> tuple[list[str], list[str]]:
    gone, kept = [], []
    data = {item.path for item in spec.directories if item.data}
    for path in _unique(old.config_dir, spec.config_dir, *(item.path for item in spec.directories), *old.made_directories):
        if path not in observed.existing:
            continue
        user = _who_else(path, observed)
        if user:
            kept.append(f"{path} is kept: component {user} uses it.")
        elif path in data and not options.purge:
            kept.append(f"{path} is kept: it holds data, and purge is not set.")
        elif path in data or path in (old.config_dir, spec.config_dir) or path in old.made_directories:
            gone.append(path)
        else:
            kept.append(f"{path} is kept: it was there before this component.")
    inside = [path for path in gone if any(word.startswith(path + "/") for word in data if word in observed.existing and word not in gone)]
    kept += [f"{path} is kept: it holds a folder that is kept." for path in inside]
    return [path for path in gone if path not in inside], kept


def _who_else(path: str, observed: Observed) -> str:
    for other in observed.others:
        for used in (other.config_dir, *other.directories):
            if used and (used == path or used.startswith(path + "/") or path.startswith(used + "/")):
                return other.name
    return ""


def _account(spec: Spec, old: Record, observed: Observed, why: str, data: list[str]) -> tuple[list[Step], list[str]]:
    steps, kept = [], []
    tables = (("user", observed.users, old.made_users, spec.user), ("group", observed.groups, old.made_groups, spec.group))
    needed: list[str] = []
    for kind, there, made, asked in tables:
        for name in there:
            others = [other.name for other in observed.others if name in (other.user, other.group)]
            users = list(dict.fromkeys([*others, *observed.user_units.get(name, ()), *(needed if kind == "group" else ())]))
            if name not in made:
                kept += [f"{kind} {name} is kept: this component did not make it."] if name == asked else []
            elif users:
                kept.append(f"{kind} {name} is kept: {', '.join(users)} uses it.")
                needed = users
            else:
                steps.append(Step(f"remove_{kind}", f"{why}, {kind} {name} was made for it", {"name": name, "data": data}))
    return steps, kept


def _unique(*words: str) -> list[str]:
    return list(dict.fromkeys(word for word in words if word))
