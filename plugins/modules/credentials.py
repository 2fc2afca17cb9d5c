# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The documentation of an action that runs on the controller only."""

from __future__ import annotations

DOCUMENTATION = r"""
---
module: credentials
short_description: Keep certificates for all hosts of an inventory on the controller
version_added: 0.1.0
description:
  - Makes and renews the certificate authority and one certificate a host, in a folder on the controller that only its owner can read.
  - Runs on the controller only and makes no remote call. Service roles ship a host's folder as part of their own set of files.
  - C(ca.crt) in O(dir) is the certificate of the authority, for whoever talks to the services.
  - >-
    Below O(dir), C(hosts/<safe name>/) holds C(ca.crt), C(clients.crt) (who may read the host's metrics), C(host.crt) and C(host.key).
    The safe name of a host is what the filter P(vigil.monitoring.safe_name#filter) returns.
options:
  dir:
    description: The folder, an absolute path on the controller. It is made where it is missing, with mode 0700.
    type: str
    required: true
  hosts:
    description:
      - Names of hosts of the inventory that get a certificate.
      - A host's address is its variable C(vigil_address), else C(ansible_host), else its name.
      - More names come from its variable C(vigil_certificate_names).
    type: list
    elements: str
    required: true
  readers:
    description: Names of hosts that may read the metrics of all others.
    type: list
    elements: str
    default: []
  ca_certificate:
    description: The operator's own certificate authority, as PEM or as the path of a file on the controller, vaulted or not.
    type: raw
  ca_key:
    description: The key of O(ca_certificate). Without it every host needs an entry in O(certificates).
    type: raw
  certificates:
    description: The operator's own certificates, a dictionary of host names with the keys C(certificate) and C(key), each PEM or a path.
    type: raw
  days:
    description: How long a host's certificate is valid, in days.
    type: int
    default: 397
  authority_days:
    description: How long the authority is valid, in days.
    type: int
    default: 3650
  renew_before:
    description: A certificate is renewed when it has fewer days than this to go; the authority is warned about.
    type: int
    default: 30
  replace_before:
    description:
      - An authority that was made before this date (C(YYYY-MM-DD), UTC, not in the future) is replaced, and with it every certificate.
      - Run the whole playbook on all hosts then; until it ends, hosts that have the new one refuse those that have not.
    type: str
notes:
  - In check mode the store is made and renewed just the same, so that the hosts' configuration can be validated; C(changed) is then false.
author:
  - The Vigil team (@vigil-monitoring)
"""

EXAMPLES = r"""
- name: Keep the certificates of all hosts on the controller
  vigil.monitoring.credentials:
    dir: "{{ inventory_dir }}/.vigil"
    hosts: "{{ groups['all'] }}"
    readers: "{{ groups['prometheus'] }}"
  run_once: true
"""

RETURN = r"""
ca:
  description: Path of the authority's certificate on the controller.
  type: str
  returned: success
ca_expires:
  description: The day the authority expires (UTC).
  type: str
  returned: success
issued:
  description: The hosts that got a new certificate, each with C(host), C(reason) and C(expires).
  type: list
  elements: dict
  returned: success
expires:
  description: For each host the day its certificate expires (UTC).
  type: dict
  returned: success
notes:
  description: What else was done, in sentences.
  type: list
  elements: str
  returned: success
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule

OPTIONS: dict[str, dict[str, Any]] = {
    "dir": {"type": "str", "required": True},
    "hosts": {"type": "list", "elements": "str", "required": True},
    "readers": {"type": "list", "elements": "str", "default": []},
    "ca_certificate": {"type": "raw"},
    "ca_key": {"type": "raw", "no_log": True},
    "certificates": {"type": "raw", "no_log": True},
    "days": {"type": "int", "default": 397},
    "authority_days": {"type": "int", "default": 3650},
    "renew_before": {"type": "int", "default": 30},
    "replace_before": {"type": "str"},
}


def main() -> None:
    """Say that this runs on the controller only."""
    module = AnsibleModule(argument_spec=OPTIONS, supports_check_mode=True)
    module.fail_json(msg="vigil.monitoring.credentials runs on the controller only, as an action. Call it from a playbook's task.")


if __name__ == "__main__":
    main()
