# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Debian packages are fetched once: a caching proxy for all labs of the engine, and package lists made ready for the hosts."""

from __future__ import annotations

import hashlib
import os
import shutil
import time
from pathlib import Path
from urllib.parse import urlsplit

from tools.lab import image
from tools.lab.base import LABEL, cache_folder, locked, say
from tools.lab.docker import Docker

NAME = "vigil-lab-cache"
PORT = 3142
LISTS_FRESH_SECONDS = 12 * 3600
INSTALL = """set -e
export DEBIAN_FRONTEND=noninteractive
apt-get -q update
apt-get -qy install --no-install-recommends apt-cacher-ng
apt-get clean
rm -rf /var/lib/apt/lists/*
"""


def url() -> str:
    """The proxy as hosts name it."""
    return f"http://{NAME}:{PORT}"


def wanted() -> bool:
    """``LAB_APT_CACHE=0`` switches the package cache off."""
    return os.environ.get("LAB_APT_CACHE", "1") != "0"


def proxied_host() -> str:
    """The mirror that the proxy stands for; everything else (a lab's own repository) is reached directly."""
    return urlsplit(image.recipe("debian12").mirror).hostname or "deb.debian.org"


def parse_traffic(log: str) -> dict[str, int]:
    """Bytes that came in from mirrors and went out to hosts, from the proxy's log (``time|I or O|bytes|client|file``)."""
    total = {"fetched": 0, "served": 0}
    for line in log.splitlines():
        words = line.split("|")
        name = {"I": "fetched", "O": "served"}.get(words[1]) if len(words) > 2 else None
        if name and words[2].isdigit():
            total[name] += int(words[2])
    return total


def traffic() -> dict[str, int]:
    """As `parse_traffic`, since the cache was made."""
    log = cache_folder() / "apt" / "log" / "apt-cacher.log"
    return parse_traffic(log.read_text(encoding="utf-8", errors="replace") if log.exists() else "")


def lock() -> Path:
    """Held while the proxy is started, connected or removed."""
    return cache_folder() / "lab" / "cache.lock"


def _tag(base: str) -> str:
    return f"vigil-lab/cache:{hashlib.sha256(f'{base}{INSTALL}'.encode()).hexdigest()[:12]}"


def _tar(tag: str) -> Path:
    return cache_folder() / "images" / f"cache-{tag.rsplit(':', 1)[1]}.tar"


def ensure_image(docker: Docker) -> str:
    """The proxy's image: Debian 12 with apt-cacher-ng, made once and kept as a tar."""
    recipe = image.recipe("debian12")
    tag = _tag(recipe.tag)
    with locked(cache_folder() / "images" / "cache.lock"):
        if docker.inspect("image", tag):
            return tag
        if _tar(tag).exists():
            docker("import", "--change", f"LABEL {LABEL}.image=cache", str(_tar(tag)), tag, timeout=300)
            return tag
        _build(docker, image.ensure_own(docker, "debian12"), tag)
    return tag


def _build(docker: Docker, base: str, tag: str) -> None:
    say(f"making {tag} (once)")
    name = f"vigil-image-{tag.rsplit(':', 1)[1]}"
    docker.try_("rm", "-f", name)
    try:
        docker("run", "--name", name, base, "/bin/sh", "-c", INSTALL, timeout=300, hint="Can containers reach Debian's mirror?")
        partial = _tar(tag).with_suffix(".part.tar")
        docker("export", "--output", str(partial), name, timeout=300)
        partial.rename(_tar(tag))
        docker("import", "--change", f"LABEL {LABEL}.image=cache", str(_tar(tag)), tag, timeout=300)
    finally:
        docker.try_("rm", "-f", "-v", name)


def connect(docker: Docker, network: str) -> None:
    """Start the proxy where it doesn't run, and put it on a lab's network. The caller holds `lock`."""
    tag = ensure_image(docker)
    store = cache_folder() / "apt"
    (store / "log").mkdir(parents=True, exist_ok=True)
    found = docker.inspect("container", NAME)
    networks = set(found[0]["NetworkSettings"]["Networks"]) if found else set()
    if found and not (found[0]["State"]["Running"] and found[0]["Config"]["Image"] == tag):
        docker("rm", "--force", "--volumes", NAME)
        found = []
    if not found:
        docker(*run_arguments(tag, network, store, f"{os.getuid()}:{os.getgid()}"))
        # One that took another's place serves the other's labs too.
        for other in networks - {network}:
            docker.try_("network", "connect", other, NAME)
    elif network not in networks:
        docker("network", "connect", network, NAME)


def run_arguments(tag: str, network: str, store: Path, user: str) -> list[str]:
    """The `docker run` of the proxy; its store belongs to ``user`` (uid:gid), not to root."""
    settings = ("CacheDir=/store", "LogDir=/store/log", "SocketPath=", "ForeGround=1", f"Port={PORT}", "ExThreshold=30", "VerboseLog=1")
    return [
        "run", "--detach", "--name", NAME, "--hostname", NAME, "--network", network, "--user", user, "--volume", f"{store}:/store",
        "--label", f"{LABEL}.cache=1", tag, "/usr/sbin/apt-cacher-ng", "-c", "/etc/apt-cacher-ng", *settings,
    ]  # fmt: skip


def disconnect(docker: Docker, network: str) -> None:
    """Take the proxy off a lab's network. The caller holds `lock`."""
    docker.try_("network", "disconnect", "--force", network, NAME)


def remove_unused(docker: Docker) -> bool:
    """Remove the proxy when no lab is left; its store stays. The caller holds `lock`."""
    if docker.ours("network") or not docker.inspect("container", NAME):
        return False
    docker("rm", "--force", "--volumes", NAME)
    return True


def lists(docker: Docker, tag: str, network: str) -> str:
    """A folder with apt's lists for an image, at most twelve hours old; hosts copy it instead of fetching and parsing."""
    folder = cache_folder() / "apt-lists" / tag.rsplit(":", 1)[1]
    stamp = folder / "stamp"
    with locked(folder.with_suffix(".lock")):
        if not stamp.exists() or time.time() - stamp.stat().st_mtime > LISTS_FRESH_SECONDS:
            say(f"fetching the package lists of {tag}")
            _fetch_lists(docker, tag, network, folder)
    return str(folder)


def _fetch_lists(docker: Docker, tag: str, network: str, folder: Path) -> None:
    """The folder is replaced as a whole; the one before it stays until the next time, a host may be copying it."""
    new, old = folder.with_suffix(".new"), folder.with_suffix(".old")
    shutil.rmtree(new, ignore_errors=True)
    shutil.rmtree(old, ignore_errors=True)
    new.mkdir(parents=True, exist_ok=True)
    proxy = f"-o Acquire::http::Proxy::{proxied_host()}={url()}" if wanted() else ""
    script = (
        "set -e; rm -rf /out/*; command -v apt-get >/dev/null || exit 0; "
        f"apt-get -q {proxy} -o APT::Update::Error-Mode=any update; "
        "cp -r --preserve=timestamps,mode /var/lib/apt/lists/. /out/; rm -rf /out/partial /out/lock; touch /out/stamp; "
        f"chown -R {os.getuid()}:{os.getgid()} /out"
    )
    mount = f"type=bind,source={new},target=/out"
    argv = ("run", "--rm", "--network", network, "--mount", mount, "--entrypoint", "/bin/sh", tag, "-c", script)
    docker(*argv, timeout=180, hint="Is Debian's mirror in reach?")
    if folder.exists():
        folder.rename(old)
    new.rename(folder)
