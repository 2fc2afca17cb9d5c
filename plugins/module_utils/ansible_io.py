# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Between a module and the package: the only util that imports ansible."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from .vigil.model import VigilError


def run_module(module: AnsibleModule, work: Callable[[dict[str, Any], bool], dict[str, Any]]) -> None:
    """Call ``work(params, check_mode)`` and end the module with its result, or with the error's own words."""
    try:
        result = work(module.params, module.check_mode)
    except VigilError as error:
        module.fail_json(msg=str(error), **error.details)
    else:
        module.exit_json(**result)
