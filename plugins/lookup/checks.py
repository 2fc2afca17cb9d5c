# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The checks of a host, merged by name from its groups and its own variables."""

from __future__ import annotations

DOCUMENTATION = r"""
---
name: checks
short_description: The health checks of a host, merged by name from its groups and its own variables
version_added: 0.1.0
description:
  - Ansible lets C(vigil_checks) of a host replace that of its groups. This lookup merges them by the checks' names, option by option, so
    that a group declares a check and a host changes one number of it, or takes it away with C(enabled=false).
  - Least first come Vigil's own checks (unless C(vigil_default_checks) is false), the groups from C(all) to the deepest, the host, and what
    a play or the command line sets.
  - A specification that contradicts itself is refused with a sentence.
options:
  _terms:
    description: Nothing.
    type: list
    elements: str
author:
  - The Vigil team (@vigil-monitoring)
"""

EXAMPLES = r"""
- name: Show what is watched on each host
  ansible.builtin.debug:
    msg: "{{ query('vigil.monitoring.checks') }}"
"""

RETURN = r"""
_raw:
  description: The checks, each with its name, its kind and its options.
  type: list
  elements: dict
"""

from typing import Any

from ansible.errors import AnsibleError
from ansible.plugins.lookup import LookupBase
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.model import VigilError
from ansible_collections.vigil.monitoring.plugins.plugin_utils.checks import host_checks


class LookupModule(LookupBase):
    """What ansible loads."""

    def run(self, terms: list[Any], variables: Any = None, **kwargs: Any) -> list[dict[str, Any]]:
        """Return the merged checks."""
        try:
            return host_checks(variables, self._templar.template)
        except VigilError as error:
            raise AnsibleError(str(error)) from None
