# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read what was added to a log file since the last look, also where it was rotated, cut, or removed and made anew in between.

A place in a file is its inode, an offset at the beginning of a line, and a hash of the file's first bytes: an inode alone may be given
to a new file, and a file that was cut may have grown again beyond the offset.
"""

from __future__ import annotations

import glob
import importlib
import os
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from hashlib import sha256
from typing import IO, Any, cast

_HEAD = 1024
_CHUNK = 256 * 1024
# A longer line counts as several; so does a file that has no lines at all.
LONGEST_LINE = 64 * 1024
_MOST_CANDIDATES, _MOST_PLACES = 20, 8
_PACKED = {"gzip": b"\x1f\x8b", "bz2": b"BZh", "lzma": b"\xfd7zXZ\x00"}
# How often a rotated file that cannot be read to its end is tried: it may just be written by a compressor.
_TRIES = 3
Take = Callable[[bytes], None]


@dataclass(frozen=True)
class Place:
    """Where reading goes on. ``late``: rotated away, and its program may still write to it until it opens the new one."""

    path: str
    device: int
    inode: int
    offset: int
    head: str
    head_length: int
    tries: int = 0
    late: bool = False


@dataclass(frozen=True)
class Read:
    """What a look read. ``places``: the current file's first, then former ones. ``begun``: it was the first look; ``lost``: the rest of
    the old file was not found; ``unread``: bytes left for the next look."""

    places: tuple[Place, ...]
    path: str = ""
    begun: bool = False
    rotated: bool = False
    lost: bool = False
    unread: int = 0


class Budget:
    """How much more may be read: bytes, and time by a clock."""

    def __init__(self, size: int, deadline: float, clock: Callable[[], float]) -> None:
        self.size, self._deadline, self._clock = size, deadline, clock

    @property
    def spent(self) -> bool:
        """Whether it is used up."""
        return self.size <= 0 or self._clock() > self._deadline


def follow(pattern: str, places: Sequence[Place], budget: Budget, take: Take) -> Read:
    """Hand every whole line since the last look to ``take``. The first look begins at the end. Raises OSError.

    Two rotations between two looks lose the file in the middle.
    """
    paths = newest_first(pattern)
    if not paths:
        return Read(tuple(_finish(place, budget, take)[0] if index == 0 else place for index, place in enumerate(places)))
    if not places:
        return Read(tuple(_end(path) for path in paths[:_MOST_PLACES]), paths[0], begun=True)
    with _open(paths[0]) as handle:
        if _is_same(places[0], handle):
            return _go_on(paths[0], handle, _stragglers(places, budget, take), places[0].offset, budget, take)
        old, end, lost = _finish(places[0], budget, take)
        if not end:
            return Read((old, *places[1:]), paths[0], rotated=True, unread=1)
        start = next((place.offset for place in places[1:] if _is_same(place, handle)), 0)
        return replace(_go_on(paths[0], handle, (old, *places[1:]), start, budget, take), rotated=True, lost=lost)


def _stragglers(places: Sequence[Place], budget: Budget, take: Take) -> list[Place]:
    """Read once more what was rotated away at the last look."""
    return [replace(_finish(place, budget, take)[0], late=False) if place.late else place for place in places]


def _go_on(path: str, handle: IO[bytes], places: Sequence[Place], start: int, budget: Budget, take: Take) -> Read:
    offset, _end = _scan(handle, start, budget, take)
    here = _here(path, handle, offset)
    unread = max(0, os.fstat(handle.fileno()).st_size - offset) if budget.spent else 0
    return Read((here, *(place for place in places if place.inode != here.inode))[:_MOST_PLACES], path, unread=unread)


def newest_first(pattern: str) -> list[str]:
    """Return the regular files that match, the newest first."""
    found = []
    for path in [pattern] if os.path.lexists(pattern) else glob.iglob(pattern):
        try:
            seen = os.stat(path)
        except FileNotFoundError:
            continue
        if stat.S_ISREG(seen.st_mode):
            found.append((seen.st_mtime, path))
    return [path for _mtime, path in sorted(found, reverse=True)]


def _open(path: str) -> IO[bytes]:
    # Without waiting: a pipe in place of the file would hold us for ever.
    return os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb")


def _here(path: str, handle: IO[bytes], offset: int) -> Place:
    seen, length = os.fstat(handle.fileno()), min(_HEAD, offset)
    return Place(path, seen.st_dev, seen.st_ino, offset, _hash(handle, length), length)


def _end(path: str) -> Place:
    with _open(path) as handle:
        return _here(path, handle, _last_line(handle, os.fstat(handle.fileno()).st_size))


def _hash(handle: IO[bytes], length: int) -> str:
    handle.seek(0)
    return sha256(handle.read(length)).hexdigest()[:32]


def _is_same(last: Place, handle: IO[bytes]) -> bool:
    seen = os.fstat(handle.fileno())
    if (seen.st_dev, seen.st_ino) != (last.device, last.inode) or seen.st_size < last.offset:
        return False
    return _hash(handle, last.head_length) == last.head


def _last_line(handle: IO[bytes], size: int) -> int:
    """Where the line begins that is being written, or the end."""
    start = max(0, size - LONGEST_LINE)
    handle.seek(start)
    end = handle.read(size - start).rfind(b"\n") + 1
    return start + end if end or start == 0 else size


def _scan(handle: IO[bytes], start: int, budget: Budget, take: Take, final: bool = False) -> tuple[int, bool]:
    """Read lines from ``start``; return where to go on, and whether the end was reached. ``final``: nothing will be added any more."""
    handle.seek(start)
    offset, rest = start, b""
    while not budget.spent:
        chunk = handle.read(min(_CHUNK, budget.size))
        budget.size -= len(chunk)
        if not chunk:
            if final and rest:
                take(rest)
                offset += len(rest)
            return offset, True
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            take(line)
            offset += len(line) + 1
        if len(rest) >= LONGEST_LINE:
            take(rest)
            offset, rest = offset + len(rest), b""
    return offset, False


def _finish(last: Place, budget: Budget, take: Take) -> tuple[Place, bool, bool]:
    """Read the rest of the file that was rotated away; return where that ended, whether it is done with, and whether it is lost."""
    try:
        for handle in _rotated(last):
            offset, end = _scan(handle, last.offset, budget, take, final=True)
            return replace(last, offset=offset, late=end), end, False
    except Exception:  # each compressor has its own error for a file that is cut short or none at all
        if last.tries < _TRIES:
            return replace(last, tries=last.tries + 1), False, False
    return last, True, True


def _rotated(last: Place) -> Iterator[IO[bytes]]:
    """Find the old file: by its inode where it was renamed, else by its first bytes among the files that are named like it."""
    for path in _candidates(last):
        with _unpacked(path) as handle:
            if _hash(handle, last.head_length) == last.head and _reaches(handle, last.offset):
                yield handle
                return


def _reaches(handle: IO[bytes], offset: int) -> bool:
    handle.seek(max(0, offset - 1))
    return offset == 0 or len(handle.read(1)) == 1


def _candidates(last: Place) -> list[str]:
    name = os.path.basename(last.path)
    with os.scandir(os.path.dirname(last.path)) as entries:
        files = [entry for entry in entries if entry.is_file(follow_symlinks=False)]
    renamed = [entry.path for entry in files if entry.inode() == last.inode]
    if not last.head_length:  # of an empty file there are no first bytes to know it by
        return renamed
    named = [(entry.stat().st_mtime, entry.path) for entry in files if entry.name.startswith(name.split(".")[0]) and entry.name != name]
    return renamed + [path for _mtime, path in sorted(named, reverse=True)[:_MOST_CANDIDATES] if path not in renamed]


def _unpacked(path: str) -> IO[bytes]:
    handle = _open(path)
    magic = handle.read(6)
    handle.seek(0)
    name = next((name for name, sign in _PACKED.items() if magic.startswith(sign)), "")
    if not name:
        return handle
    handle.close()
    return cast("IO[bytes]", importlib.import_module(name).open(path, "rb"))


def to_json(places: Sequence[Place]) -> list[dict[str, Any]]:
    """Return places as JSON values, to be remembered."""
    return [asdict(place) for place in places]


def from_json(values: Sequence[Mapping[str, Any]]) -> tuple[Place, ...]:
    """Read what ``to_json`` wrote."""
    return tuple(Place(**value) for value in values)
