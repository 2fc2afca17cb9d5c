# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hands the host the checks that the inventory has for it, and runs the module of the same name."""

from __future__ import annotations

import json
from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.model import VigilError
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.plain import plain
from ansible_collections.vigil.monitoring.plugins.plugin_utils.checks import host_checks


class ActionModule(ActionBase):
    """One remote call. A specification that contradicts itself fails before the host is asked."""

    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the module's result."""
        result = dict(super().run(tmp, task_vars))
        arguments = dict(self._task.args)
        try:
            checks = arguments.pop("checks", None)
            if checks is None:
                checks = host_checks(task_vars or {}, self._templar.template)
            arguments["payload"] = json.dumps(plain(checks))
        except VigilError as error:
            return {**result, "failed": True, "msg": str(error)}
        result.update(self._execute_module(module_name="vigil.monitoring.health_check", module_args=arguments, task_vars=task_vars))
        return result
