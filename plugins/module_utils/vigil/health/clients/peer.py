# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Speak to a local server as another system user, so that a task of root sees what the agent sees.

Databases know who asks over a Unix socket by the system user that connects (PostgreSQL's peer, MariaDB's unix_socket). Linux keeps
that identity for each thread; the C library would change it for all of them, so the kernel is asked directly.
"""

from __future__ import annotations

import ctypes
import os
import platform
import pwd
from collections.abc import Iterator
from contextlib import contextmanager

from ..model import CannotTell

# The number of setresuid(2), by machine. Source: the kernel's system call tables.
_SETRESUID = {"x86_64": 117, "aarch64": 147, "riscv64": 147, "ppc64le": 164, "s390x": 208}
_KEEP = -1


@contextmanager
def known_as(user: str, host: str) -> Iterator[None]:
    """Be the system user ``user`` until the end of the ``with`` statement, in this thread alone.

    Nothing happens where ``host`` is no path, this is not root, or there is no such user. Raises CannotTell where the kernel refuses.
    """
    uid = _wanted(user, host)
    if uid is None:
        yield
        return
    _become(uid)
    try:
        yield
    finally:
        _become(0)


def _wanted(user: str, host: str) -> int | None:
    if not host.startswith("/") or os.geteuid() != 0 or platform.machine() not in _SETRESUID:
        return None
    try:
        uid = pwd.getpwnam(user).pw_uid
    except (KeyError, ValueError):
        return None
    return uid or None


def _become(uid: int) -> None:
    library = ctypes.CDLL(None, use_errno=True)
    number = _SETRESUID[platform.machine()]
    if library.syscall(ctypes.c_long(number), ctypes.c_long(_KEEP), ctypes.c_long(uid), ctypes.c_long(_KEEP)) != 0:
        words = os.strerror(ctypes.get_errno())
        raise CannotTell(f"this process may not act as the user with number {uid}: {words}", "Give the check a password in place of it.")
