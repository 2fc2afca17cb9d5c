# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``file``: is it there, how old, how big, whose, and the same as it was?"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from ..kind import Kind, Look, Option, Options
from ..model import UNKNOWN, CannotTell, Finding, Limits, Observation
from ..stuck import Stuck, within
from ..thresholds import demand, judge
from ..units import words

_MOST_FILES = 100_000
_CHUNK = 1024 * 1024
_ALGORITHM = "sha256"
_OPTIONS = (
    Option("path", "path", "The file, or a shell pattern (`**` goes into folders): of several files the newest counts.", required=True),
    Option("state", "str", "Whether it has to be there or must not be.", default="exists", choices=("exists", "absent")),
    Option("type", "str", "What it has to be; a link is followed.", default="any", choices=("any", "file", "directory", "socket")),
    Option("age", "limits", "Time since it was last written (mtime).", unit="s", default=Limits()),
    Option("size", "limits", "Size beyond which it is too big.", unit="bytes", default=Limits()),
    Option("least_size", "limits", "Size below which it is too small: an empty backup.", unit="bytes", worse="below", default=Limits()),
    Option("count", "limits", "Number of files from which the pattern matches too many.", default=Limits()),
    Option("least_count", "limits", "Number of files down to which the pattern matches too few.", worse="below", default=Limits()),
    Option("sha256", "str", "What its checksum has to be; it is read whole only after it changed.", default=""),
    Option("mode", "str", "Its permissions, in octal: '0640'.", default=""),
    Option("owner", "str", "Name or number of its owner.", default=""),
    Option("group", "str", "Name or number of its group.", default=""),
)
_TYPES: Mapping[str, Callable[[int], bool]] = {"file": stat.S_ISREG, "directory": stat.S_ISDIR, "socket": stat.S_ISSOCK}
_RIGHTS = "Give the checker's user the right to read it, and to enter the folders above it."


def refuse(options: Options) -> str | None:
    """Refuse a checksum or a mode that cannot be one, and demands on what must not be there."""
    checksum, mode = options["sha256"].lower(), options["mode"]
    if checksum and (len(checksum) != 64 or set(checksum) - set("0123456789abcdef")):
        return "sha256 is no checksum, expected 64 hexadecimal digits."
    if mode and (set(mode) - set("01234567") or not 3 <= len(mode) <= 4):
        return f"mode is {mode!r}, expected three or four octal digits in quotes, such as '0640'."
    demands = [name for name in ("type", "age", "size", "least_size", "count", "least_count", "sha256", "mode", "owner", "group")
               if options[name] not in ("", "any") and options[name] not in (Limits(), Limits(worse="below"))]
    if options["state"] == "absent" and demands:
        return f"state is absent, where {demands[0]} has no meaning."
    return None


def observe(options: Options, look: Look) -> Observation:
    """Look for it in a thread that is left behind where the file system does not answer."""
    deadline = look.system.monotonic() + look.timeout * 0.9
    try:
        return within(options["path"], look.timeout * 0.95, lambda: _look(options, look, deadline))
    except Stuck as error:
        raise CannotTell(f"the file system does not answer: {error}", f"See whose it is: findmnt -T {options['path']}")
    except PermissionError as error:
        raise CannotTell(f"{error.filename or options['path']} may not be looked at: {error.strerror}", _RIGHTS)
    except OSError as error:
        raise CannotTell(f"{options['path']} cannot be looked at: {error.strerror}", f"See ls -l {options['path']}; dmesg -T | tail")


def _look(options: Options, look: Look, deadline: float) -> Observation:
    path, count, seen = _newest(options["path"], look, deadline)
    if seen is None:
        return Observation({"count": 0})
    values = {
        "count": count, "path": path.encode(errors="surrogateescape").decode(errors="replace"), "age": look.system.now() - seen.st_mtime,
        "size": seen.st_size, "mode": f"{stat.S_IMODE(seen.st_mode):04o}", "owner": _owner(seen.st_uid), "group": _group(seen.st_gid),
        "uid": str(seen.st_uid), "gid": str(seen.st_gid),
        "type": next((name for name, test in _TYPES.items() if test(seen.st_mode)), "other"),
    }
    if not options["sha256"] or values["type"] != "file":
        return Observation(values)
    mark = [path, seen.st_ino, seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns]
    kept = look.memory.get("sum") if look.memory.get("mark") == mark else None
    checksum = kept or _checksum(path, look, deadline)
    return Observation({**values, "sha256": checksum}, {"mark": mark, "sum": checksum})


def _newest(pattern: str, look: Look, deadline: float) -> tuple[str, int, os.stat_result | None]:
    """Return the newest match, how many there are, and its figures. A folder that may not be read is an error and not an empty one."""
    best: tuple[str, os.stat_result | None] = ("", None)
    count = 0
    for path in _matches(pattern):
        try:
            seen = os.stat(path)
        except FileNotFoundError:
            continue
        count += 1
        if best[1] is None or seen.st_mtime > best[1].st_mtime:
            best = (path, seen)
        if count > _MOST_FILES or look.system.monotonic() > deadline:
            raise CannotTell(f"{pattern} matches too many files to look at in time: {count} so far", "Choose a narrower pattern.")
    return best[0], count, best[1]


