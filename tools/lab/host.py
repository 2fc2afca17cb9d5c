# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host: how its container is started on this machine, and what is done in it until SSH answers."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from tools.lab.base import HERE, LABEL, LabError, say
from tools.lab.docker import Docker
from tools.lab.machine import Machine
from tools.lab.spec import Host, Lab

CAPABILITIES = ("SYS_ADMIN", "NET_ADMIN", "NET_RAW", "SYS_PTRACE", "DAC_READ_SEARCH")
START_TRIES = 600
SETUP = HERE / "host_setup.sh"
MIRROR_SERVER = HERE / "mirror_server.py"


@dataclass(frozen=True)
class Site:
    """What all hosts of a lab share. ``proxy`` is the package cache's URL or "", ``proxy_host`` the mirror it stands for."""

    authorized_key: str
    proxy: str = ""
    proxy_host: str = ""
    ca_bundle: str = ""
    programs: str = ""
    apt_lists: str = ""


def machine_arguments(machine: Machine) -> list[str]:
    """Arguments that let systemd run as PID 1 on this machine, without ``--privileged``.

    cgroup v1: the host's tree, writable, in the host's namespace (with a private one Debian 13's journald fails).
    cgroup v2: a private namespace, so that only the container's own tree is seen; `start_command` makes it writable.
    """
    arguments = []
    for capability in CAPABILITIES + (("SYS_RESOURCE",) if machine.sys_resource else ()):
        arguments += ["--cap-add", capability]
    for name in ("seccomp", "apparmor"):
        if name in machine.security:
            arguments += ["--security-opt", f"{name}=unconfined"]
    if "selinux" in machine.security:
        arguments += ["--security-opt", "label=disable"]
    if machine.cgroup == 1:
        arguments += ["--cgroupns=host", "--volume", "/sys/fs/cgroup:/sys/fs/cgroup:rw"]
    else:
        arguments += ["--cgroupns=private"]
    return [*arguments, "--tmpfs", "/run", "--tmpfs", "/run/lock", "--tmpfs", "/tmp:exec", "--env", "container=docker"]


def start_command(machine: Machine) -> list[str]:
    """What runs as PID 1, whatever entry point an image has: the program, then its arguments."""
    if machine.cgroup == 1:
        return ["/sbin/init"]
    return ["/bin/sh", "-c", "mount -o remount,rw /sys/fs/cgroup && exec /sbin/init"]


def mounts(host: Host, site: Site) -> list[str]:
    """Read-only mounts below /lab."""
    pairs = [(site.ca_bundle, "ca.crt"), (site.apt_lists, "apt-lists")]
    if host.lab_mirror:
        pairs += [(site.programs, "programs"), (str(MIRROR_SERVER), "mirror_server.py")]
    arguments = []
    for source, name in pairs:
        if source:
            arguments += ["--mount", f"type=bind,source={source},target=/lab/{name},readonly"]
    return arguments


def run_arguments(lab: Lab, host: Host, image: str, machine: Machine, site: Site) -> list[str]:
    """The whole `docker run` of a host, as a pure function of its values."""
    address = ["--ip", host.address] if host.address else []
    arguments = [
        "run", "--detach", "--name", lab.container(host), "--hostname", host.slug, "--network", lab.network,
        "--network-alias", host.slug, *address, "--label", f"{LABEL}={lab.name}", "--label", f"{LABEL}.host={host.name}",
        *machine_arguments(machine), "--stop-signal", "SIGRTMIN+3", *mounts(host, site),
    ]  # fmt: skip
    program, *words = start_command(machine)
    tail = ["--entrypoint", program, image, *words]
    key = hashlib.sha256("\0".join([*arguments, *tail]).encode()).hexdigest()[:12]
    return [*arguments, "--label", f"{LABEL}.key={key}", *tail]


def key_of(arguments: list[str]) -> str:
    """The label that tells whether a running container is what is asked for."""
    prefix = f"{LABEL}.key="
    return next(word[len(prefix) :] for word in arguments if word.startswith(prefix))


def ensure(docker: Docker, arguments: list[str], found: dict[str, Any] | None) -> bool:
    """Start a host unless the right one runs; a stopped or different one is replaced. Returns whether it was started."""
    name = arguments[arguments.index("--name") + 1]
    if found:
        labels = found["Config"]["Labels"] or {}
        if found["State"]["Running"] and labels.get(f"{LABEL}.key") == key_of(arguments):
            return False
        running = found["State"]["Running"]
        say(f"replacing {name}: {'it is not what is asked for any more' if running else 'it is ' + found['State']['Status']}")
        docker("rm", "--force", "--volumes", name)
    docker(*arguments, timeout=120)
    return True


def prepare(docker: Docker, container: str, site: Site) -> tuple[str, str]:
    """Make a started host reachable; returns the state of systemd and the host's public key (type and value)."""
    settings = {
        "LAB_AUTHORIZED_KEY": site.authorized_key, "LAB_TRIES": str(START_TRIES),
        "LAB_PROXY": site.proxy, "LAB_PROXY_HOST": site.proxy_host,
    }  # fmt: skip
    flags = [word for name, value in settings.items() for word in ("--env", f"{name}={value}")]
    ran = docker.try_("exec", "--interactive", *flags, container, "/bin/sh", "-s", stdin=SETUP.read_text(encoding="utf-8"), timeout=180)
    words = ran.out.strip().splitlines()
    if ran.rc != 0 or not words:
        log = docker.try_("logs", "--tail", "15", container).words
        raise LabError(
            f"{container} did not come up ({ran.rc}): {ran.words[-800:]}\n{log[-800:]}\nLook at it with: docker exec -it {container} bash"
        )
    state, key = words[-1].split(" ", 1)
    return state, key
