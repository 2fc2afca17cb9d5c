# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looks at the host, and changes nothing. Costs at most one process (dpkg-query or rpm) and no network request."""

from __future__ import annotations

import os
import stat
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from .account import folder_of, group_exists, user_exists
from .guard import left_mask
from .host import CACHE, STATE, Host
from .naming import digest, home_of, links_of, record_of, repository_files
from .packages import observe_candidates, observe_packages
from .platform import Platform
from .spec import Options, Spec
from .stamp import STAMP, file_sha256, fingerprint
from .state import Observed, Record, Unpacked


def observe(host: Host, spec: Spec, options: Options, platform: Platform, packages: Sequence[str], refresh: bool) -> Observed:
    """Everything the resolver asks about. ``refresh`` (state latest outside check mode) may refresh the package manager's lists."""
    raw = host.json(record_of(spec.name))
    record = Record.from_dict(raw) if raw is not None else None
    old = record or Record(spec.name)
    names = list(dict.fromkeys([*(item.split("=")[0] for item in packages), *old.packages]))
    home = home_of(spec.name)
    return Observed(
        packages=observe_packages(host, platform, names),
        candidates=observe_candidates(host, platform, names, refresh) if options.state == "latest" and names else {},
        versions=_versions(host, spec),
        current=os.path.basename(host.link(f"{home}/current") or ""),
        links={path: _link(host, path) for path in {*links_of(spec), *old.links}},
        leftovers=tuple(f"{home}/{name}" for name in host.names(home) if name.startswith(".")),
        mask_left=left_mask(host, spec.unit),
        users=tuple(name for name in sorted({spec.user, *old.made_users}) if name and user_exists(name)),
        groups=tuple(name for name in sorted({spec.group, *old.made_groups}) if name and group_exists(name)),
        directories={item.path: found for item in spec.directories if (found := folder_of(host, item.path)) is not None},
        files=_files(host, spec, options, platform, old),
        record=record,
        others=_others(host, spec.name),
        user_units=_user_units(host, old.made_users, {spec.unit, old.unit}) if options.state == "absent" and old.made_users else {},
        units=tuple(unit for unit in sorted({spec.unit, old.unit}) if unit and host.exists(f"/etc/systemd/system/{unit}")),
        existing=_existing(host, spec, old),
    )


def _link(host: Host, path: str) -> str:
    target = host.link(path)
    return target if target is not None else ("file" if host.exists(path) else "")


def _versions(host: Host, spec: Spec) -> dict[str, Unpacked]:
    found = {}
    for name in host.names(home_of(spec.name)):
        folder = f"{home_of(spec.name)}/{name}"
        if name.startswith(".") or host.link(folder) is not None:
            continue
        stamp = host.json(f"{folder}/{STAMP}") or {}
        fault = _fault(host, spec, folder, stamp) if name == spec.version and spec.source == "archive" else ""
        found[name] = Unpacked(str(stamp.get("sha256", "")), str(stamp.get("url", "")), fault, _chosen(host, f"{folder}/{STAMP}"))
    return found


def _chosen(host: Host, stamp: str) -> float:
    """When a version was last made the current one: the time of its stamp."""
    try:
        return os.stat(host.path(stamp)).st_mtime
    except FileNotFoundError:
        return 0.0


def _fault(host: Host, spec: Spec, folder: str, stamp: Mapping[str, Any]) -> str:
    programs = stamp.get("programs") or {}
    if not programs:
        return "it has no stamp"
    for program in spec.programs:
        known, path = programs.get(program), host.path(f"{folder}/{program}")
        if known is None:
            return f"{program} is not in its stamp"
        if not os.path.isfile(path):
            return f"{program} is missing"
        if not os.stat(path).st_mode & stat.S_IXUSR:
            return f"{program} cannot be executed"
        now = fingerprint(path)
        same = all(known.get(key) == value for key, value in now.items())
        if not same and (known.get("size") != now["size"] or known.get("sha256") != file_sha256(path)):
            return f"{program} is not the file that was installed"
    return ""


def _files(host: Host, spec: Spec, options: Options, platform: Platform, old: Record) -> dict[str, str]:
    paths = set(old.files)
    if spec.source == "repository" and options.state != "absent":
        paths |= set(repository_files(spec, platform, options)[:2])
    contents = {path: host.system.read(host.path(path)) for path in paths}
    return {path: digest(content) for path, content in contents.items() if content is not None}


def _others(host: Host, name: str) -> tuple[Record, ...]:
    names = [item for item in host.names(STATE) if item.endswith(".json") and item != f"{name}.json"]
    return tuple(Record.from_dict(raw) for raw in (host.json(f"{STATE}/{item}") for item in names) if raw)


def _user_units(host: Host, users: Sequence[str], own: Collection[str]) -> dict[str, tuple[str, ...]]:
    """For each user the units, other than the component's own, that run as it."""
    found: dict[str, list[str]] = {}
    for folder in ("/etc/systemd/system", "/usr/lib/systemd/system"):
        for name in host.names(folder):
            if not name.endswith(".service") or name in own or host.link(f"{folder}/{name}") is not None:
                continue
            content = host.system.read(host.path(f"{folder}/{name}")) or b""
            for user in users:
                if f"\nUser={user}\n".encode() in content:
                    found.setdefault(user, []).append(name)
    return {user: tuple(dict.fromkeys(names)) for user, names in found.items()}


def _existing(host: Host, spec: Spec, old: Record) -> tuple[str, ...]:
    paths = [home_of(spec.name), f"{CACHE}/{spec.name}", spec.config_dir, old.config_dir]
    paths += [*(item.path for item in spec.directories), *old.directories, *old.made_directories]
    return tuple(path for path in dict.fromkeys(paths) if path and host.exists(path))
