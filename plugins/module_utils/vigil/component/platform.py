# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What kind of host this is: distribution, family, version and architecture."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass

from ..model import VigilError
from .host import Host

ARCHITECTURES = {
    "x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64", "armv7l": "armv7", "armv6l": "armv6",
    "i686": "386", "i386": "386", "ppc64le": "ppc64le", "s390x": "s390x", "riscv64": "riscv64",
}
_FAMILIES = {"debian": ("debian", "ubuntu"), "redhat": ("rhel", "fedora", "centos", "rocky", "almalinux")}


@dataclass(frozen=True)
class Platform:
    """``distribution`` is os-release's ID, ``family`` debian, redhat or other, ``arch`` the name upstream archives use."""

    distribution: str
    version: str
    codename: str
    family: str
    machine: str
    arch: str
    name: str

    @property
    def major(self) -> str:
        """The version up to its first dot: 9 for 9.4."""
        return self.version.split(".")[0]

    @property
    def words(self) -> str:
        """For messages: Rocky Linux 9.4 on aarch64."""
        return f"{self.name} on {self.machine}"

    @property
    def keys(self) -> tuple[str, ...]:
        """Names under which a table may speak of this platform, the most specific first."""
        named = (f"{self.distribution}-{self.version}", f"{self.distribution}-{self.major}", self.distribution)
        return (*named, f"{self.family}-{self.major}", self.family)

    def as_dict(self) -> dict[str, str]:
        """As the module returns it."""
        return {**asdict(self), "major": self.major}

    def placeholders(self) -> dict[str, str]:
        """The words a URL of a spec may hold in braces."""
        return {
            "os": "linux", "arch": self.arch, "machine": self.machine, "distribution": self.distribution,
            "distribution_version": self.version, "major": self.major, "codename": self.codename,
        }


def parse_os_release(text: str) -> dict[str, str]:
    """Read os-release(5): KEY=value lines, quoted or not."""
    found = {}
    for line in text.splitlines():
        key, equals, value = line.strip().partition("=")
        if equals and not key.startswith("#"):
            found[key] = value.strip().strip("\"'")
    return found


def decide_platform(release: Mapping[str, str], machine: str) -> Platform:
    """Name the platform. An unknown machine keeps its own name as architecture."""
    distribution = release.get("ID", "linux")
    related = {distribution, *release.get("ID_LIKE", "").split()}
    family = next((name for name, ids in _FAMILIES.items() if related & set(ids)), "other")
    version = release.get("VERSION_ID", "")
    name = f"{release.get('NAME', distribution)} {version}".strip()
    return Platform(
        distribution, version, release.get("VERSION_CODENAME", ""), family, machine, ARCHITECTURES.get(machine, machine), name,
    )


def observe_platform(host: Host) -> Platform:
    """Read os-release and the machine's name."""
    for path in ("/etc/os-release", "/usr/lib/os-release"):
        content = host.system.read(host.path(path))
        if content is not None:
            return decide_platform(parse_os_release(content.decode("utf-8", "replace")), host.machine or os.uname().machine)
    raise VigilError("No /etc/os-release was found, so the distribution is unknown. Expected a Linux distribution that has one.")
