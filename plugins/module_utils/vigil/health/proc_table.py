# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All processes of the host in one cheap reading of /proc (5 us a process for the basic columns), shared by the checks of a round.

psutil takes six times as long for the same columns, so it is asked only about the few processes that a check has chosen.
"""

from __future__ import annotations

import os
import time
from collections.abc import Collection
from dataclasses import dataclass

COMMAND, USER, UNIT = "command", "user", "unit"
_MOST = 64 * 1024
_TICKS = os.sysconf("SC_CLK_TCK")
_UNIT_SUFFIXES = (".service", ".scope", ".socket", ".mount", ".swap")


@dataclass(frozen=True)
class Entry:
    """A process. ``name`` is the kernel's, 15 bytes at most; ``start`` in seconds after boot; the rest is None where not asked for.

    ``state`` is one letter: R, S, D (waits in the kernel), T or t (stopped), Z (zombie), I. ``user`` is the effective user's number.
    """

    pid: int
    name: str
    state: str
    parent: int
    start: float
    command: str | None = None
    user: int | None = None
    unit: str | None = None


@dataclass(frozen=True)
class Table:
    """Every process that can be seen; ``hidden`` where /proc is mounted so that others' cannot (hidepid). ``at`` is seconds after boot."""

    entries: tuple[Entry, ...]
    hidden: bool
    at: float


def read_table(columns: Collection[str] = (), proc: str = "/proc") -> Table:
    """Read all processes, with those of the columns command, user and unit that are asked for."""
    pids = sorted(int(name) for name in os.listdir(proc) if name.isdigit())
    entries, unseen, root = [], 0, ""
    try:
        root = read_root(proc) if UNIT in columns else ""
    except PermissionError:
        unseen += 1
    for pid in pids:
        try:
            entry = read_entry(pid, columns, proc, root)
        except PermissionError:
            unseen += 1
            continue
        entries += [entry] if entry else []
    return Table(tuple(entries), unseen > 0 or 1 not in pids, boot_seconds())


def read_entry(pid: int, columns: Collection[str] = (), proc: str = "/proc", root: str = "") -> Entry | None:
    """Return one process, None where it is gone. Raises PermissionError where it may not be seen."""
    stat = _text(f"{proc}/{pid}/stat")
    if stat is None or ")" not in stat:
        return None
    name, _end, rest = stat.partition("(")[2].rpartition(")")
    fields = rest.split()
    command = _command(_text(f"{proc}/{pid}/cmdline")) if COMMAND in columns else None
    user = _user(_text(f"{proc}/{pid}/status")) if USER in columns else None
    unit = unit_of(_text(f"{proc}/{pid}/cgroup") or "", root) if UNIT in columns else None
    # proc_pid_stat(5): the fields after the name are state (3), ppid (4) and, 18 further on, starttime (22) in clock ticks after boot.
    return Entry(pid, name, fields[0], int(fields[1]), int(fields[19]) / _TICKS, command, user, unit)


def read_root(proc: str = "/proc") -> str:
    """Return where this host's tree of units begins. Raises PermissionError where process 1 may not be seen."""
    return unit_root(_text(f"{proc}/1/cgroup") or "")


def boot_seconds() -> float:
    """Seconds after boot, sleep of the machine included: the clock in which the kernel keeps the start of a process."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def unit_of(cgroup: str, root: str) -> str:
    """Return the system unit of a process from its /proc/PID/cgroup, as systemd finds it: what comes after the slices. Empty: none.

    ``root`` is where this host's own tree begins (it is not / in a container).
    """
    path = _systemd_path(cgroup)
    if not path.startswith(f"{root}/"):
        return ""
    for part in path[len(root) + 1:].split("/"):
        if not part.endswith(".slice"):
            return part.lstrip("_") if part.endswith(_UNIT_SUFFIXES) else ""
    return ""


def unit_root(cgroup_of_first: str) -> str:
    """Return where the tree of units begins, from the cgroup of process 1, which lives in init.scope."""
    path = _systemd_path(cgroup_of_first)
    return path[: -len("/init.scope")] if path.endswith("/init.scope") else path.rstrip("/")


def _systemd_path(cgroup: str) -> str:
    """The path of the hierarchy that systemd manages: the named one of version 1 where there is one, else that of version 2."""
    found = ""
    for line in cgroup.splitlines():
        number, _colon, rest = line.partition(":")
        controllers, _colon, path = rest.partition(":")
        if controllers == "name=systemd":
            return path
        if number == "0":
            found = path
    return found


def _command(text: str | None) -> str:
    return " ".join((text or "").rstrip("\0").split("\0"))


def _user(status: str | None) -> int | None:
    fields = (status or "").partition("\nUid:")[2][:100].split()
    return int(fields[1]) if len(fields) > 1 else None


def _text(path: str) -> str | None:
    """Read a file of a process; None where it is gone (a process may end between two reads)."""
    try:
        handle = os.open(path, os.O_RDONLY)
    except (FileNotFoundError, ProcessLookupError):
        return None
    try:
        return os.read(handle, _MOST).decode(errors="replace")
    except ProcessLookupError:
        return None
    finally:
        os.close(handle)