def _matches(pattern: str) -> Iterator[str]:
    import glob

    if not glob.has_magic(pattern) or os.path.lexists(pattern):
        yield pattern
        return
    folder = os.path.dirname(pattern[: min(pattern.find(sign) for sign in "*?[" if sign in pattern)])
    try:
        os.scandir(folder).close()  # glob reads "may not" as "nothing"
    except (FileNotFoundError, NotADirectoryError):
        return
    yield from glob.iglob(pattern, recursive=True)


def _checksum(path: str, look: Look, deadline: float) -> str:
    import hashlib

    digest = hashlib.new(_ALGORITHM)
    with open(path, "rb", buffering=0) as handle:
        while block := handle.read(_CHUNK):
            digest.update(block)
            if look.system.monotonic() > deadline:
                raise CannotTell(f"{path} is too big to be read within {look.timeout:g} s", "Raise timeout (and interval) of this check.")
    return digest.hexdigest()


def _owner(number: int) -> str:
    import pwd

    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def _group(number: int) -> str:
    import grp

    try:
        return grp.getgrgid(number).gr_name
    except KeyError:
        return str(number)


def decide(options: Options, values: Mapping[str, Any]) -> list[Finding]:
    """Is it there, and is it as it has to be?"""
    pattern, count = options["path"], values["count"]
    several = any(sign in pattern for sign in "*?[")
    there = f"{count} files match {pattern}" if several else f"{pattern} {'exists' if count else 'is not there'}"
    wanted = options["state"] == "exists"
    if bool(count) != wanted or not count:
        word, advice = ("to exist", "See what ought to write it, and when it last ran: systemctl list-timers") if wanted else (
            "to be absent", f"See who made it: ls -l {pattern}")
        return [demand("state", bool(count) == wanted, "exists" if count else "absent", word, there, advice=advice)]
    return [*_figures(options, values, there), *_nature(options, values)]


def _figures(options: Options, values: Mapping[str, Any], there: str) -> list[Finding]:
    path, pattern = values["path"], options["path"]
    look, number = f"ls -l --time-style=full-iso {path}", f"number of files for {pattern}"
    findings = [
        judge("age", values["age"], options["age"], "s", name=f"age of {path}", advice=f"See what ought to write it: {look}"),
        judge("size", values["size"], options["size"], "bytes", name=f"size of {path}", advice=look),
        judge("least_size", values["size"], options["least_size"], "bytes", name=f"size of {path}", advice=look),
        judge("count", values["count"], options["count"], name=number, advice=f"ls -lt {pattern}"),
        judge("least_count", values["count"], options["least_count"], name=number, advice=f"ls -lt {pattern}"),
    ]
    limited = [finding for finding in findings if options[finding.what] not in (Limits(), Limits(worse="below"))]
    return limited or [demand("state", True, "exists", "to exist", there)]


def _nature(options: Options, values: Mapping[str, Any]) -> list[Finding]:
    path = values["path"]
    asked: Sequence[tuple[str, str, tuple[str, ...], str]] = (
        ("type", options["type"] if options["type"] != "any" else "", (values["type"],), f"See what it is: ls -l {path}"),
        ("mode", options["mode"].zfill(4) if options["mode"] else "", (values["mode"],), f"chmod {options['mode']} {path}"),
        ("owner", options["owner"], (values["owner"], values["uid"]), f"chown {options['owner']} {path}"),
        ("group", options["group"], (values["group"], values["gid"]), f"chgrp {options['group']} {path}"),
    )
    findings = [demand(what, wanted in found, found[0], wanted, f"{what} of {path} is {found[0]}, expected {wanted}", advice=advice)
                for what, wanted, found, advice in asked if wanted]
    return findings + ([_same(options["sha256"].lower(), values)] if options["sha256"] else [])


def _same(wanted: str, values: Mapping[str, Any]) -> Finding:
    path, found = values["path"], values.get("sha256")
    if found is None:
        return Finding("sha256", UNKNOWN, None, wanted, f"{path} is no plain file and has no checksum", advice="Take sha256 away.")
    sentence = f"checksum of {path} is {found[:12]}..." + ("" if found == wanted else f", expected {wanted[:12]}...")
    return demand("sha256", found == wanted, found, wanted, sentence,
                  advice=f"See who changed it and when: stat {path}; it was written {words(values['age'], 's')} ago.")


KIND = Kind(
    name="file",
    text="A file, or the newest of several: there or absent, its age, size, checksum, permissions and owner, and how many there are.",
    options=_OPTIONS,
    observe=observe,
    decide=decide,
    refuse=refuse,
    example="""\
- name: backup
  kind: file
  path: /srv/backup/db-*.sql.gz
  age: {warn: 26h, fail: 50h}
  least_size: {fail: 1MiB}
  interval: 5m
- name: shadow
  kind: file
  path: /etc/shadow
  owner: root
  mode: '0640'
- name: no maintenance
  kind: file
  path: /etc/maintenance
  state: absent
""",
)
