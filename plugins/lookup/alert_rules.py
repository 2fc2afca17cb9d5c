# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The alert rules of an inventory, as one rules document of Prometheus."""

from __future__ import annotations

DOCUMENTATION = r"""
---
name: alert_rules
short_description: The alert rules of an inventory, as one rules document of Prometheus
version_added: 0.1.0
description:
  - Renders the catalogue of alert rules with what the inventory says about it.
  - C(vigil_alert_overrides) of the group C(all) holds for every host; that of other groups and of hosts for those hosts alone. Layers are
    merged rule by rule and threshold by threshold. A rule or a threshold that does not exist is refused with the nearest name.
  - C(vigil_slos) is a list of service level objectives.
options:
  _terms:
    description: The targets files' content by job, as the filter C(prometheus_discovery) gives it.
    type: list
    elements: dict
  version:
    description: Prometheus' version; C(keep_firing_for) is left out for one older than 2.42. Empty for one that is new enough.
    type: str
    default: ''
  runbooks:
    description: Address of the folder with the runbooks.
    type: str
    default: https://github.com/vigil-monitoring/vigil/blob/main/docs/runbooks
author:
  - The Vigil team (@vigil-monitoring)
"""

EXAMPLES = r"""
- name: Show the alert rules
  ansible.builtin.debug:
    msg: "{{ lookup('vigil.monitoring.alert_rules') }}"
"""

RETURN = r"""
_raw:
  description: One document with C(groups).
  type: list
  elements: dict
"""

from typing import Any

from ansible.errors import AnsibleError
from ansible.plugins.lookup import LookupBase
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.model import VigilError
from ansible_collections.vigil.monitoring.plugins.plugin_utils.alerts import rules


class LookupModule(LookupBase):
    """What ansible loads."""

    def run(self, terms: list[Any], variables: Any = None, **kwargs: Any) -> list[dict[str, Any]]:
        """Return the document."""
        self.set_options(var_options=variables, direct=kwargs)
        version, runbooks = str(self.get_option("version")), str(self.get_option("runbooks"))
        try:
            return [rules(variables, self._templar.template, terms[0] if terms else {}, version, runbooks)]
        except VigilError as error:
            raise AnsibleError(str(error)) from None
