# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a test looks at an exporter from outside, and what it shows a person where it fails. For tests of Molecule scenarios."""

from __future__ import annotations

import http.client
import os
import ssl
import urllib.request
from pathlib import Path
from typing import Any

PORTS = {"node_exporter": 9100, "process-exporter": 9256, "blackbox_exporter": 9115}


def secrets() -> Path:
    """The folder of certificates: scenarios set ``vigil_secrets_dir`` to it."""
    return Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"]) / "secrets"


def ask(host: Any, exporter: str, path: str = "/metrics", reader: str | None = "new1", scheme: str = "https") -> str:
    """Return what an exporter answers to the holder of ``reader``'s certificate. Raises OSError where it does not."""
    context = ssl.create_default_context(cafile=str(secrets() / "ca.crt"))
    if reader:
        folder = secrets() / "hosts" / reader
        context.load_cert_chain(str(folder / "host.crt"), str(folder / "host.key"))
    url = f"{scheme}://{host.ansible.get_variables()['ansible_host']}:{PORTS[exporter]}{path}"
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
    try:
        with opener.open(url, timeout=20) as reply:
            return str(reply.read().decode())
    except http.client.HTTPException as error:
        raise OSError(str(error)) from error


def look(host: Any, exporter: str) -> str:
    """Return what a person would look at first: the unit with its drop-ins, its journal, and the files of the exporter."""
    name = exporter.replace("-", "_")
    unit = unit_of(host, exporter)
    return str(host.run(f"systemctl cat {unit}; journalctl -u {unit} -n 40 --no-pager; head -n 80 /etc/{name}/*.yml").stdout)


def unit_of(host: Any, exporter: str) -> str:
    """Return the name of an exporter's unit: our own for an archive, the distribution's for a package."""
    name = exporter.replace("-", "_")
    return name if host.file(f"/etc/systemd/system/{name}.service").exists else f"prometheus-{exporter.replace('_', '-')}"
