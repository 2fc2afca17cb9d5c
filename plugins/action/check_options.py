# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Refuse variables that look like a role's options and are none, and wrong types where asked to. Makes no remote call."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.model import VigilError
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.options import Mistyped, mistyped
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.plain import plain
from ansible_collections.vigil.monitoring.plugins.modules.check_options import OPTIONS
from ansible_collections.vigil.monitoring.plugins.plugin_utils.role_options import options_of, options_of_all, role_names, values_of


class ActionModule(ActionBase):
    """The controller's side of vigil.monitoring.check_options, which is all of it."""

    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        result: dict[str, Any] = super().run(tmp, task_vars)
        _checked, params = self.validate_argument_spec(argument_spec=OPTIONS)
        try:
            wrong = _wrong(params, task_vars or {})
            if not wrong and params["types"]:
                values_of(self, plain(params["role"]), task_vars or {})
        except VigilError as error:
            return {**result, "failed": True, "msg": str(error)}
        if wrong:
            return {**result, "failed": True, "msg": _message(wrong), "mistyped": [one.name for one in wrong]}
        return {**result, "changed": False}


def _wrong(params: dict[str, Any], task_vars: dict[str, Any]) -> list[Mistyped]:
    role: str = plain(params["role"])
    return mistyped(
        _names(task_vars),
        role,
        _options_of(role, everywhere=bool(params["prefixes"])),
        prefixes=plain(params["prefixes"]),
        longer_roles=[name for name in role_names() if name.startswith(f"{role}_")],
        allowed=plain(params["allow"]),
    )


def _message(wrong: list[Mistyped]) -> str:
    return " ".join(str(one) if str(one).endswith(("?", ".")) else f"{one}." for one in wrong) + (
        " Mend the name, or list it in vigil_options_allow where the variable is yours."
    )


def _names(task_vars: dict[str, Any]) -> Iterator[str]:
    yield from task_vars
    hostvars = task_vars.get("hostvars")
    for host in task_vars.get("ansible_play_hosts_all", ()) if hostvars is not None else ():
        # The raw form: no value is templated, only names are read.
        found: Iterable[str] = hostvars.raw_get(host)
        yield from found


def _options_of(role: str, everywhere: bool) -> frozenset[str]:
    known = frozenset(options_of(role))
    # Names with a prefix of the whole collection (`vigil_`) are spread over its roles.
    return known | frozenset(options_of_all()) if everywhere else known
