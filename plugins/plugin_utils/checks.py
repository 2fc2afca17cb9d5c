# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The checks of one host: ``vigil_checks`` of every group it is in and its own, which Ansible would let replace each other."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from ansible.inventory.helpers import sort_groups
from ansible.module_utils.parsing.convert_bool import boolean
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.defaults import DEFAULT_CHECKS
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.kinds import KINDS
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.spec import merge, parse
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.plain import plain
from ansible_collections.vigil.monitoring.plugins.plugin_utils.layers import named, values

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
        for found in values(VARIABLE, entity, inventory, hostvars._loader, str(variables.get("playbook_dir", ""))):
            yield named(VARIABLE, entity), found
