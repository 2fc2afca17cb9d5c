# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One run at a time for a set and for a unit."""

from __future__ import annotations

import fcntl
import json
import os
import stat
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from ..model import VigilError
from .host import Host
from .spec import Spec


@contextmanager
def locked(host: Host, spec: Spec, check: bool) -> Iterator[None]:
    """Hold the locks of the set and of its unit. Raises VigilError that says who holds one for too long.

    In check mode nothing is created: a lock that nobody ever made is not needed.
    """
    names = [f"set-{spec.name}", *([f"unit-{spec.unit}"] if spec.unit else [])]
    if not check:
        _private_folder(host.places.locks)
    with ExitStack() as stack:
        for name in names:
            stack.enter_context(_one(host, f"{host.places.locks}/{name}.lock", spec.lock_timeout, check))
        yield


@contextmanager
def _one(host: Host, path: str, timeout: float, check: bool) -> Iterator[None]:
    try:
        handle = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC | (0 if check else os.O_CREAT), 0o600)
    except FileNotFoundError:
        yield
        return
    try:
        _wait(host, handle, path, timeout, fcntl.LOCK_SH if check else fcntl.LOCK_EX)
        if not check:
            os.ftruncate(handle, 0)
            os.pwrite(handle, json.dumps({"pid": os.getpid(), "since": int(host.system.now())}).encode(), 0)
        yield
    finally:
        os.close(handle)


def _wait(host: Host, handle: int, path: str, timeout: float, kind: int) -> None:
    deadline = host.system.monotonic() + timeout
    while True:
        try:
            fcntl.flock(handle, kind | fcntl.LOCK_NB)
            return
        except BlockingIOError:
            if host.system.monotonic() >= deadline:
                raise VigilError(
                    f"Another run works on the same set or unit: {_holder(handle)} ({path}). It was waited for {timeout:g} s;"
                    " wait until it has ended, or raise lock_timeout. Nothing was changed.",
                    locked=True,
                ) from None
            host.system.sleep(0.2)


def _holder(handle: int) -> str:
    try:
        said = json.loads(os.pread(handle, 200, 0))
        since = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(said["since"]))
        return f"process {said['pid']}, since {since}"
    except (ValueError, KeyError, TypeError):
        return "a process that has not said which"


def _private_folder(path: str) -> None:
    os.makedirs(path, mode=0o700, exist_ok=True)
    seen = os.lstat(path)
    if not stat.S_ISDIR(seen.st_mode) or seen.st_uid != os.geteuid():
        raise VigilError(f"{path} should be a folder of the user that runs this task, and it is not; remove it and run again.")
