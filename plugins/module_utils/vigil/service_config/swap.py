# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Moving a set of files in, and moving the old one back: every step can be repeated, from any point where it was cut off."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable

from ..files import context_of, explained, fsync_folder, sha256, write_new
from .decide import Change
from .journal import Entry, Log
from .observe import Observed, look


def prepare(log: Log, changes: Iterable[Change], seen: Observed) -> None:
    """Lay the new files and the old ones beside their places. All that takes room on the disk happens here."""
    os.makedirs(log.home, mode=0o700, exist_ok=True)
    log.write("preparing")
    for folder in log.journal.folders:
        _make(folder)
        log.host.hook(f"folder {folder}")
    for entry, change in zip(log.journal.entries, changes):
        if entry.kind != "add":
            _keep(entry)
            log.host.hook(f"kept {entry.path}")
        if change.file is not None:
            item, label = change.file, context_of(entry.path)
            write_new(entry.beside("new"), item.content, item.mode, _id(seen.uids[item.owner]), _id(seen.gids[item.group]), label)
            log.host.hook(f"written {entry.path}")
    _flush(log)


def swap(log: Log) -> None:
    """Put every new file in its place. Nothing here needs room on the disk but the names."""
    for entry in log.journal.entries:
        if entry.kind == "remove":
            os.unlink(entry.path)
        else:
            os.rename(entry.beside("new"), entry.path)
        log.host.hook(f"swapped {entry.path}")
    _flush(log)
    log.write("swapped")


def restore(log: Log) -> None:
    """Put every old file back and remove what was new. Done twice it does the same."""
    for entry in log.journal.entries:
        _forget(entry.beside("new"))
        if entry.kind == "add":
            _take_away(entry)
        else:
            _put_back(entry)
        log.host.hook(f"restored {entry.path}")
    for folder in reversed(log.journal.folders):
        remove_empty(folder)
    _flush(log)
    log.note("restored")


def tidy(log: Log) -> None:
    """Remove the old files once the new set is proven, and folders of the set that are empty now."""
    for entry in log.journal.entries:
        _forget(entry.beside("old"))
        log.host.hook(f"tidied {entry.path}")
    _flush(log)
    for folder in sorted(log.journal.manifest.get("folders", ()), reverse=True):
        remove_empty(folder)


def unlike_old(log: Log) -> list[str]:
    """Return the paths that do not hold their old content after a roll-back."""
    wrong = []
    for entry in log.journal.entries:
        here = look(entry.path)
        if (here.kind != "absent") if entry.kind == "add" else (here.kind != "file" or here.sha256 != entry.old):
            wrong.append(entry.path)
    return wrong


def _id(number: int | None) -> int:
    return -1 if number is None else number


def _make(folder: str) -> None:
    try:
        os.mkdir(folder, 0o755)
    except FileExistsError:
        return
    except OSError as error:
        raise explained(error, folder, 4096) from error
    os.chmod(folder, 0o755)
    fsync_folder(os.path.dirname(folder))


def _keep(entry: Entry) -> None:
    """A second name for the old file takes no room and keeps owner, mode and label; a copy serves where links do not."""
    old = entry.beside("old")
    _forget(old)
    try:
        os.link(entry.path, old, follow_symlinks=False)
    except OSError:
        seen = look(entry.path)
        write_new(old, seen.content, seen.mode, seen.uid, seen.gid, context_of(entry.path))
        shutil.copystat(entry.path, old, follow_symlinks=False)


def _put_back(entry: Entry) -> None:
    old = entry.beside("old")
    if not os.path.lexists(old):
        return
    if os.path.lexists(entry.path) and os.path.samefile(old, entry.path):
        os.unlink(old)
    else:
        os.rename(old, entry.path)


def _take_away(entry: Entry) -> None:
    here = look(entry.path)
    if here.kind == "file" and sha256(here.content) == entry.new:
        os.unlink(entry.path)


def remove_empty(folder: str) -> None:
    """Remove a folder that nothing lies in; leave any other."""
    try:
        os.rmdir(folder)
    except OSError:
        return
    fsync_folder(os.path.dirname(folder))


def _flush(log: Log) -> None:
    for folder in sorted({os.path.dirname(entry.path) for entry in log.journal.entries}):
        fsync_folder(folder)


def _forget(path: str) -> None:
    try:
        os.unlink(path)
    except FileNotFoundError:
        return
