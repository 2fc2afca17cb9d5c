# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses that programs listen on and are reached at."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .model import InvalidInput

_ANY = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "*": "127.0.0.1", "::": "::1", "[::]": "::1"}


def host_address(name: str, variables: Mapping[str, Any]) -> str:
    """Return where others reach a host: ``vigil_address``, else ``ansible_host``, else its inventory name.

    Facts are never asked, so that a run limited to some hosts gives the same answer as a full run.
    """
    return str(variables.get("vigil_address") or variables.get("ansible_host") or name)


def endpoint(host: str, port: int) -> str:
    """Join a host and a port; an IPv6 address gets its brackets."""
    return f"[{host}]:{port}" if ":" in host and not host.startswith("[") else f"{host}:{port}"


def split_listen_address(listen: str) -> tuple[str, int]:
    """Split ``host:port`` as the Prometheus programs read it; an empty host means every address.

    Raises InvalidInput where there is no port between 1 and 65535.
    """
    host, separator, port = listen.rpartition(":")
    if not separator or not port.isdigit() or not 0 < int(port) < 65536:
        raise InvalidInput(
            f"'{listen}' is no address to listen on: expected 'host:port' or ':port' with a port from 1 to 65535, "
            f"for example '0.0.0.0:9090'."
        )
    return host, int(port)


def local_url(listen: str, tls: bool, path: str = "") -> str:
    """Return the URL under which a host reaches a program of its own that listens on ``listen``."""
    host, port = split_listen_address(listen)
    near = _ANY.get(host, host.strip("[]"))
    return f"{'https' if tls else 'http'}://{endpoint(near, port)}{path}"
