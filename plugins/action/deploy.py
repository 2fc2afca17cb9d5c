# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Render the configuration on the controller, and hand it to the host together with the component: one call."""

from __future__ import annotations

import json
from typing import Any

from ansible.errors import AnsibleActionFail
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator
from ansible_collections.vigil.monitoring.plugins.action.service_config import ActionModule as ConfigAction
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.model import VigilError
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.parts import asked_parts
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.plain import plain
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.service_config.payload import encode
from ansible_collections.vigil.monitoring.plugins.modules.component import ARGUMENT_SPEC as COMPONENT_SPEC
from ansible_collections.vigil.monitoring.plugins.modules.deploy import ARGUMENT_SPEC
from ansible_collections.vigil.monitoring.plugins.plugin_utils.downloads import bring
from ansible_collections.vigil.monitoring.plugins.plugin_utils.verifying import begin, flag, judge

# Variables of the role component that hold for every component of a host.
_SHARED = {
    "component_keep": "keep", "component_via": "via", "component_download_headers": "headers", "component_download_tries": "tries",
    "component_download_timeout": "timeout", "component_lock_timeout": "lock_timeout",
}


class ActionModule(ConfigAction):
    """One call; a second one only where the controller had to download something."""

    def run(self, tmp: Any = None, task_vars: Any = None) -> dict[str, Any]:
        """Return the module's result. Bad input fails before the host is asked."""
        variables = task_vars or {}
        verifying = begin(self, variables)
        args = _checked(ARGUMENT_SPEC, self._task.args, "")
        run, skip = variables.get("ansible_run_tags", ["all"]), variables.get("ansible_skip_tags", [])
        parts = asked_parts(run, skip, self._task.tags, args["role"])
        component = self._component(args, variables) if "install" in parts else None
        config = self.prepared({**args["config"], "state": args["state"]}, variables) if "configure" in parts else None
        packed = {"state": config["state"], "payload": encode(config)} if config else None
        result = self._called(args, component, packed, variables)
        return judge(result, verifying, f"The service {args['role']}")

    def _component(self, args: dict[str, Any], variables: dict[str, Any]) -> dict[str, Any]:
        shared = {option: self._templar.template(variables[name]) for name, option in _SHARED.items() if name in variables}
        state = "absent" if args["state"] == "absent" else "latest" if flag(self, variables, "vigil_upgrade") else "present"
        return dict(plain(_checked(COMPONENT_SPEC, {**shared, **args["component"], "state": state}, "component: ")))

    def _called(self, args: dict[str, Any], component: Any, packed: Any, variables: dict[str, Any]) -> dict[str, Any]:
        result = self._once(args, component, packed, variables)
        wanted = result.pop("fetch", None)
        if not wanted or result.get("failed"):
            return result
        try:
            return self._once(args, {**component, **bring(self, wanted, component)}, packed, variables)
        except VigilError as error:
            return {"failed": True, "msg": f"On the controller: {error}"}
        finally:
            self._remove_tmp_path(self._connection._shell.tmpdir)

    def _once(self, args: dict[str, Any], component: Any, packed: Any, variables: dict[str, Any]) -> dict[str, Any]:
        arguments = {
            "role": plain(args["role"]), "state": plain(args["state"]), "component": {}, "config": {},
            "payload": json.dumps({"component": component, "config": packed}),
        }
        return dict(self._execute_module("vigil.monitoring.deploy", module_args=arguments, task_vars=variables))


def _checked(spec: dict[str, Any], args: dict[str, Any], where: str) -> dict[str, Any]:
    checked = ArgumentSpecValidator(spec).validate(dict(args))
    if checked.error_messages:
        raise AnsibleActionFail(where + " ".join(checked.error_messages))
    return dict(checked.validated_parameters)
