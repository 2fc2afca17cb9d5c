# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The filter unit_file: a thin door to the package's function of the same name."""

from __future__ import annotations

DOCUMENTATION = r"""
name: unit_file
author: The Vigil team (@vigil-monitoring)
version_added: 0.1.0
short_description: Renders a hardened systemd service unit or a drop-in
description:
  - Returns the text of a service unit with a hardening that suits a service without privileges.
  - Arguments of the command reach the program exactly as given; percent and dollar signs, blanks and quotes are escaped.
options:
  _input:
    description:
      - A dictionary. C(exec) (list, required) is the program's absolute path and its arguments.
      - C(description), C(user), C(group) are text; C(reload) is a command as a list, in which C($MAINPID) is the service's process.
      - C(environment) is a dictionary; C(capabilities) lists what the service holds, by default nothing.
      - C(writable) lists the paths that the service may write.
      - C(hardening) replaces single directives of the hardening; an empty (null) value leaves the directive out.
      - C(unit) and C(service) add directives to these sections, written as they are.
      - C(drop_in), when true, gives a drop-in which replaces the command and environment of the distribution's unit.
      - Any other key is refused.
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Show a unit
  ansible.builtin.debug:
    msg: "{{ unit | vigil.monitoring.unit_file }}"
  vars:
    unit:
      exec: [/usr/local/bin/node_exporter, "--web.listen-address=:9100"]
      user: node_exporter
"""

RETURN = r"""
_value:
  description: The text of the unit file, ready to be written.
  type: str
"""

from collections.abc import Callable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.model import VigilError
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.plain import plain
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.unit_file import unit_file


def _unit_file(options: Mapping[str, Any]) -> str:
    try:
        return unit_file(plain(options))
    except VigilError as error:
        raise AnsibleFilterError(str(error)) from error


class FilterModule:
    """What ansible-core asks for."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by name."""
        return {"unit_file": _unit_file}
