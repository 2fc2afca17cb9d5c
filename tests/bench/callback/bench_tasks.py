# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Notes when each task of a run starts and to which role it belongs, one JSON object a line, in the file $VIGIL_BENCH_TASKS."""

from __future__ import annotations

import json
import os
import time
from typing import Any

from ansible.plugins.callback import CallbackBase

DOCUMENTATION = r"""
name: bench_tasks
type: aggregate
short_description: Notes when each task starts, for the benchmark
description: Writes one JSON object a task to the file that the environment names.
options: {}
"""


class CallbackModule(CallbackBase):
    """What ansible loads."""

    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "aggregate"
    CALLBACK_NAME = "bench_tasks"
    CALLBACK_NEEDS_ENABLED = True

    def v2_playbook_on_start(self, playbook: Any) -> None:
        self._note("", "parse the playbook")

    def v2_playbook_on_play_start(self, play: Any) -> None:
        self._note("", f"start the play {play.get_name()}")

    def v2_playbook_on_task_start(self, task: Any, is_conditional: bool) -> None:
        self._note(role_of(task), str(task.get_name(include_role_fqcn=False)))

    def v2_playbook_on_stats(self, stats: Any) -> None:
        self._note("", "end")

    def _note(self, role: str, task: str) -> None:
        line = json.dumps({"at": time.time(), "role": role, "task": task})
        with open(os.environ["VIGIL_BENCH_TASKS"], "a", encoding="utf-8") as handle:
            handle.write(line + "\n")


def role_of(task: Any) -> str:
    """The role of the play that a task runs for: a role that another one imports or depends on counts for that one."""
    role = getattr(task, "_role", None)
    while role is not None and role._parents:
        role = role._parents[-1]
    return str(role.get_name()).rpartition(".")[2] if role is not None else ""
