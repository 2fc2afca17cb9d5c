# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which processes of the table a check means, and what they use."""

from __future__ import annotations

import os
import pwd
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from .clients.processes import CPU, DESCRIPTORS, MEMORY, THREADS, Processes
from .model import CannotTell
from .pid_file import PidFile, reused
from .proc_table import COMMAND, UNIT, USER, Entry, Table

# The kernel keeps this many bytes of a name (TASK_COMM_LEN less the end).
_NAME_LENGTH = 15
_SHOWN = 10
SEE_ALL = "Let the watcher see all processes: CAP_SYS_PTRACE in its unit, or the group of /proc's gid= option."


@dataclass(frozen=True)
class Choice:
    """The processes that a check means: those that run, and zombies of theirs. ``problem`` says what is wrong with the pid file."""

    running: tuple[Entry, ...]
    zombies: tuple[Entry, ...]
    problem: str = ""
    reused: bool = False


def columns(options: Mapping[str, Any]) -> set[str]:
    """Return what the table has to hold beyond the basic columns."""
    long_name = len(options["program"].encode()) > _NAME_LENGTH
    pairs = ((COMMAND, options["pattern"] or long_name), (USER, options["user"]), (UNIT, options["unit"]))
    return {column for column, needed in pairs if needed}


def choose(options: Mapping[str, Any], table: Table, file: PidFile | None, memory: Mapping[str, Any], now: float) -> Choice:
    """Apply every selector. A zombie does not run; it belongs to the choice if it matches, or if its parent does."""
    user = _user_number(options["user"])
    matching = [entry for entry in table.entries if _matches(entry, options, user)]
    problem, again = "", False
    if file is not None:
        problem, again = _pid_problem(file, {entry.pid: entry for entry in table.entries}, matching, table, memory, now)
        matching = [] if problem else [entry for entry in matching if entry.pid == file.pid]
    running = tuple(entry for entry in matching if entry.state not in "ZX")
    chosen = {entry.pid for entry in matching}
    zombies = tuple(entry for entry in table.entries if entry.state == "Z" and (entry.pid in chosen or entry.parent in chosen))
    return Choice(running, zombies, problem, again)


def _matches(entry: Entry, options: Mapping[str, Any], user: int | None) -> bool:
    if options["program"] and not _is_program(entry, options["program"]):
        return False
    if options["unit"] and entry.unit != (options["unit"] if "." in options["unit"] else f"{options['unit']}.service"):
        return False
    if options["user"] and (user is None or entry.user != user):
        return False
    if options["pattern"]:
        return entry.pid != os.getpid() and re.search(options["pattern"], entry.command or "") is not None
    return True


def _is_program(entry: Entry, program: str) -> bool:
    """A longer name than the kernel keeps is compared with the first word of the command line."""
    kept = program.encode()[:_NAME_LENGTH].decode(errors="ignore")
    if kept == program or entry.name != kept:
        return entry.name == program
    words = (entry.command or "").split(maxsplit=1)
    return bool(words) and os.path.basename(words[0]).rstrip(":") == program


def _user_number(user: str) -> int | None:
    if not user or user.isdigit():
        return int(user) if user else None
    try:
        return pwd.getpwnam(user).pw_uid
    except KeyError:
        return None


def _pid_problem(
    file: PidFile, known: Mapping[int, Entry], matching: Iterable[Entry], table: Table, memory: Mapping[str, Any], now: float
) -> tuple[str, bool]:
    """Return what is wrong with the pid file, and whether its number belongs to a later process."""
    if file.pid is None:
        return file.problem, False
    entry = known.get(file.pid)
    if entry is None and table.hidden and _exists(file.pid):
        raise CannotTell(f"process {file.pid} of the pid file belongs to another user and cannot be seen (/proc has hidepid)", SEE_ALL)
    if entry is None:
        return f"is stale: there is no process {file.pid}", False
    if entry.state in "ZX":
        return f"is stale: process {file.pid} ({entry.name}) has ended and is a zombie", False
    if reused(file, entry.start, now - (table.at - entry.start), memory):
        return f"is stale: process {file.pid} ({entry.name}) began after the file was written, it is another one", True
    if file.pid not in {match.pid for match in matching}:
        return f"names process {file.pid} ({entry.name}), which the other options do not choose", False
    return "", False


def _exists(pid: int) -> bool:
    """A process that /proc hides still answers to signal 0, which does nothing."""
    try:
        os.kill(pid, 0)
    except OSError as error:
        return isinstance(error, PermissionError)
    return True


