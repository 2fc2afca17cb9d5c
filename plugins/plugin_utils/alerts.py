# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The alert rules of an inventory: the catalogue, with what groups and hosts override in it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import yaml
from ansible.inventory.helpers import sort_groups
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.alerts import expected, overrides, parse, render, slo
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.alerts.model import Area, Rule
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.plain import plain
from ansible_collections.vigil.monitoring.plugins.plugin_utils.layers import named, values

Template = Callable[[Any], Any]
Layers = list[tuple[str, Any]]
# The parser in C is ten times faster, and there on every usual controller.
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
FOLDER = Path(__file__).resolve().parents[2] / "roles" / "prometheus" / "files" / "rules"


def catalogue() -> tuple[Area, ...]:
    """Read the catalogue that comes with the collection."""
    return parse.catalogue(yaml.load(path.read_text(encoding="utf-8"), Loader=_LOADER) for path in sorted(FOLDER.glob("*.yml")))


def rules(variables: Mapping[str, Any], template: Template, discovery: Mapping[str, Any], version: str, runbooks: str) -> dict[str, Any]:
    """Return Prometheus' rules document for the inventory that ``variables`` belong to.

    ``discovery`` is the content of each targets file by its job. Raises InvalidInput for overrides and objectives that are wrong.
    """
    areas = catalogue()
    known = {rule.id: rule for rule in parse.rules(areas)}
    everywhere, hosts = _overrides(variables, template, known)
    slos = slo.parse(plain(template(variables.get(slo.VARIABLE) or [])))
    settings = render.Settings(everywhere, hosts, version, runbooks)
    return {"groups": [*expected.group(plain(discovery)), *slo.group(slos), *render.groups(areas, settings)]}


def _overrides(
    variables: Mapping[str, Any], template: Template, known: Mapping[str, Rule]
) -> tuple[overrides.Overrides, dict[str, overrides.Overrides]]:
    """Merge the layers of all (and of the command line), and with these the layers of each host that has any of its own."""
    hostvars = variables["hostvars"]
    inventory, loader = hostvars._inventory, hostvars._loader
    playbook_dir = str(variables.get("playbook_dir", ""))
    cache: dict[str, Layers] = {}

    def of(entity: Any) -> Layers:
        name = named(overrides.VARIABLE, entity)
        if name not in cache:
            found = values(overrides.VARIABLE, entity, inventory, loader, playbook_dir)
            cache[name] = [(name, plain(template(value))) for value in found]
        return cache[name]

    chains = {host.name: [of(entity) for entity in [*sort_groups(host.get_groups()), host]] for host in inventory.get_hosts(pattern="all")}
    common = of(inventory.groups["all"])
    last = _last(variables, template, chains.get(variables["inventory_hostname"], []))
    hosts = {}
    for host, chain in chains.items():
        layers = [layer for found in chain for layer in found]
        if len(layers) > len(common):
            hosts[str(host)] = overrides.merge([*layers, *last], known)
    return overrides.merge([*common, *last], known), hosts


def _last(variables: Mapping[str, Any], template: Template, chain: list[Layers]) -> Layers:
    """What a play or the command line sets: Ansible's own answer, where it is not the last one found in the inventory."""
    final = plain(template(variables.get(overrides.VARIABLE) or {}))
    found = [value for layers in chain for _where, value in layers]
    return [(overrides.VARIABLE, final)] if final and final != (found[-1] if found else None) else []
