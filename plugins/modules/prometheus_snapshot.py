#!/usr/bin/python
# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Take a snapshot of a Prometheus server's data through its admin API."""

from __future__ import annotations

DOCUMENTATION = r"""
module: prometheus_snapshot
short_description: Take a snapshot of a Prometheus server's data
version_added: 0.1.0
author: The Vigil team (@vigil-monitoring)
description:
  - Asks a running Prometheus for a snapshot of all its data, the newest samples included. It lies below C(snapshots) of the data folder
    and shares its blocks with it by hard links, so that it costs little until they are compacted.
  - The server must run with its admin API on.
options:
  url:
    description: Where the server answers on its host, without a path.
    type: str
    required: true
  ca:
    description: Path on the host of the authority's certificate.
    type: path
  username:
    description: Name for basic authentication.
    type: str
  password:
    description: Password for basic authentication.
    type: str
  data_dir:
    description: The data folder on the host. Where nothing answers and it holds no data yet, no snapshot is taken and nothing fails.
    type: path
  timeout:
    description: Seconds to wait for the answer.
    type: int
    default: 300
attributes:
  check_mode:
    description: Says that a snapshot would be taken.
    support: full
"""

EXAMPLES = r"""
- name: Take a snapshot
  vigil.monitoring.prometheus_snapshot:
    url: http://127.0.0.1:9090
"""

RETURN = r"""
snapshot:
  description: The name of the snapshot's folder.
  returned: when one was taken
  type: str
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.vigil.monitoring.plugins.module_utils.ansible_io import run_module
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.prometheus.snapshot import take
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.system import Client, System


def main() -> None:
    """Hand the options to the package."""
    module = AnsibleModule(
        argument_spec={
            "url": {"type": "str", "required": True},
            "ca": {"type": "path"},
            "username": {"type": "str"},
            "password": {"type": "str", "no_log": True},
            "data_dir": {"type": "path"},
            "timeout": {"type": "int", "default": 300},
        },
        supports_check_mode=True,
    )

    def work(params: dict[str, Any], check_mode: bool) -> dict[str, Any]:
        if check_mode:
            return {"changed": True}
        client = Client(ca=params["ca"], username=params["username"], password=params["password"])
        return take(System(), params["url"].rstrip("/"), client, float(params["timeout"]), params["data_dir"] or "")

    run_module(module, work)


if __name__ == "__main__":
    main()
