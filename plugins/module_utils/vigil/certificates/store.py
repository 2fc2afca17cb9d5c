# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The folder of secrets on the controller: only its owner reads it, files are whole or not there, one run at a time."""

from __future__ import annotations

import contextlib
import fcntl
import os
import stat
import tempfile
import time
from collections.abc import Iterator

from ..model import VigilError


class Store:
    """A folder (mode 0700) of files (mode 0600). ``root`` is an absolute path; it is made on first use."""

    def __init__(self, root: str) -> None:
        if not os.path.isabs(root):
            raise VigilError(f"The folder of secrets is {root!r}; an absolute path on the controller is needed. Set vigil_secrets_dir.")
        self.root = os.path.normpath(root)

    @contextlib.contextmanager
    def locked(self, timeout: float = 30.0) -> Iterator[None]:
        """Hold the folder against other runs; ``timeout`` is in seconds."""
        self._folder(self.root)
        descriptor = os.open(os.path.join(self.root, ".lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            self._wait(descriptor, time.monotonic() + timeout)
            yield
        finally:
            os.close(descriptor)

    def path(self, name: str) -> str:
        """Return the absolute path of a file of the store."""
        return os.path.join(self.root, name)

    def read(self, name: str) -> bytes | None:
        """Return a file's content, or None where there is none."""
        try:
            with open(self.path(name), "rb") as handle:
                if stat.S_IMODE(os.fstat(handle.fileno()).st_mode) & 0o077:
                    os.chmod(self.path(name), 0o600)
                return handle.read()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise VigilError(f"{self.path(name)} cannot be read: {error.strerror}.") from error

    def write(self, name: str, content: bytes) -> bool:
        """Put a file in place in one step; returns whether its content changed."""
        if self.read(name) == content:
            return False
        folder = os.path.dirname(self.path(name))
        try:
            self._folder(folder)
            self._put(folder, self.path(name), content)
        except OSError as error:
            raise VigilError(f"{self.path(name)} cannot be written: {error.strerror}.") from error
        return True

    def move(self, name: str, to: str) -> None:
        """Rename a file of the store, over one that is there."""
        os.replace(self.path(name), self.path(to))

    def _put(self, folder: str, path: str, content: bytes) -> None:
        descriptor, temporary = tempfile.mkstemp(prefix=".new-", dir=folder)
        try:
            with os.fdopen(descriptor, "wb") as handle:
                handle.write(content)
                handle.flush()
                os.fsync(handle.fileno())
            os.replace(temporary, path)
        except BaseException:
            os.unlink(temporary)
            raise

    def _folder(self, path: str) -> None:
        if path != self.root:
            self._folder(os.path.dirname(path))
        try:
            os.makedirs(path, mode=0o700, exist_ok=True)
            found = os.stat(path)
            if stat.S_IMODE(found.st_mode) & 0o077:
                os.chmod(path, 0o700)
        except OSError as error:
            raise VigilError(
                f"The folder of secrets {path} cannot be made, or made private to this user: {error.strerror}. "
                "Set vigil_secrets_dir to a folder that this user owns."
            ) from error

    def _wait(self, descriptor: int, until: float) -> None:
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return
            except BlockingIOError:
                if time.monotonic() >= until:
                    raise VigilError(f"Another run holds {self.root}. Let it end, then try again.") from None
                time.sleep(0.05)
