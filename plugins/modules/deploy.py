#!/usr/bin/python
# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Install a component and land its configuration proven, in one remote call."""

from __future__ import annotations

DOCUMENTATION = r"""
module: deploy
short_description: Install a component and land its configuration proven, in one remote call
version_added: 0.1.0
author: The Vigil team (@vigil-monitoring)
description:
  - Does what M(vigil.monitoring.component) and then M(vigil.monitoring.service_config) do, in one remote call. For O(state=absent) the
    configuration goes first and the component after it.
  - The tags of the run choose the part. C(install) and C(<role>_install) mean the component only, C(configure), C(<role>_configure) and
    C(<role>_run) the configuration only, any other tag of the task both.
options:
  role:
    description: The name that the tags of a part begin with. This or O(declared) is needed.
    type: str
  state:
    description: Whether the service is deployed or removed.
    type: str
    choices: [present, absent]
    default: present
  component:
    description:
      - The options of M(vigil.monitoring.component), less its state.
      - Where they are not given, the variables of the role C(component) hold (C(component_keep), C(component_via) and the like).
    type: dict
  config:
    description: The options of M(vigil.monitoring.service_config), less its state.
    type: dict
  declared:
    description:
      - Roles of this collection whose services are deployed as they have it, all of them in the one call, instead of O(role) and its like.
      - An exporter's service follows from its options. Another role gives C(role), C(state), C(component) and C(config) as a variable
        C(__<role>_deployment).
      - The options of each role are checked against its argument spec first, as Ansible does where the role is used by itself.
      - The services are deployed in this order. One that fails keeps no other from its turn; the task fails in the end.
    type: list
    elements: str
  payload:
    description: What the action plugin makes of all this. Not for tasks.
    type: str
attributes:
  check_mode:
    description: As for the two modules.
    support: full
  diff_mode:
    description: As for the two modules.
    support: full
"""

EXAMPLES = r"""
- name: Deploy a service
  vigil.monitoring.deploy:
    role: shop
    component:
      spec: {name: shop, packages: [shop], unit: shop}
    config:
      name: shop
      unit: shop.service
      files:
        - dest: /etc/shop.yml
          template: shop.yml.j2
  tags: [shop, install, configure, shop_install, shop_configure]

- name: Deploy both exporters in one call
  vigil.monitoring.deploy:
    declared: [node_exporter, process_exporter]
"""

RETURN = r"""
component:
  description: The result of M(vigil.monitoring.component); null where the tags left it out.
  returned: always
  type: dict
files:
  description: This and all other values are those of M(vigil.monitoring.service_config).
  returned: when the configuration was asked for
  type: dict
services:
  description: The values of each service, by role, where O(declared) has several; the values above are then in there.
  returned: when O(declared) has several roles
  type: dict
"""

import json
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.vigil.monitoring.plugins.module_utils.ansible_io import run_module
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.deploy import deploy_each
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.model import InvalidInput

ARGUMENT_SPEC = {
    "role": {"type": "str"},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "component": {"type": "dict"},
    "config": {"type": "dict"},
    "declared": {"type": "list", "elements": "str"},
    "payload": {"type": "str", "no_log": True},
}


def work(params: dict[str, Any], check: bool) -> dict[str, Any]:
    """Carry out the payload. Raises InvalidInput where the module was called past its action plugin."""
    if not params["payload"]:
        raise InvalidInput("deploy needs its action plugin, which renders the files on the controller; call it as a task.")
    return {"services": deploy_each(json.loads(params["payload"]), check)}


def main() -> None:
    """Run as a module."""
    run_module(AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True), work)


if __name__ == "__main__":
    main()
