# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Raise a lab, take it down, tell how it is."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

from tools.lab import cache, host, image, machine, network, output, ssh
from tools.lab.base import LABEL, LabError, cache_folder, locked, say
from tools.lab.docker import Docker
from tools.lab.spec import Host, Lab

PARALLEL = 8
A = TypeVar("A")
B = TypeVar("B")


@dataclass(frozen=True)
class Raised:
    """A host that answers SSH."""

    host: Host
    address: str
    state: str
    key: str
    started: bool


def folder(name: str) -> Path:
    """The files of one lab: its known hosts and an inventory."""
    return cache_folder() / "labs" / name


def each(function: Callable[[A], B], items: Iterable[A]) -> list[B]:
    """Call in parallel; the first error is raised when all have ended."""
    with ThreadPoolExecutor(PARALLEL) as pool:
        return [future.result() for future in [pool.submit(function, item) for item in items]]


def up(docker: Docker, lab: Lab) -> list[Raised]:
    """Make the lab what it is asked to be: idempotent, in parallel. Hosts that left the specification are removed."""
    if not lab.hosts:
        raise LabError(f"The lab '{lab.name}' has no host.")
    here = machine.detect(docker)
    machine.refuse_unfit(here)
    with locked(folder(lab.name).with_suffix(".lock")):
        tags = _images(docker, lab)
        site = _site(docker, lab)
        running = len(docker("ps", "--quiet").split())
        machine.raise_inotify(here, running + len(lab.hosts))
        _remove_others(docker, lab)
        jobs = []
        for item in lab.hosts:
            lists = cache.lists(docker, tags[item.image], lab.network)
            jobs.append((item, host.run_arguments(lab, item, tags[item.image], here, replace(site, apt_lists=lists))))
        found = {entry["Name"].lstrip("/"): entry for entry in docker.inspect("container", *map(lab.container, lab.hosts))}
        started = each(lambda job: host.ensure(docker, job[1], found.get(lab.container(job[0]))), jobs)
        prepared = each(lambda item: host.prepare(docker, lab.container(item), site), lab.hosts)
        return _report(docker, lab, started, prepared)


def _images(docker: Docker, lab: Lab) -> dict[str, str]:
    names = sorted({item.image for item in lab.hosts})
    return dict(zip(names, each(lambda name: image.ensure(docker, name), names), strict=True))


def _site(docker: Docker, lab: Lab) -> host.Site:
    ca_bundle = os.environ.get("LAB_CA_BUNDLE", "")
    if ca_bundle and not Path(ca_bundle).is_file():
        raise LabError(f"LAB_CA_BUNDLE is {ca_bundle}, and there is no such file. It takes a PEM bundle of this machine.")
    programs = cache_folder() / "programs"
    programs.mkdir(parents=True, exist_ok=True)
    with_cache = cache.wanted()
    with locked(cache.lock()):
        network.ensure(docker, lab)
        if with_cache:
            cache.connect(docker, lab.network)
    return host.Site(
        authorized_key=ssh.ensure_key(docker.system),
        proxy=cache.url() if with_cache else "",
        proxy_host=cache.proxied_host() if with_cache else "",
        ca_bundle=str(Path(ca_bundle).resolve()) if ca_bundle else "",
        programs=str(programs),
    )


def _remove_others(docker: Docker, lab: Lab) -> None:
    wanted = {lab.container(item) for item in lab.hosts}
    others = [name for name in docker.ours("container", lab.name) if name not in wanted]
    if others:
        say(f"removing {', '.join(others)}: not in the specification any more")
        docker("rm", "--force", "--volumes", *others, timeout=120)


def _report(docker: Docker, lab: Lab, started: list[bool], prepared: list[tuple[str, str]]) -> list[Raised]:
    addresses = {entry["Name"].lstrip("/"): address_of(entry, lab.network) for entry in _containers(docker, lab.name)}
    raised = [
        Raised(item, addresses[lab.container(item)], state, key, new)
        for item, new, (state, key) in zip(lab.hosts, started, prepared, strict=True)
    ]
    place = folder(lab.name)
    place.mkdir(parents=True, exist_ok=True)
    names = {one.key: tuple(dict.fromkeys((one.address, one.host.slug))) for one in raised}
    (place / "known_hosts").write_text(ssh.known_hosts(names), encoding="utf-8")
    rows = [(one.host.name, one.address, one.host.groups) for one in raised]
    (place / "inventory.yml").write_text(output.inventory(rows, place / "known_hosts", ssh.key_file()), encoding="utf-8")
    return raised


def _containers(docker: Docker, name: str | None) -> list[dict[str, Any]]:
    return docker.inspect("container", *docker.ours("container", name))


def address_of(entry: dict[str, Any], network_name: str) -> str:
    """The address of an inspected container on a network, "" where it has none (stopped)."""
    networks = entry["NetworkSettings"]["Networks"] or {}
    return str((networks.get(network_name) or {}).get("IPAddress") or "")


def status(docker: Docker, name: str | None) -> list[dict[str, str]]:
    """One row a host: lab, host, image, address, state of the container, state of systemd."""
    return each(lambda entry: _row(docker, entry), _containers(docker, name))


def _row(docker: Docker, entry: dict[str, Any]) -> dict[str, str]:
    labels, container = entry["Config"]["Labels"], entry["Name"].lstrip("/")
    running = entry["State"]["Running"]
    ran = docker.try_("exec", container, "systemctl", "is-system-running", timeout=20) if running else None
    return {
        "lab": labels[LABEL],
        "host": labels[f"{LABEL}.host"],
        "container": container,
        "image": entry["Config"]["Image"],
        "address": address_of(entry, f"vigil-{labels[LABEL]}"),
        "state": entry["State"]["Status"],
        "systemd": (ran.out.strip() or "unknown") if ran else "-",
    }


def down(docker: Docker, name: str | None) -> list[str]:
    """Remove a lab (every lab where ``name`` is None): containers, their volumes, networks, files. Caches stay."""
    if name is None:
        return _down(docker, None)
    with locked(folder(name).with_suffix(".lock")):
        return _down(docker, name)


def _down(docker: Docker, name: str | None) -> list[str]:
    removed = docker.ours("container", name)
    if removed:
        docker("rm", "--force", "--volumes", *removed, timeout=180)
    with locked(cache.lock()):
        for net in docker.ours("network", name):
            cache.disconnect(docker, net)
            docker("network", "rm", net)
            removed.append(f"network {net}")
        if cache.remove_unused(docker):
            removed.append(cache.NAME)
    places = [folder(name)] if name else [path for path in folder("x").parent.glob("*") if path.is_dir()]
    for place in places:
        shutil.rmtree(place, ignore_errors=True)
        place.with_suffix(".lock").unlink(missing_ok=True)
    return removed


def purge(docker: Docker) -> list[str]:
    """Remove every lab, our images and our caches (images, packages, lists, programs, key)."""
    removed = down(docker, None)
    images = docker("images", "--quiet", "--filter", f"label={LABEL}.image").split()
    if images:
        docker("rmi", "--force", *sorted(set(images)), timeout=120)
    names = ("images", "apt", "apt-lists", "programs", "labs", "lab/ssh")
    for name in names:
        shutil.rmtree(cache_folder() / name, ignore_errors=True)
    return [*removed, f"{len(set(images))} images", *(str(cache_folder() / name) for name in names)]
