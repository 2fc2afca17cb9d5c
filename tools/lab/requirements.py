# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The programs the lab needs, and how a Debian machine gets them."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

from plugins.module_utils.vigil.system import System
from tools.lab.base import LabError, must, say

PROGRAMS = {"docker": "docker.io", "mmdebstrap": "mmdebstrap", "ssh": "openssh-client", "ssh-keygen": "openssh-client"}


def missing(which: Callable[[str], str | None] = shutil.which) -> list[str]:
    """Debian packages of the programs that are not on the PATH."""
    return sorted({package for program, package in PROGRAMS.items() if which(program) is None})


def ensure(system: System, wanted: Iterable[str] | None = None) -> None:
    """Install what is missing where this is Debian and we are root; else say what to install."""
    packages = sorted(missing() if wanted is None else wanted)
    if not packages:
        return
    if not Path("/etc/debian_version").exists() or os.geteuid() != 0:
        raise LabError(
            f"Missing on this machine: {', '.join(packages)} (Debian's names). The lab installs them itself only as root on Debian. "
            "Install them with your package manager, or run this as root. Without mmdebstrap, LAB_IMAGE=<image> takes an image of yours."
        )
    say(f"installing {', '.join(packages)}")
    if "docker.io" in packages:
        packages += _engine_extras(system)
    quiet = {"DEBIAN_FRONTEND": "noninteractive"}
    must(system, ["apt-get", "-q", "update"], timeout=300, env=quiet, hint="Is Debian's mirror in reach? See /etc/apt/sources.list.")
    must(system, ["apt-get", "-qy", "install", "--no-install-recommends", *packages], timeout=900, env=quiet)


def _engine_extras(system: System) -> list[str]:
    """Debian 13 packages the client apart; a kernel with AppArmor needs its parser or no container starts."""
    extras = []
    if system.run(["apt-cache", "show", "docker-cli"]).rc == 0:
        extras.append("docker-cli")
    if system.read("/sys/module/apparmor/parameters/enabled") == b"Y\n":
        extras.append("apparmor")
    return extras
