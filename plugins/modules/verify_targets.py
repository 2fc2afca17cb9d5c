#!/usr/bin/python
# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ask a live Prometheus whether it sees what the inventory asks for."""

from __future__ import annotations

DOCUMENTATION = r"""
module: verify_targets
short_description: Compare the targets of a live Prometheus with those that the inventory asks for
version_added: 0.1.0
author: The Vigil team (@vigil-monitoring)
description:
  - Reads the targets and the versions from the API of a Prometheus server on the host and compares them with what is expected.
  - Waits until every expected target is up, or fails with a sentence for each one that is not.
  - Changes nothing. As an action it prints a table of all targets.
options:
  url:
    description: Where the server answers on its host, without a path.
    type: str
    required: true
  expected:
    description: The content of the targets files by the name of their job, in file_sd's form.
    type: dict
    required: true
  timeout:
    description: Seconds to wait for targets that are not up yet.
    type: int
    default: 60
  ca:
    description: Path on the host of the authority's certificate.
    type: path
  cert:
    description: Path on the host of the client certificate.
    type: path
  key:
    description: Path on the host of the client certificate's key.
    type: path
  username:
    description: Name for basic authentication.
    type: str
  password:
    description: Password for basic authentication.
    type: str
attributes:
  check_mode:
    description: It only reads, so it does the same in check mode.
    support: full
"""

EXAMPLES = r"""
- name: Prove that Prometheus sees every node exporter of the inventory
  vigil.monitoring.verify_targets:
    url: http://127.0.0.1:9090
    expected:
      node:
        - targets: [10.0.0.1:9100]
          labels: {host: web1}
"""

RETURN = r"""
targets:
  description: One entry a target, with C(host), C(job), C(address), C(state), C(version) and C(note).
  returned: always
  type: list
  elements: dict
table:
  description: The targets as a table of text.
  returned: always
  type: str
waited:
  description: Seconds until the verdict.
  returned: always
  type: float
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.vigil.monitoring.plugins.module_utils.ansible_io import run_module
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.prometheus.verify import parse, verify
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.system import System


def main() -> None:
    """Parse, observe, decide; there is nothing to act on."""
    module = AnsibleModule(
        argument_spec={
            "url": {"type": "str", "required": True},
            "expected": {"type": "dict", "required": True},
            "timeout": {"type": "int", "default": 60},
            "ca": {"type": "path"},
            "cert": {"type": "path"},
            "key": {"type": "path", "no_log": False},
            "username": {"type": "str"},
            "password": {"type": "str", "no_log": True},
        },
        supports_check_mode=True,
    )

    def work(params: dict[str, Any], check_mode: bool) -> dict[str, Any]:
        return verify(System(), parse(params))

    run_module(module, work)


if __name__ == "__main__":
    main()
