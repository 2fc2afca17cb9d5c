# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The checks of one host: ``vigil_checks`` of every group it is in and its own, which Ansible would let replace each other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ansible.inventory.group import Group
from ansible.inventory.helpers import sort_groups
from ansible.inventory.host import Host
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.vars.plugins import get_vars_from_inventory_sources, get_vars_from_path
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.defaults import DEFAULT_CHECKS
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.kinds import KINDS
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.spec import merge, parse
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.plain import plain

VARIABLE = "vigil_checks"
DEFAULTS = "vigil_default_checks"
Template = Callable[[Any], Any]


def host_checks(variables: Mapping[str, Any], template: Template) -> list[dict[str, Any]]:
    """Return the merged checks of the host that ``variables`` belong to, as an operator wrote them.

    Least first: Vigil's own (unless ``vigil_default_checks`` is false), the groups from `all` to the deepest (as Ansible orders them),
    the host, and what the play or the command line sets. Raises InvalidInput where they are no valid specification.
    """
    wanted = boolean(template(variables.get(DEFAULTS, True)))
    layers: list[tuple[str, Any]] = [(DEFAULTS, list(DEFAULT_CHECKS) if wanted else [])]
    layers += [(where, plain(template(value))) for where, value in _written(variables)]
    final = plain(template(variables.get(VARIABLE) or []))
    # Ansible's own answer is the last layer that was found in the inventory, unless something above the inventory was set.
    if final and final != layers[-1][1]:
        layers.append((VARIABLE, final))
    merged = merge([value for _where, value in layers], [where for where, _value in layers])
    parse(merged, KINDS)
    return merged


def _written(variables: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    hostvars = variables["hostvars"]
    inventory = hostvars._inventory
    host = inventory.get_host(variables["inventory_hostname"])
    for entity in [*sort_groups(host.get_groups()), host]:
        for found in _values(entity, inventory, hostvars._loader, str(variables.get("playbook_dir", ""))):
            kind = "host" if isinstance(entity, Host) else "group"
            yield f"{VARIABLE} of the {kind} {entity.name}", found


def _values(entity: Group | Host, inventory: Any, loader: Any, playbook_dir: str) -> Iterator[Any]:
    """The inventory file's own value, then group_vars or host_vars beside the inventory, then those beside the playbook."""
    sources = [
        entity.vars, get_vars_from_inventory_sources(loader, inventory._sources, [entity], "task"),
        get_vars_from_path(loader, playbook_dir, [entity], "task") if playbook_dir else {},
    ]
    seen: list[Any] = []
    for source in sources:
        value = source.get(VARIABLE)
        if value is not None and value not in seen:
            seen.append(value)
            yield value