def measure(
    choice: Choice, at: float, wanted: Collection[str], library: Processes, memory: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, float]]:
    """Return values for ``decide`` and the processor seconds of each process, to be remembered. ``at`` is seconds after boot.

    A measure is [value, process id of the worst]; of [None, process] it cannot be told; one that is missing has no value yet.
    """
    running = choice.running
    usage = _usage(running, wanted, library)
    cpu = {_identity(entry): used[CPU] or 0.0 for entry, used in usage.items() if used.get(CPU) is not None}
    measures = _states(choice, wanted)
    if usage:
        measures.update({name: _greatest(name, usage) for name in (THREADS, DESCRIPTORS) if name in wanted})
        measures.update(_memory(usage, wanted, library))
        measures.update(_cpu(usage, cpu, at, memory))
    if running:
        measures.update(_ages(running, at, wanted))
    values = {"count": len(running), "pids": [entry.pid for entry in running[:_SHOWN]], "pid_problem": choice.problem, "measures": measures}
    return values, cpu


def _usage(running: Collection[Entry], wanted: Collection[str], library: Processes) -> dict[Entry, dict[str, float | None]]:
    """Ask only for what is wanted; leave out processes that ended in the meantime."""
    names = {name for name in (THREADS, DESCRIPTORS, MEMORY, CPU) if name in wanted or (name == MEMORY and "memory_share" in wanted)}
    asked = {entry: library.usage(entry.pid, names) for entry in running} if names else {}
    return {entry: used for entry, used in asked.items() if used is not None}


def _states(choice: Choice, wanted: Collection[str]) -> dict[str, list[Any]]:
    groups = {
        "blocked": [entry for entry in choice.running if entry.state == "D"], "zombies": list(choice.zombies),
        "stopped": [entry for entry in choice.running if entry.state in "Tt"],
    }
    return {name: [len(found), found[0].pid if found else 0] for name, found in groups.items() if name in wanted}


def _greatest(name: str, usage: Mapping[Entry, Mapping[str, float | None]]) -> list[Any]:
    unread = [entry for entry, used in usage.items() if used[name] is None]
    if unread:
        return [None, _named(unread[0])]
    worst = max(usage, key=lambda entry: usage[entry][name] or 0.0)
    return [usage[worst][name], worst.pid]


def _memory(usage: Mapping[Entry, Mapping[str, float | None]], wanted: Collection[str], library: Processes) -> dict[str, list[Any]]:
    if not any(MEMORY in used for used in usage.values()):
        return {}
    most = _greatest(MEMORY, usage)
    total = None if most[0] is None else sum(used[MEMORY] or 0.0 for used in usage.values())
    found: dict[str, list[Any]] = {MEMORY: [total, most[1]]} if MEMORY in wanted else {}
    if "memory_share" in wanted:
        found["memory_share"] = [None if total is None else 100.0 * total / library.ram(), most[1]]
    return found


def _cpu(
    usage: Mapping[Entry, Mapping[str, float | None]], cpu: Mapping[str, float], at: float, memory: Mapping[str, Any]
) -> dict[str, list[Any]]:
    """Percent of one processor since the last look; nothing at the first one, nor across a boot. A new process counts from its start."""
    before, since = memory.get("cpu"), at - memory.get("at", at)
    if not before or since <= 0:
        return {}
    spent = {entry: cpu[_identity(entry)] - before.get(_identity(entry), 0.0) for entry in usage if _identity(entry) in cpu}
    fair = {entry: seconds for entry, seconds in spent.items() if _identity(entry) in before or entry.start >= at - since}
    if not fair:
        return {}
    worst = max(fair, key=lambda entry: fair[entry])
    return {CPU: [max(0.0, 100.0 * sum(fair.values()) / since), worst.pid]}


def _ages(running: Collection[Entry], at: float, wanted: Collection[str]) -> dict[str, list[Any]]:
    youngest, oldest = max(running, key=lambda entry: entry.start), min(running, key=lambda entry: entry.start)
    ages = {"min_age": youngest, "max_age": oldest}
    return {name: [max(0.0, at - entry.start), entry.pid] for name, entry in ages.items() if name in wanted}


def _identity(entry: Entry) -> str:
    """A number is used again; with the start it is unique until the next boot."""
    return f"{entry.pid}:{entry.start:.2f}"


def _named(entry: Entry) -> str:
    return f"process {entry.pid} ({entry.name})"


def recall(choice: Choice, file: PidFile | None, cpu: Mapping[str, float], at: float) -> dict[str, Any]:
    """Return what the next look has to know."""
    memory: dict[str, Any] = {"cpu": dict(cpu), "at": at} if cpu else {}
    if file is not None and file.pid is not None and (choice.reused or choice.running):
        start = choice.running[0].start if choice.running else None
        memory.update(pid=file.pid, written=file.written, start=start, reused=choice.reused)
    return memory
