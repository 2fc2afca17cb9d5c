# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The service that a role of the collection declares: its options, checked, made into what the action deploy asks for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.action import ActionBase
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.agent import service as agent
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.certificates.store import Store
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.exporters.roles import EXPORTERS, Given, deployment
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.model import InvalidInput, VigilError
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.plain import plain
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.users.book import password
from ansible_collections.vigil.monitoring.plugins.plugin_utils.checks import host_checks
from ansible_collections.vigil.monitoring.plugins.plugin_utils.documents import as_yaml
from ansible_collections.vigil.monitoring.plugins.plugin_utils.package_files import package_files
from ansible_collections.vigil.monitoring.plugins.plugin_utils.role_options import values_of

_SHARED = {"host": "inventory_hostname", "tls": "vigil_tls", "tls_dir": "vigil_tls_dir", "mirror_url": "vigil_mirror_url"}


def declared(action: ActionBase, role: str, variables: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options role, state, component and config of the action deploy. Raises AnsibleActionFail for bad input."""
    try:
        given = values_of(action, role, variables).items()
        options = {name[len(role) + 1:]: value for name, value in given if name.startswith(f"{role}_")}
        if role == "health_agent":
            return agent.deployment(options, _of_the_agent(action, variables), package_files(agent.PARTS))
        if role not in EXPORTERS or f"__{role}" not in variables:
            expected = "Its role is expected in the play, at least with tasks_from: options."
            raise InvalidInput(f"declared: {role} has no service here. {expected}")
        made = deployment(Given(role, options, plain(variables[f"__{role}"]), _shared(action, variables)))
    except VigilError as error:
        raise AnsibleActionFail(str(error)) from error
    # The package knows no YAML: a file's document becomes its content here.
    return {**made, "config": {**made["config"], "files": [_written(item) for item in made["config"]["files"]]}}


def _shared(action: ActionBase, variables: Mapping[str, Any]) -> dict[str, Any]:
    given = plain(action._templar.template({key: variables[name] for key, name in _SHARED.items()}))
    return {**given, "tls": bool(boolean(given["tls"]))}


def _of_the_agent(action: ActionBase, variables: Mapping[str, Any]) -> dict[str, Any]:
    shared = _shared(action, variables)
    secrets = plain(action._templar.template(variables["vigil_secrets_dir"]))
    token = password(Store(secrets), "machine", "agent") if shared["tls"] else ""
    return {**shared, "token": token, "checks": host_checks(variables, action._templar.template)}


def _written(item: Mapping[str, Any]) -> dict[str, Any]:
    kept = {key: value for key, value in item.items() if key != "document"}
    return {**kept, "content": as_yaml(item["document"])} if "document" in item else kept
