# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Calls the module once; a second time only where the controller had to download something for it."""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.model import VigilError
from ansible_collections.vigil.monitoring.plugins.plugin_utils.downloads import bring
from ansible_collections.vigil.monitoring.plugins.plugin_utils.verifying import begin, judge


class ActionModule(ActionBase):
    """See the module's documentation."""

    # A temporary folder is made only where the controller has downloaded something: it costs three calls.
    TRANSFERS_FILES = False
    _MODULE = "vigil.monitoring.component"

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Observe and act in one call; download on the controller and call again where the module asks for it."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        arguments = dict(self._task.args)
        verifying = begin(self, task_vars or {})
        answer = self._execute_module(module_name=self._MODULE, module_args=arguments, task_vars=task_vars)
        wanted = answer.pop("fetch", None)
        if wanted and not answer.get("failed"):
            answer = self._with_downloads(wanted, arguments, task_vars)
        answer.pop("invocation", None)
        result.update(judge(answer, verifying, "The component"))
        return result

    def _with_downloads(self, wanted: dict[str, Any], arguments: dict[str, Any], task_vars: dict[str, Any] | None) -> dict[str, Any]:
        try:
            arguments.update(bring(self, wanted, arguments))
            return dict(self._execute_module(module_name=self._MODULE, module_args=arguments, task_vars=task_vars))
        except VigilError as error:
            return {"failed": True, "msg": f"On the controller: {error}"}
        finally:
            self._remove_tmp_path(self._connection._shell.tmpdir)
