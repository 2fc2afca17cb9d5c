# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What this machine can do, read rather than assumed."""

from __future__ import annotations

from dataclasses import dataclass, field

from tools.lab.base import LabError, say
from tools.lab.docker import Docker

CAP_SYS_RESOURCE = 24
INOTIFY = "/proc/sys/fs/inotify/max_user_instances"
HOSTS_PER_INOTIFY_128 = 25
INOTIFY_WANTED = 1024


@dataclass(frozen=True)
class Machine:
    """Facts that decide how a systemd container is started.

    ``cgroup`` is 1 or 2; ``security`` names the engine's confinements (seccomp, apparmor, selinux, rootless, userns).
    """

    cgroup: int
    sys_resource: bool
    security: frozenset[str] = field(default_factory=frozenset)
    inotify_instances: int = 128
    architecture: str = "amd64"


def parse_capabilities(status: str) -> bool:
    """Whether CAP_SYS_RESOURCE is in the bounding set that /proc/<pid>/status shows."""
    for line in status.splitlines():
        if line.startswith("CapBnd:"):
            return bool(int(line.split()[1], 16) >> CAP_SYS_RESOURCE & 1)
    return False


def parse_security(text: str) -> frozenset[str]:
    """Names from the engine's ``SecurityOptions``, such as ``name=seccomp,profile=default``."""
    return frozenset(part[5:] for word in text.split() for part in word.split(",") if part.startswith("name="))


def detect(docker: Docker) -> Machine:
    """Read the machine and the engine."""
    system = docker.system
    answer = docker("info", "--format", "{{.CgroupVersion}}|{{.Architecture}}|{{join .SecurityOptions \" \"}}").split("|")
    version, architecture, security = answer[0], answer[1], answer[2]
    if version not in ("1", "2"):
        raise LabError(f"The engine reports cgroup version '{version}', expected 1 or 2: Docker 20.10 or newer is needed.")
    instances = system.read(INOTIFY) or b"128"
    return Machine(
        cgroup=int(version),
        sys_resource=parse_capabilities((system.read("/proc/self/status") or b"").decode()),
        security=parse_security(security),
        inotify_instances=int(instances),
        architecture={"x86_64": "amd64", "aarch64": "arm64"}.get(architecture, architecture),
    )


def needs_more_inotify(machine: Machine, hosts: int) -> bool:
    """systemd takes about five inotify instances a host, all counted for root: 128 are used up past 25 hosts."""
    return hosts > HOSTS_PER_INOTIFY_128 * machine.inotify_instances // 128


def raise_inotify(machine: Machine, hosts: int) -> None:
    """Raise the limit where more hosts are asked for than it carries and we may; else say so."""
    if not needs_more_inotify(machine, hosts):
        return
    wanted = max(INOTIFY_WANTED, hosts * 8)
    try:
        with open(INOTIFY, "w", encoding="ascii") as handle:
            handle.write(str(wanted))
    except OSError as error:
        say(
            f"fs.inotify.max_user_instances is {machine.inotify_instances}, too few for {hosts} hosts, and may not be raised here "
            f"({error.strerror}): hosts may come up degraded. As root: sysctl fs.inotify.max_user_instances={wanted}"
        )
    else:
        say(f"fs.inotify.max_user_instances raised from {machine.inotify_instances} to {wanted} for {hosts} hosts")


def refuse_unfit(machine: Machine) -> None:
    """An engine without root's rights cannot give a container the capabilities that systemd needs."""
    unfit = machine.security & {"rootless", "userns"}
    if unfit:
        raise LabError(
            f"The Docker engine runs {'/'.join(sorted(unfit))}; systemd hosts need an engine with root's rights. "
            "Point DOCKER_HOST (or `docker context use`) to such an engine, or run this as root where none runs."
        )
