# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The host as this package sees it: a System, and a root folder that tests may move."""

from __future__ import annotations

import contextlib
import json
import os
import tempfile
from dataclasses import dataclass, field
from typing import Any

from ..system import System

OPT = "/opt/vigil"
STATE = "/var/lib/vigil/components"
CACHE = "/var/cache/vigil"
RUNTIME = "/run/vigil/component"


@dataclass(frozen=True)
class Host:
    """``root`` comes before every absolute path; ``machine`` overrides uname's (both for tests)."""

    system: System = field(default_factory=System)
    root: str = ""
    machine: str = ""

    def path(self, path: str) -> str:
        """Where an absolute path of the host is."""
        return self.root + path

    def exists(self, path: str) -> bool:
        """Whether anything is there, a dangling link included."""
        return os.path.lexists(self.path(path))

    def names(self, path: str) -> list[str]:
        """Names in a folder, sorted; none where it does not exist."""
        try:
            return sorted(os.listdir(self.path(path)))
        except (FileNotFoundError, NotADirectoryError):
            return []

    def link(self, path: str) -> str | None:
        """Where a symbolic link points; None where it is none."""
        try:
            return os.readlink(self.path(path))
        except OSError:
            return None

    def json(self, path: str) -> dict[str, Any] | None:
        """A JSON object; None where there is none or it cannot be read as one."""
        content = self.system.read(self.path(path))
        try:
            value = json.loads(content) if content is not None else None
        except ValueError:
            return None
        return value if isinstance(value, dict) else None

    def folder(self, path: str, mode: int = 0o755) -> None:
        """Make a folder and its parents; ``mode`` counts for the last one."""
        os.makedirs(self.path(os.path.dirname(path)), mode=0o755, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            os.mkdir(self.path(path), mode)
            os.chmod(self.path(path), mode)

    def write(self, path: str, content: bytes, mode: int = 0o644) -> None:
        """Replace a file in one step: written beside, synced, renamed."""
        target = self.path(path)
        handle, beside = tempfile.mkstemp(prefix=".vigil-", dir=os.path.dirname(target))
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(content)
                os.fchmod(stream.fileno(), mode)
                stream.flush()
                os.fsync(stream.fileno())
            os.replace(beside, target)
        except BaseException:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(beside)
            raise
        sync_folder(os.path.dirname(target))

    def unlink(self, path: str) -> None:
        """Remove a file or a link."""
        os.unlink(self.path(path))

    def point(self, path: str, target: str) -> None:
        """Make or move a symbolic link in one step."""
        where = self.path(path)
        beside = os.path.join(os.path.dirname(where), f".vigil-{os.path.basename(where)}.{os.getpid()}")
        with contextlib.suppress(FileNotFoundError):
            os.unlink(beside)
        os.symlink(target, beside)
        os.replace(beside, where)
        sync_folder(os.path.dirname(where))


def sync_folder(path: str) -> None:
    """Make renames in a folder durable."""
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
