# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The documentation of an action that runs on the controller only."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: check_options
short_description: Refuse variables that look like a role's options and are none
version_added: 0.1.0
description:
  - A mistyped option would be ignored in silence. This finds variables that begin with the name of a role and an underscore and are no
    option of it in its C(meta/argument_specs.yml), and fails with the nearest name that is one.
  - Runs on the controller only and makes no remote call. It reads names, and values only where O(types) is true.
  - It looks at the variables of the host it runs for and of all hosts of the play, so once a play is enough (C(run_once)).
options:
  role:
    description: A role of this collection.
    type: str
    required: true
  prefixes:
    description:
      - How names begin that belong to the role. Where empty, the role's name and an underscore.
      - Where given, an option of any role of this collection is known.
    type: list
    elements: str
    default: []
  allow:
    description: Names that are the operator's own in spite of the prefix.
    type: list
    elements: str
    default: []
  types:
    description:
      - Whether the values of the role's own options are checked against their types too, for the host it runs for.
      - Ansible does that by itself for an entry point C(main), on each host in turn.
    type: bool
    default: false
author:
  - The Vigil team (@vigil-monitoring)
"""

EXAMPLES = r"""
- name: Refuse mistyped options
  vigil.monitoring.check_options:
    role: prometheus
    allow: "{{ vigil_options_allow }}"
  run_once: true
"""

RETURN = r"""
mistyped:
  description: The variables that are no option.
  type: list
  elements: str
  returned: failure
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule

OPTIONS: dict[str, dict[str, Any]] = {
    "role": {"type": "str", "required": True},
    "prefixes": {"type": "list", "elements": "str", "default": []},
    "allow": {"type": "list", "elements": "str", "default": []},
    "types": {"type": "bool", "default": False},
}


def main() -> None:
    """Say that this runs on the controller only."""
    module = AnsibleModule(argument_spec=OPTIONS, supports_check_mode=True)
    module.fail_json(msg="vigil.monitoring.check_options runs on the controller only, as an action. Call it from a playbook's task.")


if __name__ == "__main__":
    main()
