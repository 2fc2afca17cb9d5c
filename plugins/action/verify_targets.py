# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the module of the same name and prints its table."""

from __future__ import annotations

from typing import Any

from ansible.plugins.action import ActionBase
from ansible.utils.display import Display


class ActionModule(ActionBase):
    """One remote call; the table goes to the person who runs the playbook, also where a target is missing."""

    _supports_check_mode = True

    def run(self, tmp: str | None = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the module's result."""
        result = dict(super().run(tmp, task_vars))
        result.update(self._execute_module(module_name="vigil.monitoring.verify_targets", task_vars=task_vars))
        if result.get("table"):
            Display().display("\n" + result["table"] + "\n")
        return result
