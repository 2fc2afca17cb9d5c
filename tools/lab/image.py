# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images of the hosts: made with mmdebstrap, known by a hash of their recipe, kept as a tar for the next engine."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tools.lab.base import HERE, LABEL, LabError, cache_folder, locked, must, say
from tools.lab.docker import Docker

SUITES = {"debian12": "bookworm", "debian13": "trixie"}
MIRROR = "http://deb.debian.org/debian"
PACKAGES = (
    "systemd", "systemd-sysv", "dbus", "python3", "python3-apt", "openssh-server", "ca-certificates", "iproute2", "procps", "sudo", "gpg",
)  # fmt: skip
SETUP = HERE / "image_setup.sh"


@dataclass(frozen=True)
class Recipe:
    """All that an image is made from. ``mirror`` ends in the archive's folder; security updates are beside it."""

    name: str
    suite: str
    mirror: str = MIRROR
    packages: tuple[str, ...] = PACKAGES
    setup: str = ""

    @property
    def key(self) -> str:
        """Twelve hexadecimal digits that change with anything in the recipe."""
        parts = (self.name, self.suite, self.mirror, *self.packages, self.setup)
        return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:12]

    @property
    def tag(self) -> str:
        """The image's name in the engine."""
        return f"vigil-lab/{self.name}:{self.key}"

    @property
    def tar(self) -> Path:
        """Where the image is kept between engines."""
        return cache_folder() / "images" / f"{self.name}-{self.key}.tar"

    def sources(self) -> list[str]:
        """Lines of the sources list."""
        security = f"{self.mirror}-security"
        return [
            f"deb {self.mirror} {self.suite} main",
            f"deb {self.mirror} {self.suite}-updates main",
            f"deb {security} {self.suite}-security main",
        ]

    def command(self, target: Path) -> list[str]:
        """The mmdebstrap call that writes a tar to ``target``."""
        slim = ("path-exclude=/usr/share/man/*", "path-exclude=/usr/share/doc/*", "path-exclude=/usr/share/locale/*", "force-unsafe-io")
        return [
            "mmdebstrap", "--quiet", "--variant=minbase", "--format=tar", f"--include={','.join(self.packages)}",
            '--aptopt=Acquire::Languages "none"', *(f"--dpkgopt={option}" for option in slim),
            f"--customize-hook=chroot \"$1\" /bin/sh -s < '{SETUP}'",
            self.suite, str(target), *self.sources(),
        ]  # fmt: skip


def recipe(name: str, environment: Mapping[str, str] | None = None) -> Recipe:
    """The recipe of one of our images; ``LAB_APT_MIRROR`` replaces Debian's mirror."""
    env = os.environ if environment is None else environment
    if name not in SUITES:
        raise LabError(f"There is no lab image '{name}'. Expected one of {', '.join(SUITES)}, or any image through LAB_IMAGE.")
    mirror = (env.get("LAB_APT_MIRROR") or MIRROR).rstrip("/")
    return Recipe(name, SUITES[name], mirror=mirror, setup=SETUP.read_text(encoding="utf-8"))


def ensure(docker: Docker, name: str) -> str:
    """Return the tag of an image that is in the engine; import or build it where it isn't. One process builds, others wait."""
    custom = os.environ.get("LAB_IMAGE")
    return _custom(docker, custom) if custom else ensure_own(docker, name)


def ensure_own(docker: Docker, name: str) -> str:
    """As `ensure`, whatever LAB_IMAGE says."""
    wanted = recipe(name)
    if docker.inspect("image", wanted.tag):
        return wanted.tag
    with locked(wanted.tar.with_suffix(".lock")):
        if not docker.inspect("image", wanted.tag):
            if not wanted.tar.exists():
                _build(docker, wanted)
            _import(docker, wanted)
    return wanted.tag


def _build(docker: Docker, wanted: Recipe) -> None:
    say(f"building {wanted.tag} from {wanted.mirror} (once; about 40 s)")
    if shutil.which("mmdebstrap") is None:
        raise LabError(f"mmdebstrap is not installed, and it builds {wanted.tag}. Install it, or set LAB_IMAGE to an image of yours.")
    partial = wanted.tar.with_suffix(".part.tar")
    start = docker.system.monotonic()
    try:
        must(docker.system, wanted.command(partial), timeout=900, hint=f"Is {wanted.mirror} in reach? LAB_APT_MIRROR takes another one.")
        partial.rename(wanted.tar)
    finally:
        partial.unlink(missing_ok=True)
    say(f"built {wanted.tag} in {docker.system.monotonic() - start:.0f} s")


def _import(docker: Docker, wanted: Recipe) -> None:
    say(f"importing {wanted.tag}")
    labels = ("--change", f"LABEL {LABEL}.image={wanted.name}")
    docker("import", *labels, str(wanted.tar), wanted.tag, timeout=300)


def _custom(docker: Docker, image: str) -> str:
    """Any image, with what Ansible needs added; the result is kept under a hash of the image and of our script."""
    with locked(cache_folder() / "images" / "custom.lock"):
        if not docker.inspect("image", image):
            docker("pull", "--quiet", image, timeout=900, hint="LAB_IMAGE names it; is its registry in reach?")
        identity = str(docker.inspect("image", image)[0]["Id"])
        script = SETUP.read_text(encoding="utf-8")
        tag = f"vigil-lab/custom:{hashlib.sha256(f'{identity}{script}'.encode()).hexdigest()[:12]}"
        if not docker.inspect("image", tag):
            _extend(docker, image, tag, script)
    return tag


def _extend(docker: Docker, image: str, tag: str, script: str) -> None:
    say(f"making {image} a host image ({tag})")
    name = f"vigil-image-{tag.rsplit(':', 1)[1]}"
    docker.try_("rm", "-f", name)
    try:
        argv = ("run", "-i", "--name", name, "--entrypoint", "/bin/sh", image, "-s", *PACKAGES)
        docker(*argv, stdin=script, timeout=900, hint=f"{image} could not be made a systemd host.")
        docker("commit", "--change", f"LABEL {LABEL}.image=custom", name, tag, timeout=300)
    finally:
        docker.try_("rm", "-f", "-v", name)
