# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The values that groups and hosts of the inventory give one variable, which Ansible would let replace each other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ansible.inventory.group import Group
from ansible.inventory.host import Host
from ansible.vars.plugins import get_vars_from_inventory_sources, get_vars_from_path


def values(variable: str, entity: Group | Host, inventory: Any, loader: Any, playbook_dir: str) -> Iterator[Any]:
    """The inventory file's own value, then group_vars or host_vars beside the inventory, then those beside the playbook."""
    sources = [
        entity.vars, get_vars_from_inventory_sources(loader, inventory._sources, [entity], "task"),
        get_vars_from_path(loader, playbook_dir, [entity], "task") if playbook_dir else {},
    ]
    seen: list[Any] = []
    for source in sources:
        value = source.get(variable)
        if value is not None and value not in seen:
            seen.append(value)
            yield value


def named(variable: str, entity: Group | Host) -> str:
    """Where a value was found, for a person."""
    return f"{variable} of the {'host' if isinstance(entity, Host) else 'group'} {entity.name}"
