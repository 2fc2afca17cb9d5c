# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a lab shall be: read from an inventory, from JSON, or made from a count."""

from __future__ import annotations

import hashlib
import ipaddress
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tools.lab.base import LabError
from tools.lab.inventory import load

NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,40}")
HOST_KEYS = {"name", "image", "address", "groups", "lab_mirror"}


@dataclass(frozen=True)
class Host:
    """One host. ``address`` is given or left to the engine; ``lab_mirror``: it serves the upstream programs over HTTP."""

    name: str
    image: str = "debian13"
    address: str = ""
    groups: tuple[str, ...] = ()
    lab_mirror: bool = False

    @property
    def slug(self) -> str:
        """A name that Docker and DNS accept."""
        plain = re.sub(r"[^a-z0-9-]+", "-", self.name.lower()).strip("-")
        return plain if plain == self.name else f"{plain or 'host'}-{hashlib.sha256(self.name.encode()).hexdigest()[:6]}"


@dataclass(frozen=True)
class Lab:
    """A set of hosts on a network of their own. ``subnet`` is given or left to the engine."""

    name: str
    hosts: tuple[Host, ...] = field(default=())
    subnet: str = ""

    @property
    def network(self) -> str:
        """The network's name in the engine."""
        return f"vigil-{self.name}"

    def container(self, host: Host) -> str:
        """A host's name in the engine."""
        return f"vigil-{self.name}-{host.slug}"


def from_inventory(path: Path, environment: Mapping[str, str] | None = None) -> Lab:
    """A lab from an Ansible inventory in YAML: ``lab_name`` and ``lab_subnet`` of ``all``, ``ansible_host`` and ``lab_*`` of each host."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise LabError(f"The inventory {path} cannot be read: {error.strerror}. Expected a YAML inventory with lab_name.") from error
    common, hosts = load(text, os.environ if environment is None else environment)
    if "lab_name" not in common:
        raise LabError(f"{path} has no `lab_name` below all: vars:, so it names no lab. See inventories/demo/hosts.yml.")
    wanted = [
        {
            "name": name, "image": values.get("lab_image", "debian13"), "address": values.get("ansible_host", ""),
            "groups": values.get("groups", []), "lab_mirror": values.get("lab_mirror", False),
        }
        for name, values in hosts.items()
    ]  # fmt: skip
    return from_data({"name": common["lab_name"], "subnet": common.get("lab_subnet", ""), "hosts": wanted})


def from_json(text: str) -> Lab:
    """A lab from JSON: ``{name, subnet?, hosts: [{name, image?, address?, groups?, lab_mirror?}]}``."""
    try:
        data = json.loads(text)
    except ValueError as error:
        raise LabError(f"The specification is no JSON ({error}).") from error
    if not isinstance(data, dict):
        raise LabError("The specification is no JSON object; expected {name, hosts: [...]}.")
    return from_data(data)


def counted(name: str, count: int, image: str) -> Lab:
    """``count`` equal hosts: name1, name2, ..."""
    hosts = [{"name": f"{name}{number}", "image": image, "groups": ["monitored"]} for number in range(1, count + 1)]
    return from_data({"name": name, "hosts": hosts})


def from_data(data: Mapping[str, Any]) -> Lab:
    """Check every value, then return the lab."""
    name = str(data.get("name", ""))
    if not NAME.fullmatch(name):
        raise LabError(f"'{name}' is no lab name: expected lower-case letters, digits and hyphens, 41 at most.")
    hosts = tuple(_host(item) for item in data.get("hosts", []))
    lab = Lab(name, hosts, str(data.get("subnet") or ""))
    twice = {host.slug for host in hosts if [other.slug for other in hosts].count(host.slug) > 1}
    if twice:
        raise LabError(f"The lab '{name}' has the same host twice: {', '.join(sorted(twice))}.")
    _check_addresses(lab)
    return lab


def _host(item: Mapping[str, Any]) -> Host:
    unknown = set(item) - HOST_KEYS
    if unknown or not item.get("name"):
        raise LabError(f"A host of the lab has {sorted(item)}; expected `name` and of {sorted(HOST_KEYS - {'name'})} what it needs.")
    return Host(
        str(item["name"]),
        str(item.get("image") or "debian13"),
        str(item.get("address") or ""),
        tuple(item.get("groups") or ()),
        bool(item.get("lab_mirror", False)),
    )


def _check_addresses(lab: Lab) -> None:
    given = [host for host in lab.hosts if host.address]
    if given and not lab.subnet:
        raise LabError(f"{given[0].name} has the address {given[0].address}, and the lab '{lab.name}' has no subnet (lab_subnet) for it.")
    try:
        subnet = ipaddress.ip_network(lab.subnet) if lab.subnet else None
        outside = [host.name for host in given if subnet and ipaddress.ip_address(host.address) not in subnet]
    except ValueError as error:
        raise LabError(f"The lab '{lab.name}' has a bad address or subnet: {error}.") from error
    if outside:
        raise LabError(f"{', '.join(outside)}: the address is not in the lab's subnet {lab.subnet}.")
