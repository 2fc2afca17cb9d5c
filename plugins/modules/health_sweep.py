#!/usr/bin/python
# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The documentation of an action that runs on the controller only."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: health_sweep
short_description: Ask every health agent of the inventory at once, and report
version_added: 0.1.0
description:
  - The two halves of C(playbooks/health.yml), which is how it is meant to be used. With O(step=ask) every agent of the hosts of the play is
    asked over HTTPS from the controller, many at a time. With O(step=tell) what the agents told, and what M(vigil.monitoring.health_check)
    told over SSH of those that did not answer, becomes a table, a JSON document, a JUnit file and a page.
  - Runs on the controller only, makes no remote call of Ansible's, and changes nothing on any host.
  - Every option can be set as a variable too, by its name with C(health_) before it. A variable of that kind that is none of the options is
    refused.
options:
  step:
    description: C(ask) the agents, or C(tell) what was found. Both in one run, in this order.
    type: str
    choices: [ask, tell]
    required: true
  timeout:
    description: Seconds that one agent may take in all, from the look-up of its name to the last byte of its answer.
    type: float
    default: 5
  retries:
    description: How often an agent that told nothing is asked again, each time with a new O(timeout).
    type: int
    default: 0
  concurrency:
    description: How many agents are asked at the same time. The limit of open files (C(ulimit -n)) bounds it too.
    type: int
    default: 200
  answer_limit:
    description: The largest answer that is read, in bytes.
    type: int
    default: 1048576
  ssh:
    description: Whether hosts whose agent told nothing are asked over SSH.
    type: bool
    default: true
  ssh_max:
    description:
      - How many hosts are asked over SSH at most. SSH takes seconds a host and C(forks) hosts at a time; where half of a large fleet is
        silent, that half is a network's problem, and the first hosts show it.
    type: int
    default: 200
  ssh_timeout:
    description: Seconds that one host may take over SSH. C(playbooks/health.yml) reads it as C(health_ssh_timeout).
    type: int
    default: 30
  detail:
    description: V(problems) lists what is not well and counts the rest; V(all) lists every check of every host, in the table and the page.
    type: str
    choices: [problems, all]
    default: problems
  lines:
    description: How many lines of problems the table has at most. The files have all of them.
    type: int
    default: 40
  reports:
    description: The files to write.
    type: list
    elements: str
    choices: [json, junit, html]
    default: [json, junit, html]
  report_dir:
    description:
      - The folder on the controller for the files, and for what is remembered from sweep to sweep.
      - By default C({{ inventory_dir }}/.vigil/health).
    type: str
    default: ""
  fail_on:
    description:
      - What makes the run end with a failure, each level with all before it. V(never), V(fail) a check fails, V(unseen) a host told nothing
        at all, V(unknown) nobody can tell how a check is, V(warn) a check warns.
    type: str
    choices: [never, fail, unseen, unknown, warn]
    default: fail
attributes:
  check_mode:
    description: It asks and prints as ever, and writes no file.
    support: full
author:
  - The Vigil team (@vigil-monitoring)
"""

EXAMPLES = r"""
- name: Ask every agent from here
  vigil.monitoring.health_sweep:
    step: ask
    timeout: 3
  run_once: true
"""

RETURN = r"""
silent:
  description: With O(step=ask), the hosts whose agent told nothing.
  type: list
  elements: str
  returned: success
over_ssh:
  description: With O(step=ask), those of them that are to be asked over SSH.
  type: list
  elements: str
  returned: success
state:
  description: With O(step=tell), the worst state of any host.
  type: str
  returned: always
states:
  description: With O(step=tell), how many hosts are in which state.
  type: dict
  returned: always
files:
  description: With O(step=tell), the files that were written, by their form.
  type: dict
  returned: always
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule

OPTIONS: dict[str, dict[str, Any]] = {
    "step": {"type": "str", "choices": ["ask", "tell"], "required": True},
    "timeout": {"type": "float", "default": 5.0},
    "retries": {"type": "int", "default": 0},
    "concurrency": {"type": "int", "default": 200},
    "answer_limit": {"type": "int", "default": 1048576},
    "ssh": {"type": "bool", "default": True},
    "ssh_max": {"type": "int", "default": 200},
    "ssh_timeout": {"type": "int", "default": 30},
    "detail": {"type": "str", "choices": ["problems", "all"], "default": "problems"},
    "lines": {"type": "int", "default": 40},
    "reports": {"type": "list", "elements": "str", "choices": ["json", "junit", "html"], "default": ["json", "junit", "html"]},
    "report_dir": {"type": "str", "default": ""},
    "fail_on": {"type": "str", "choices": ["never", "fail", "unseen", "unknown", "warn"], "default": "fail"},
}


def main() -> None:
    """Say that this runs on the controller only."""
    module = AnsibleModule(argument_spec=OPTIONS, supports_check_mode=True)
    module.fail_json(msg="vigil.monitoring.health_sweep runs on the controller only, as an action. Call it from a playbook's task.")


if __name__ == "__main__":
    main()
