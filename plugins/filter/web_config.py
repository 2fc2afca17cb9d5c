# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The web configuration file of Prometheus, Alertmanager and the exporters."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.model import VigilError
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.plain import plain
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.web_config import build_web_config

DOCUMENTATION = r"""
---
name: web_config
short_description: The web configuration file of Prometheus, Alertmanager and the exporters
version_added: 0.1.0
description:
  - Returns the document that the programs take by C(--web.config.file). It suits exporter-toolkit 0.8 (Debian 12) and newer.
  - >-
    Paths in it are relative to the file: C(tls/host.crt), C(tls/host.key) and, where clients need a certificate, C(tls/clients.crt),
    as they lie in a host's folder of the store (see M(vigil.monitoring.credentials)).
options:
  _input:
    description:
      - Users, a dictionary of names with passwords, plain or hashed with bcrypt. Empty where none are needed.
      - A plain password is hashed on the controller, vaulted or not, with the C(bcrypt) library or a C library that knows bcrypt.
    type: dict
    required: true
  host:
    description: The inventory name of the host; part of the salt.
    type: str
    required: true
  role:
    description: The name of the role; part of the salt.
    type: str
    required: true
  tls:
    description: Whether to serve TLS.
    type: bool
    default: true
  client_certificates:
    description: Whether a client must bring a certificate that C(clients.crt) accepts.
    type: bool
    default: false
  tls_dir:
    description: The folder of the certificates, relative to the file.
    type: str
    default: tls
  tls_server_config:
    description: Goes over what Vigil sets. A key set to null is left out.
    type: dict
    default: {}
  http_server_config:
    description: Goes over what Vigil sets. A key set to null is left out.
    type: dict
    default: {}
author:
  - The Vigil team (@vigil-monitoring)
"""

EXAMPLES = r"""
exporter: "{{ {} | vigil.monitoring.web_config(host=inventory_hostname, role='node_exporter', tls=vigil_tls, client_certificates=true) }}"
server: "{{ prometheus_basic_auth_users | vigil.monitoring.web_config(host=inventory_hostname, role='prometheus', tls=vigil_tls) }}"
"""

RETURN = r"""
_value:
  description: The document, empty where nothing is to be said.
  type: dict
"""


def _filter(users: Any, host: Any, role: Any, **options: Any) -> dict[str, Any]:
    try:
        return build_web_config(plain(users) or {}, host=plain(host), role=plain(role), **plain(options))
    except (VigilError, TypeError) as error:
        raise AnsibleFilterError(str(error)) from None


class FilterModule:
    """What ansible loads."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by name."""
        return {"web_config": _filter}
