# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""With ``vigil_verify`` a task only looks, and a host that differs from the inventory fails."""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from typing import Any

from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.action import ActionBase

_LINES = 60


def begin(action: ActionBase, variables: dict[str, Any]) -> bool:
    """Put the task into check mode where the run verifies, and say whether it does."""
    verifying = flag(action, variables, "vigil_verify")
    if verifying:
        action._task.check_mode = True
        action._task.diff = True
    return verifying


def flag(action: ActionBase, variables: dict[str, Any], name: str) -> bool:
    """Return a variable that is true or false; given on the command line it is text."""
    return bool(boolean(action._templar.template(variables.get(name, False))))


def judge(result: dict[str, Any], verifying: bool, what: str) -> dict[str, Any]:
    """Turn a difference into a failure where the run verifies."""
    if not verifying or result.get("failed") or not result.get("changed"):
        return result
    steps = (result.get("component") or result).get("plan") or []
    told = [str(step["reason"]) for step in steps] + ([str(result["reason"])] if result.get("reason") else [])
    files = [path for paths in (result.get("files") or {}).values() for path in paths]
    where = f" Files: {', '.join(sorted(set(files)))}." if files else ""
    message = f"{what} differs from what the inventory asks for: {'; '.join(told)}.{where} Run playbooks/site.yml to bring it back."
    # Ansible drops the diff of a task that failed, so the difference goes into the words.
    return {**result, "failed": True, "changed": False, "msg": "\n".join([message, *_differences(result.get("diff") or [])][:_LINES])}


def _differences(diffs: Any) -> Iterator[str]:
    for item in diffs if isinstance(diffs, list) else [diffs]:
        before, after = (str(item.get(side) or "").splitlines() for side in ("before", "after"))
        yield from difflib.unified_diff(before, after, str(item.get("before_header", "")), str(item.get("after_header", "")), "", "", 1, "")
