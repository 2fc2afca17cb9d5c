# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files that land whole or not at all, their fingerprints, and words with the secrets taken out."""

from __future__ import annotations

import errno
import hashlib
import os
import re
from collections.abc import Iterable

from .model import VigilError

HIDDEN = "********"


def sha256(data: bytes) -> str:
    """Return the hexadecimal SHA-256 of some bytes."""
    return hashlib.sha256(data).hexdigest()


def fsync_folder(path: str) -> None:
    """Make the names in a folder survive a power cut. A folder that is gone has none to keep."""
    try:
        handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    except FileNotFoundError:
        return
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_new(path: str, data: bytes, mode: int, uid: int = -1, gid: int = -1, context: bytes | None = None) -> None:
    """Write a file that was not there and flush it to the disk.

    The mode is in place before the first byte is, so nobody can read a secret in between. ``uid`` and ``gid`` -1 leave
    the owner as it is; ``context`` is an SELinux label. Raises VigilError for a full disk, OSError for anything else.
    """
    _forget(path)
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        try:
            _fill(handle, data)
            if (uid, gid) != (-1, -1):
                os.fchown(handle, uid, gid)
            os.fchmod(handle, mode)
            set_context(path, context)
            os.fsync(handle)
        finally:
            os.close(handle)
    except OSError as error:
        _forget(path)
        raise explained(error, path, len(data)) from error


def write_atomic(path: str, data: bytes, mode: int, uid: int = -1, gid: int = -1) -> None:
    """Replace a file in one step: a reader, or the machine after a power cut, sees the old content or the new."""
    folder, name = os.path.split(path)
    draft = os.path.join(folder, f".{name}.vigil-draft")
    write_new(draft, data, mode, uid, gid, context_of(path))
    os.rename(draft, path)
    fsync_folder(folder)


def context_of(path: str) -> bytes | None:
    """Return the SELinux label of a file; None where there is no file or no label."""
    try:
        return os.getxattr(path, "security.selinux", follow_symlinks=False)
    except (OSError, AttributeError):
        return None


def set_context(path: str, context: bytes | None) -> None:
    """Give a file its SELinux label; without one nothing happens. A system that refuses is left with its own choice."""
    if context is None:
        return
    try:
        os.setxattr(path, "security.selinux", context, follow_symlinks=False)
    except OSError:
        return


def explained(error: OSError, path: str, needed: int) -> Exception:
    """Turn a full disk (or quota) into an error with figures; any other error is returned as it came."""
    if error.errno not in (errno.ENOSPC, errno.EDQUOT):
        return error
    free = free_bytes(os.path.dirname(path))
    return VigilError(
        f"{path} could not be written, its disk is full: {needed} bytes are needed and {free} are free."
        " Make room there and run again.",
        path=path, needed=needed, free=free,
    )


def free_bytes(folder: str) -> int:
    """Return the bytes that an ordinary program may still write below a folder, 0 where nobody can tell."""
    try:
        room = os.statvfs(folder)
    except OSError:
        return 0
    return room.f_bavail * room.f_frsize


class Mask:
    """Takes secrets out of text: each one whole, and each longer line of one that has several."""

    def __init__(self, secrets: Iterable[str]) -> None:
        parts = set()
        for secret in secrets:
            parts.add(secret.strip())
            parts.update(line.strip() for line in secret.splitlines() if len(line.strip()) >= 8)
        self._parts = sorted((part for part in parts if part), key=lambda part: (-len(part), part))

    def __call__(self, text: str) -> str:
        for part in self._parts:
            text = text.replace(part, HIDDEN)
        return text


def tokens(data: bytes) -> set[str]:
    """Return the words of a secret file that are long enough (12 and more) to be keys, hashes or passwords."""
    text = data[:65536].decode("utf-8", "replace")
    return {word for word in re.findall(r"[^\s\"',]{12,}", text) if not word.endswith(":")}


def _fill(handle: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(handle, view):]


def _forget(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        return
