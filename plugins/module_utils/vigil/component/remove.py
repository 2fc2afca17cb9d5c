# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Acts that take things away."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil

from .host import Host

_ETC_UNITS = "/etc/systemd/system"


def stop_unit(host: Host, unit: str) -> None:
    """Stop and disable a unit, and remove its file and our drop-in below /etc."""
    live = host.exists("/run/systemd/system")
    if live:
        host.system.run(["systemctl", "disable", "--now", unit], timeout=120.0)
    drop_in = f"{_ETC_UNITS}/{unit}.d"
    for path in (f"{_ETC_UNITS}/{unit}", f"{drop_in}/vigil.conf"):
        with contextlib.suppress(FileNotFoundError):
            host.unlink(path)
    with contextlib.suppress(OSError):
        os.rmdir(host.path(drop_in))
    if live:
        host.system.run(["systemctl", "daemon-reload"])
        host.system.run(["systemctl", "reset-failed", unit])


def remove_path(host: Host, path: str) -> None:
    """Remove a file, a link or a folder with all in it; a mount point stays, emptied."""
    where = host.path(path)
    if os.path.islink(where) or not os.path.isdir(where):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(where)
        return
    if not os.path.ismount(where):
        shutil.rmtree(where)
        return
    for name in os.listdir(where):
        remove_path(host, f"{path}/{name}")


def remove_if_empty(host: Host, path: str) -> None:
    """Remove a folder that others may use."""
    try:
        os.rmdir(host.path(path))
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOENT, errno.EBUSY):
            raise
