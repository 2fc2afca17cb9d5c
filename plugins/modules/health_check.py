#!/usr/bin/python
# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run a host's health checks once, or until they hold."""

from __future__ import annotations

DOCUMENTATION = r"""
module: health_check
short_description: Run the health checks of a host, once or until they hold
version_added: 0.1.0
author: The Vigil team (@vigil-monitoring)
description:
  - Looks at every check of the host, parents first, each within its own deadline, and fails where one is not as wanted.
  - A check is C(pass), C(warn), C(fail), C(unknown) or C(skipped). Unknown means that the checker could not look; it is never taken for a
    failure unless O(fail_on=unknown).
  - Changes nothing. Rise and fall counts are for the agent, which looks again and again; O(retries) and O(stable_for) serve here.
options:
  checks:
    description:
      - The checks, each with C(name), C(kind) and the options of its kind, as documented in docs/checks.
      - Without it the host's C(vigil_checks), merged by name from its groups and its own variables.
    type: list
    elements: dict
  tags:
    description: Look only at checks with one of these tags, and at their parents.
    type: list
    elements: str
    default: []
  names:
    description: Look only at the checks of these names, and at their parents.
    type: list
    elements: str
    default: []
  fail_on:
    description:
      - What fails the task. V(fail) is failed checks only, V(warn) warnings too, V(unknown) is the strictest and takes unknown too.
    type: str
    choices: [fail, warn, unknown, never]
    default: fail
  retries:
    description: How many bad rounds more are allowed after the first one.
    type: int
    default: 0
  delay:
    description: Seconds between two rounds.
    type: float
    default: 2
  stable_for:
    description: Seconds that all checks have to stay well before the task ends. A bad round in between counts, and the time starts anew.
    type: float
    default: 0
  payload:
    description: What the controller makes of O(checks), as they may hold passwords. Leave it alone.
    type: str
    default: ""
attributes:
  check_mode:
    description: It only reads, so it does the same in check mode.
    support: full
  diff_mode:
    description: There is nothing to show.
    support: none
"""

EXAMPLES = r"""
- name: Is this host as the inventory wants it?
  vigil.monitoring.health_check:

- name: After a restart the service has to come up within a minute, and stay up for ten seconds
  vigil.monitoring.health_check:
    names: [web]
    retries: 30
    delay: 2
    stable_for: 10

- name: Checks of this task only
  vigil.monitoring.health_check:
    checks:
      - {name: ssh, kind: tcp, port: 22, expect: '^SSH-2'}
"""

RETURN = r"""
healthy:
  description: Whether no check is in a state that O(fail_on) takes for a failure.
  returned: always
  type: bool
summary:
  description: The counts in words, and a line for each check that did not pass, with what to do next.
  returned: always
  type: str
reason:
  description: Why the task ended with this verdict.
  returned: always
  type: str
counts:
  description: How many checks are in each state.
  returned: always
  type: dict
results:
  description:
    - Every check of the last round, with C(name), C(kind), C(state), C(summary), C(observed), C(unit), C(expected), C(advice), C(duration),
      C(at), C(tags), C(ready) and C(values).
  returned: always
  type: list
  elements: dict
rounds:
  description: How often all checks were looked at.
  returned: always
  type: int
waited:
  description: Seconds until the verdict.
  returned: always
  type: float
"""

import json
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.vigil.monitoring.plugins.module_utils.ansible_io import run_module
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.task import check, read
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.system import System

ARGUMENT_SPEC: dict[str, Any] = {
    "checks": {"type": "list", "elements": "dict"},
    "payload": {"type": "str", "default": "", "no_log": True},
    "tags": {"type": "list", "elements": "str", "default": []},
    "names": {"type": "list", "elements": "str", "default": []},
    "fail_on": {"type": "str", "choices": ["fail", "warn", "unknown", "never"], "default": "fail"},
    "retries": {"type": "int", "default": 0},
    "delay": {"type": "float", "default": 2},
    "stable_for": {"type": "float", "default": 0},
}


def main() -> None:
    """Parse, observe, decide; there is nothing to act on."""
    module = AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)

    def work(params: dict[str, Any], check_mode: bool) -> dict[str, Any]:
        checks = json.loads(params["payload"]) if params["payload"] else params["checks"]
        return check(System(), read({**params, "checks": checks}))

    run_module(module, work)


if __name__ == "__main__":
    main()
