# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of the collection's roles, read from their argument specs, and whether given values are of their types."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any

import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible.plugins.action import ActionBase
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.model import InvalidInput
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.plain import plain

ROLES = os.path.join(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))), "roles")


def role_names() -> list[str]:
    """Return the names of the collection's roles, sorted."""
    return sorted(os.listdir(ROLES))


def options_of(role: str) -> dict[str, Any]:
    """Return the options of a role's entry points, each with its specification. Raises InvalidInput where it has none."""
    path = os.path.join(ROLES, role, "meta", "argument_specs.yml")
    if not os.path.exists(path):
        raise InvalidInput(f"The role {role!r} has no meta/argument_specs.yml below {ROLES}, which is where its options are looked up.")
    with open(path, "rb") as handle:
        document = yaml.load(handle, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    points = (document or {}).get("argument_specs") or {}
    return {name: option for point in points.values() for name, option in (point.get("options") or {}).items()}


def options_of_all() -> Iterator[str]:
    """Return the names of the options of all roles."""
    for role in role_names():
        if os.path.exists(os.path.join(ROLES, role, "meta", "argument_specs.yml")):
            yield from options_of(role)


def values_of(action: ActionBase, role: str, variables: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of a role's options in their types. Raises InvalidInput as Ansible's own check of a role's arguments says it."""
    specs = options_of(role)
    values, wrong = checked_values(specs, action._templar.template({name: variables[name] for name in specs if name in variables}))
    if wrong:
        raise InvalidInput("\n".join(["Validation of arguments failed:", *wrong]))
    return values


def checked_values(specs: Mapping[str, Any], given: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """Return the values of a role's options in their types, and what is wrong with them in the words of Ansible's own check."""
    checked = ArgumentSpecValidator(dict(specs)).validate(dict(given), validate_role_argument_spec=True)
    values = {name: plain(value) for name, value in checked.validated_parameters.items()}
    # A path is the managed host's; the check filled in home and environment of the controller.
    paths = {name: plain(given[name]) for name, spec in specs.items() if spec.get("type") == "path" and name in given}
    return {**values, **paths}, list(checked.error_messages)
