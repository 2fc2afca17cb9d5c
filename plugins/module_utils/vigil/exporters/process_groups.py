# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Groups of processes, as process-exporter reads them.

process-exporter (0.7 and 0.8 alike) can tell processes apart by name, program and command line; the first rule that matches names the
group. It cannot match a cgroup or a unit, but the group's name is a Go template that sees the process's cgroups. So a group by
cgroup or unit becomes a condition in the names of all the rules behind it, and the order of the list stays what it says.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from ..model import InvalidInput

_MATCHERS = ("comm", "exe", "cmdline")
_PLACES = ("cgroup", "unit")
_PLAIN_NAME = re.compile(r"[^{}\\\"`\n\r]+")
_UNIT = re.compile(r"[A-Za-z0-9:_.@\\-]+\.(service|scope)")
# Processes with a command line: the kernel's own threads have none.
_EVERYTHING = {"cmdline": [".+"]}
OTHERS = {"comm": "{{.Comm}}", "exe": "{{.ExeBase}}", "other": "other", "none": ""}


def process_groups(groups: Sequence[Mapping[str, Any]], others: str = "comm") -> dict[str, Any]:
    """Return process-exporter's configuration for ``groups``, in order; the first group that matches a process has it.

    Each group: ``name`` and what finds its processes: any of ``comm`` (name in /proc/PID/stat, 15 characters), ``exe`` (program, with or
    without path) and ``cmdline`` (RE2, all must match), which hold together; or ``unit`` (a systemd service or scope) or ``cgroup`` (a
    path and what is below it), alone. Each takes one text or a list. ``others``: a key of OTHERS, how every other process is grouped.
    Raises InvalidInput for a group that process-exporter would refuse or never fill.
    """
    rules: list[dict[str, Any]] = []
    places: list[str] = []
    for number, group in enumerate(groups, start=1):
        parsed = _parse(group, number)
        place = _place(parsed)
        if place:
            places.append(place)
        else:
            rules.append({**_matchers(parsed), "name": _name(places, parsed["name"])})
    return {"process_names": rules + _rest(others, places, bool(rules))}


def _rest(others: str, places: Sequence[str], watched: bool) -> list[dict[str, Any]]:
    """Return the rule for processes of no group by name, program or command line. Those of a unit are found by it too."""
    if others != "none":
        return [{**_EVERYTHING, "name": _name(places, OTHERS[others])}]
    if places:
        raise InvalidInput(
            "process_exporter_groups has groups by unit or cgroup, for which every process must be looked at, and "
            "process_exporter_others is none. Set it to other: all other processes are one group then."
        )
    if not watched:
        raise InvalidInput("process_exporter_groups is empty and process_exporter_others is none: no process would be watched. Set one.")
    return []


def _parse(group: Mapping[str, Any], number: int) -> dict[str, Any]:
    where = f"process_exporter_groups, entry {number}"
    unknown = sorted(set(group) - {"name", *_MATCHERS, *_PLACES})
    if unknown:
        raise InvalidInput(f"{where} has {', '.join(unknown)}; a group has a name and comm, exe, cmdline, cgroup or unit.")
    if not isinstance(group.get("name"), str) or not group["name"]:
        raise InvalidInput(f"{where} has no name.")
    parsed = {key: _texts(group[key], f"{where} ({group['name']}), {key}") for key in (*_MATCHERS, *_PLACES) if group.get(key)}
    places = [key for key in _PLACES if key in parsed]
    if not parsed or (places and len(parsed) > 1):
        raise InvalidInput(f"{where} ({group['name']}) needs comm, exe or cmdline (any of them together), or unit or cgroup alone.")
    if places and not _PLAIN_NAME.fullmatch(group["name"]):
        raise InvalidInput(f"{where}: the name of a group by unit or cgroup cannot be a template, found {group['name']!r}.")
    return {"name": group["name"], **parsed}


def _texts(value: Any, where: str) -> list[str]:
    texts = [value] if isinstance(value, str) else value
    if not isinstance(texts, (list, tuple)) or not all(isinstance(text, str) and text for text in texts):
        raise InvalidInput(f"{where}: expected a text or a list of texts, found {value!r}.")
    return [str(text) for text in texts]


def _matchers(group: Mapping[str, Any]) -> dict[str, Any]:
    for name in group.get("comm", []):
        if len(name.encode()) > 15:
            raise InvalidInput(
                f"The group {group['name']} looks for the process name {name!r}; the kernel keeps 15 characters of it. "
                f"Write {name[:15]!r}, or use exe or cmdline."
            )
    return {key: group[key] for key in _MATCHERS if key in group}


def _place(group: Mapping[str, Any]) -> str:
    """Return the part of a Go template that puts a process into the group by its cgroups; "" for a group found by other means."""
    found = "{{$group = " + json.dumps(group["name"]) + "}}"
    conditions = [_ends_with(f"/{_unit_name(unit)}", found) for unit in group.get("unit", [])]
    conditions += [_is_or_below(_cgroup_path(path), found) for path in group.get("cgroup", [])]
    return "{{if not $group}}{{range .Cgroups}}" + "".join(conditions) + "{{end}}{{end}}" if conditions else ""


def _unit_name(unit: str) -> str:
    name = unit if "." in unit else f"{unit}.service"
    if not _UNIT.fullmatch(name):
        raise InvalidInput(
            f"{unit!r} is not the name of a systemd service or scope such as 'nginx.service'. For a slice, or a service with control "
            f"groups of its own below it, give its path as cgroup, such as '/user.slice'."
        )
    return name


def _cgroup_path(path: str) -> str:
    bare = path.rstrip("/")
    if not bare.startswith("/") or not _PLAIN_NAME.fullmatch(bare.replace("\\", "")):
        raise InvalidInput(f"{path!r} is not the path of a control group: it starts with / and is not the root.")
    return bare


def _is_or_below(path: str, then: str) -> str:
    below = f'{{{{if eq (printf "%.{len(path) + 1}s" .) {json.dumps(path + "/")}}}}}{then}{{{{end}}}}'
    return f"{{{{if eq . {json.dumps(path)}}}}}{then}{{{{end}}}}{below}"


def _ends_with(text: str, then: str) -> str:
    """Compare the end of a path. Go templates cannot subtract: the rest behind the first N bytes is as long as what is to be skipped."""
    size = len(text.encode())
    return f"{{{{if ge (len .) {size}}}}}{{{{if eq (slice . (len (slice . {size}))) {json.dumps(text)}}}}}{then}{{{{end}}}}{{{{end}}}}"


def _name(places: Sequence[str], otherwise: str) -> str:
    if not places:
        return otherwise
    return '{{$group := ""}}' + "".join(places) + "{{if $group}}{{$group}}{{else}}" + otherwise + "{{end}}"
