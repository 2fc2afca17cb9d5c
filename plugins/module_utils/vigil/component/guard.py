# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keeps a unit from being started by its own package while it is installed."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from ..model import VigilError
from .host import RUNTIME, Host

_RUN = "/run/systemd/system"


@contextlib.contextmanager
def masked(host: Host, unit: str) -> Iterator[None]:
    """Mask ``unit`` at run time for the time of the block, and leave a newly installed one disabled.

    A marker in /run says that the mask is ours, so that an interrupted run is repaired by the next one and an
    operator's own mask is left alone. Both are gone after a reboot. Nothing happens where systemd does not run.
    """
    if not unit or not host.exists(_RUN) or host.link(f"{_RUN}/{unit}") == "/dev/null":
        yield
        return
    new = not known_unit(host, unit)
    host.folder(RUNTIME, 0o700)
    host.write(f"{RUNTIME}/{unit}.masked", b"")
    try:
        ran = host.system.run(["systemctl", "mask", "--runtime", unit])
        if ran.rc != 0:
            raise VigilError(f"{unit} could not be masked, so its package is not installed: it would start with open defaults. {ran.words}")
        yield
    finally:
        unmask(host, unit)
        if new and known_unit(host, unit):
            # Its role enables it once its configuration is in place; a reboot before that must not start it.
            host.system.run(["systemctl", "disable", unit])


def unmask(host: Host, unit: str) -> None:
    """Take our run-time mask away."""
    host.system.run(["systemctl", "unmask", "--runtime", unit])
    with contextlib.suppress(FileNotFoundError):
        host.unlink(f"{RUNTIME}/{unit}.masked")


def known_unit(host: Host, unit: str) -> bool:
    """Whether a unit file is installed."""
    return any(host.exists(f"{folder}/{unit}") for folder in ("/etc/systemd/system", "/usr/lib/systemd/system", "/lib/systemd/system"))


def left_mask(host: Host, unit: str) -> str:
    """The unit, where an interrupted run of ours left it masked."""
    return unit if unit and host.exists(f"{RUNTIME}/{unit}.masked") else ""
