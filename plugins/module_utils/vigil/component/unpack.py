# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Unpacks an archive into an empty folder. What points out of it is refused, not skipped. Owner is who runs; no setuid."""

from __future__ import annotations

import os
import posixpath
import shutil
import tarfile
import zipfile
from typing import IO

from ..model import VigilError
from .download import disk_full


def unpack(archive: str, folder: str, strip: int, single: str) -> None:
    """Unpack a tar (any compression Python knows) or zip; anything else is taken to be the one program ``single``."""
    try:
        if tarfile.is_tarfile(archive):
            _tar(archive, folder, strip)
        elif zipfile.is_zipfile(archive):
            _zip(archive, folder, strip)
        else:
            with open(archive, "rb") as source:
                _file(source, os.path.join(folder, single), 0o755)
    except (tarfile.TarError, zipfile.BadZipFile, EOFError) as error:
        raise VigilError(f"The archive cannot be unpacked ({error}) though its checksum is right. Expected a tar or zip file.") from error


def _tar(archive: str, folder: str, strip: int) -> None:
    links: list[tuple[str, str]] = []
    with tarfile.open(archive) as source:
        for member in source:
            name = stripped(member.name, strip)
            target = os.path.join(folder, name)
            if not name or member.isdir():
                os.makedirs(target, exist_ok=True)
            elif member.issym():
                links.append((target, member.linkname))
            elif member.islnk():
                _copy(os.path.join(folder, stripped(member.linkname, strip)), target, member.name)
            elif member.isfile() and (content := source.extractfile(member)) is not None:
                _file(content, target, member.mode)
            else:
                raise _unsafe(member.name, "is a device or a pipe")
    _links(folder, links)


def _zip(archive: str, folder: str, strip: int) -> None:
    with zipfile.ZipFile(archive) as source:
        for info in source.infolist():
            name, mode = stripped(info.filename, strip), info.external_attr >> 16
            if mode & 0o170000 == 0o120000:
                raise _unsafe(info.filename, "is a link in a zip file")
            if not name or info.is_dir():
                os.makedirs(os.path.join(folder, name), exist_ok=True)
                continue
            with source.open(info) as content:
                _file(content, os.path.join(folder, name), mode or 0o644)


def stripped(name: str, strip: int) -> str:
    """A member's path without its first ``strip`` folders; empty where nothing is left. Refuses what leads out."""
    if name.startswith(("/", "\\")) or ".." in name.split("/"):
        raise _unsafe(name, "leads out of the archive's folder")
    parts = [part for part in name.split("/") if part not in ("", ".")]
    return "/".join(parts[strip:])


def _file(content: IO[bytes], target: str, mode: int) -> None:
    os.makedirs(os.path.dirname(target), exist_ok=True)
    with disk_full(target), open(target, "xb") as handle:
        shutil.copyfileobj(content, handle, 1024 * 1024)
        os.fchmod(handle.fileno(), 0o755 if mode & 0o111 else 0o644)
        handle.flush()
        os.fsync(handle.fileno())


def _copy(source: str, target: str, name: str) -> None:
    if not os.path.isfile(source):
        raise _unsafe(name, "is a hard link to a file that the archive does not hold before it")
    with open(source, "rb") as content:
        _file(content, target, os.stat(source).st_mode)


def _links(folder: str, links: list[tuple[str, str]]) -> None:
    # Made last, so that no file was ever written through one; checked by where they really lead, as links may chain.
    for target, points in links:
        if posixpath.isabs(points):
            raise _unsafe(target[len(folder) + 1:], f"is a link to {points}, out of the archive's folder")
        os.makedirs(os.path.dirname(target), exist_ok=True)
        os.symlink(points, target)
    inside = os.path.realpath(folder) + os.sep
    for target, points in links:
        if not (os.path.realpath(target) + os.sep).startswith(inside):
            raise _unsafe(target[len(folder) + 1:], f"is a link to {points}, out of the archive's folder")


def _unsafe(name: str, why: str) -> VigilError:
    return VigilError(f"The archive is refused: its member {name!r} {why}. Expected only files below one folder. Nothing was changed.")
