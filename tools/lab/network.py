# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The network of a lab."""

from __future__ import annotations

import ipaddress
from typing import Any

from plugins.module_utils.vigil.system import System
from tools.lab.base import LABEL, LabError
from tools.lab.docker import Docker
from tools.lab.spec import Lab

# A default route is no clash; nor is a route for the whole private space, as VPN clients set it.
WIDE_PREFIX = 8


def overlapping(subnet: str, taken: dict[str, str]) -> str | None:
    """Who already has a part of ``subnet``; ``taken`` maps a subnet to its owner in words."""
    wanted = ipaddress.ip_network(subnet)
    for other, owner in taken.items():
        network = ipaddress.ip_network(other)
        if network.version == wanted.version and network.prefixlen > WIDE_PREFIX and network.overlaps(wanted):
            return f"{other} ({owner})"
    return None


def parse_routes(text: str) -> dict[str, str]:
    """Subnets of `ip -4 route show` with their interface."""
    found = {}
    for line in text.splitlines():
        words = line.split()
        if "/" in words[0]:
            found[words[0]] = f"interface {words[words.index('dev') + 1]}" if "dev" in words else "a route"
    return found


def _subnets(network: dict[str, Any]) -> list[str]:
    return [entry["Subnet"] for entry in (network.get("IPAM") or {}).get("Config") or [] if entry.get("Subnet")]


def _taken(docker: Docker) -> dict[str, str]:
    system: System = docker.system
    taken = parse_routes(system.run(["ip", "-4", "route", "show"]).out)
    names = docker("network", "ls", "--format", "{{.Name}}").split()
    for network in docker.inspect("network", *names):
        taken.update(dict.fromkeys(_subnets(network), f"docker network {network['Name']}"))
    return taken


def ensure(docker: Docker, lab: Lab) -> None:
    """Create the lab's network; a fixed subnet that somebody else has is refused with who it is."""
    found = docker.inspect("network", lab.network)
    if found:
        if (found[0].get("Labels") or {}).get(LABEL) != lab.name:
            raise LabError(f"A network {lab.network} is there that no lab made. Rename or remove it, or take another lab name.")
        if lab.subnet and lab.subnet not in _subnets(found[0]):
            raise LabError(f"The network {lab.network} has {_subnets(found[0])}, expected {lab.subnet}. Take the lab down first.")
        return
    if lab.subnet:
        clash = overlapping(lab.subnet, _taken(docker))
        if clash:
            raise LabError(
                f"The lab '{lab.name}' wants the subnet {lab.subnet}, and {clash} overlaps it. Take another one: for the demo "
                "`export LAB_PREFIX=10.9.8` (any free private /24, its first three numbers) before `make demo`."
            )
    subnet = ["--subnet", lab.subnet] if lab.subnet else []
    docker("network", "create", "--label", f"{LABEL}={lab.name}", *subnet, lab.network)
