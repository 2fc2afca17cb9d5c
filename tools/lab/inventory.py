# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The part of YAML that the lab reads from an inventory (maps, scalars, comments), so that it needs no library.

Two template forms are resolved: ``{{ name }}`` of a variable of ``all`` and
``{{ lookup('env', 'NAME') | default('value', true) }}``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from tools.lab.base import LabError

LINE = re.compile(r"^(?P<indent> *)(?P<key>\"[^\"]*\"|'[^']*'|[^\s:#'\"][^:#]*?)\s*:(?:\s+(?P<value>.*?))?\s*$")
ENV = re.compile(r"\{\{ *lookup\( *'env', *'(\w+)' *\) *\| *default\( *'([^']*)', *true *\) *\}\}")
VARIABLE = re.compile(r"\{\{ *(\w+) *\}\}")


def parse(text: str) -> dict[str, Any]:
    """Maps of maps of scalars. Anything else is refused with its line number."""
    root: dict[str, Any] = {}
    stack: list[tuple[int, dict[str, Any]]] = [(-1, root)]
    for number, line in enumerate(text.splitlines(), 1):
        bare = line.rstrip()
        if not bare.strip() or bare.lstrip().startswith("#") or bare.strip() == "---":
            continue
        match = LINE.match(_uncomment(bare))
        if not match:
            raise LabError(f"Line {number} of the inventory is beyond what the lab reads (maps and scalars only): {bare.strip()}")
        indent = len(match["indent"])
        while stack[-1][0] >= indent:
            stack.pop()
        key, value = _scalar(match["key"]), match["value"]
        if value:
            stack[-1][1][str(key)] = {} if value == "{}" else _scalar(value)
        else:
            stack[-1][1][str(key)] = child = dict[str, Any]()
            stack.append((indent, child))
    return root


def _uncomment(line: str) -> str:
    return re.sub(r"\s+#(?=[^'\"]*$).*$", "", line)


def _scalar(text: str) -> str | bool:
    if text[:1] in "'\"" and text[-1:] == text[:1]:
        return text[1:-1]
    return {"true": True, "false": False}.get(text, text)


def resolve(value: str, variables: Mapping[str, Any], environment: Mapping[str, str]) -> str:
    """Replace the two template forms; any other template is refused."""
    for _depth in range(3):
        value = VARIABLE.sub(lambda match: str(variables.get(match[1], match[0])), value)
        value = ENV.sub(lambda match: environment.get(match[1]) or match[2], value)
    if "{{" in value:
        raise LabError(f"The lab cannot resolve `{value}`: it knows variables of `all` and lookup('env', ...) | default('...', true).")
    return value


def load(text: str, environment: Mapping[str, str]) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    """Return the lab's variables of ``all``, and of each host its variables with the list of its groups."""
    top = parse(text).get("all", {})
    common = dict(top.get("vars", {}))
    hosts: dict[str, dict[str, Any]] = {}
    _walk("all", top, hosts)
    wanted = ("lab_name", "lab_subnet")
    seen = {name: resolve(str(common[name]), common, environment) for name in wanted if name in common}
    for values in hosts.values():
        for name, value in values.items():
            if isinstance(value, str) and (name == "ansible_host" or name.startswith("lab_")):
                values[name] = resolve(value, common, environment)
    return seen, hosts


def _walk(group: str, tree: Mapping[str, Any], hosts: dict[str, dict[str, Any]]) -> None:
    for name, values in (tree.get("hosts") or {}).items():
        entry = hosts.setdefault(name, {"groups": []})
        entry.update(values or {})
        if group != "all":
            entry["groups"].append(group)
    for child, below in (tree.get("children") or {}).items():
        _walk(child, below or {}, hosts)
