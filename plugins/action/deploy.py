# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Render configurations on the controller, and hand them to the host together with their components: one call."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.vigil.monitoring.plugins.action.service_config import ActionModule as ConfigAction
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.deploy import together
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.model import VigilError
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.parts import asked_parts
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.plain import plain
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.service_config.payload import encode, thin
from ansible_collections.vigil.monitoring.plugins.modules.component import ARGUMENT_SPEC as COMPONENT_SPEC
from ansible_collections.vigil.monitoring.plugins.modules.deploy import ARGUMENT_SPEC
from ansible_collections.vigil.monitoring.plugins.plugin_utils.declared import declared
from ansible_collections.vigil.monitoring.plugins.plugin_utils.downloads import bring
from ansible_collections.vigil.monitoring.plugins.plugin_utils.verifying import begin, flag, judge

# Variables of the role component that hold for every component of a host.
_SHARED = {
    "component_keep": "keep", "component_via": "via", "component_download_headers": "headers", "component_download_tries": "tries",
    "component_download_timeout": "timeout", "component_lock_timeout": "lock_timeout",
}
_SERVICE = {key: {**ARGUMENT_SPEC[key], "required": key != "state"} for key in ("role", "state", "component", "config")}
_DECLARED = {"declared": ARGUMENT_SPEC["declared"]}

Service = dict[str, Any]


class ActionModule(ConfigAction):
    """One call; another one only where the controller had to download something, or to send a large set as a whole."""

    def run(self, tmp: Any = None, task_vars: Any = None) -> dict[str, Any]:
        """Return the module's result. Bad input of any service fails before the host is asked for anything."""
        variables = task_vars or {}
        verifying = begin(self, variables)
        given = self._given(variables)
        packed = [service for one in given if (service := self._packed(one, [other["role"] for other in given], variables))]
        if not packed:
            return {"changed": False, "skipped": True, "skip_reason": "The tags of the run leave nothing of it."}
        called, results = self._called(packed, variables)
        judged = {role: judge(result, verifying, f"The service {role}") for role, result in results.items()}
        return {**called, **(together(judged) if len(given) > 1 else next(iter(judged.values()), {}))}

    def _given(self, variables: dict[str, Any]) -> list[Service]:
        """The services of the task: its own options, or what roles declare."""
        if self._task.args.get("declared") is None:
            return [_checked(_SERVICE, self._task.args, "")]
        roles = _checked(_DECLARED, self._task.args, "")["declared"]
        return [declared(self, plain(role), variables) for role in roles]

    def _packed(self, service: Service, roles: Sequence[str], variables: dict[str, Any]) -> Service | None:
        """What the module needs of a service: its two parts, each None where the tags of the run leave it out."""
        run, skip = variables.get("ansible_run_tags", ["all"]), variables.get("ansible_skip_tags", [])
        others = [role for role in roles if role != service["role"]]
        parts = asked_parts(run, skip, self._task.tags, service["role"], others)
        component = self._component(service, variables) if "install" in parts else None
        config = self.prepared({**service["config"], "state": service["state"]}, variables) if "configure" in parts else None
        return {"role": plain(service["role"]), "component": component, "config": config} if parts else None

    def _component(self, service: Service, variables: dict[str, Any]) -> dict[str, Any]:
        shared = {option: self._templar.template(variables[name]) for name, option in _SHARED.items() if name in variables}
        state = "absent" if service["state"] == "absent" else "latest" if flag(self, variables, "vigil_upgrade") else "present"
        return dict(plain(_checked(COMPONENT_SPEC, {**shared, **service["component"], "state": state}, "component: ")))

    def _called(self, services: Sequence[Service], variables: dict[str, Any]) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
        """Return what the module said of the call, and of each service by role; nothing of any where the call itself failed."""
        said = self._once([{**service, "config": _packed(service["config"], whole=False)} for service in services], variables)
        results = said.pop("services", {})
        return said, {one["role"]: self._fetched(one, results[one["role"]], variables) for one in services if one["role"] in results}

    def _fetched(self, service: Service, result: dict[str, Any], variables: dict[str, Any]) -> dict[str, Any]:
        """Return the result; where the controller is to bring or send something first, that of another call."""
        whole = {**service, "config": _packed(service["config"], whole=True)}
        if result.pop("resend", False):
            result = self._again(whole, variables)
        wanted = result.pop("fetch", None)
        if not wanted or result.get("failed"):
            return result
        try:
            return self._again({**whole, "component": {**service["component"], **bring(self, wanted, service["component"])}}, variables)
        except VigilError as error:
            return {"failed": True, "msg": f"On the controller: {error}"}
        finally:
            self._remove_tmp_path(self._connection._shell.tmpdir)

    def _again(self, service: Service, variables: dict[str, Any]) -> dict[str, Any]:
        said = self._once([service], variables)
        return dict(said.get("services", {}).get(service["role"], said))

    def _once(self, services: Sequence[Service], variables: dict[str, Any]) -> dict[str, Any]:
        arguments = {"declared": [service["role"] for service in services], "payload": json.dumps(services)}
        return dict(self._execute_module("vigil.monitoring.deploy", module_args=arguments, task_vars=variables))


def _packed(config: dict[str, Any] | None, *, whole: bool) -> dict[str, Any] | None:
    """The set as the host takes it: a large one by its digests, unless it is asked for as a whole."""
    if config is None:
        return None
    digests = None if whole else thin(config)
    return {"state": config["state"], "thin": digests is not None, "payload": encode(digests or config)}


def _checked(spec: Mapping[str, Any], args: Mapping[str, Any], where: str) -> dict[str, Any]:
    checked = ArgumentSpecValidator(dict(spec)).validate(dict(args))
    if checked.error_messages:
        raise AnsibleActionFail(where + " ".join(checked.error_messages))
    return dict(checked.validated_parameters)
