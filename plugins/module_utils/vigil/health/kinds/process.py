# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``process``: processes chosen by name, command line, unit, user or pid file; how many, in which state, and what they use."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..choose import SEE_ALL, choose, columns, measure, recall
from ..clients.processes import CPU, DESCRIPTORS, MEMORY, PSUTIL, THREADS, Processes
from ..kind import Kind, Look, Option, Options
from ..model import FAIL, PASS, UNKNOWN, CannotTell, Finding, Limits, Observation
from ..pid_file import PidFile, read_pid_file
from ..proc_table import Table, boot_seconds, read_table
from ..thresholds import judge
from ..wanted import reading

_SELECTORS = ("program", "pattern", "unit", "user", "pid_file")
_BELOW = Limits(worse="below")
_OPTIONS = (
    Option("program", "str", "Name of the program, as ps -o comm shows it.", default=""),
    Option("pattern", "regex", "Pattern that the command line has to contain; the watcher itself does not count.", default=""),
    Option("unit", "str", "The systemd unit that the process belongs to; a name without a type is a service.", default=""),
    Option("user", "str", "Name or number of the user it runs as.", default=""),
    Option("pid_file", "path", "File with the number of the process; a stale one fails.", default=None),
    Option("min", "int", "The least number of processes; 1, or 0 where max is 0.", default=None),
    Option("max", "int", "The greatest number of processes; 0: there must be none.", default=None),
    Option("blocked", "limits", "How many wait in the kernel, for a disk mostly, and cannot be interrupted (state D).", default=Limits()),
    Option("stopped", "limits", "How many are stopped by a signal or a debugger (state T).", default=Limits(fail=1)),
    Option("zombies", "limits", "How many of them, or of their children, have ended and are not cleared away (state Z).", default=Limits()),
    Option("threads", "limits", "Threads of the process that has most.", default=Limits()),
    Option("descriptors", "limits",
           "Open files of a process against its own limit, the worst of all; before Linux 6.2 it takes the "
           "capabilities above for processes of other users.", unit="%", default=Limits()),
    Option("memory", "limits", "Resident memory of all of them together; what they share is counted for each.", unit="bytes",
           default=Limits()),
    Option("memory_share", "limits", "The same, of the machine's memory.", unit="%", default=Limits()),
    Option("cpu", "limits", "Processor time of all of them since the last look; 100% is one processor.", unit="%", default=Limits()),
    Option("min_age", "limits", "Age of the youngest: one that is too young was restarted.", unit="s", worse="below", default=_BELOW),
    Option("max_age", "limits", "Age of the oldest: one that is too old hangs.", unit="s", default=Limits()),
)
_MEASURED = {
    "blocked": ("", "the number of processes of {} that wait in the kernel", "See what for: grep -H . /proc/{pid}/wchan; dmesg | tail"),
    "stopped": ("", "the number of processes of {} that are stopped", "See who stopped it; it goes on after: kill -CONT {pid}"),
    "zombies": ("", "the number of zombies of {}", "Its parent does not clear them away; restart it: ps -eo pid,ppid,stat,comm | grep Z"),
    THREADS: ("", "the greatest number of threads of {}", "See them: ps -L -o lwp,stat,wchan:20,comm -p {pid}"),
    DESCRIPTORS: ("%", "the greatest use of its open file limit by {}", "See which: ls -l /proc/{pid}/fd; raise LimitNOFILE of its unit"),
    MEMORY: ("bytes", "the resident memory of {}", "See which: ps -o pid,rss,etime,args -p {pid}"),
    "memory_share": ("%", "the share of {} in the machine's memory", "See which: ps -o pid,rss,etime,args -p {pid}"),
    CPU: ("%", "the processor time of {} since the last look, of one processor,", "See which thread: top -H -n 1 -b -p {pid}"),
    "min_age": ("s", "the age of the youngest of {}", "See what ended before it: journalctl _PID={pid} -n 50; journalctl -p warning -n 50"),
    "max_age": ("s", "the age of the oldest of {}", "See what it does: ps -o pid,stat,wchan:20,etime,args -p {pid}"),
}
_GRANT = "Let the watcher read them: CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH in its unit (AmbientCapabilities)."


def refuse(options: Options) -> str | None:
    """Refuse a check that chooses nothing, and a range that is empty."""
    if not any(options[name] for name in _SELECTORS):
        return f"nothing chooses the processes, expected at least one of {', '.join(_SELECTORS)}."
    least, most = _range(options)
    if least < 0 or (most is not None and most < least):
        return f"min is {least} and max is {most}, expected 0 <= min <= max."
    return None


def _range(options: Options) -> tuple[int, int | None]:
    most = options["max"]
    return (0 if most == 0 else 1) if options["min"] is None else options["min"], most


def observe(options: Options, look: Look) -> Observation:
    """Choose from the shared table, then measure those that were chosen."""
    library = Processes()
    file = _pid_file(options)
    table: Table = reading(look, "process table", columns(options), read_table)
    choice = choose(options, table, file, look.memory, look.system.now())
    wanted = {name for name in _MEASURED if _set(options[name])}
    at = boot_seconds()
    values, cpu = measure(choice, at, wanted, library, look.memory)
    return Observation({**values, "hidden": table.hidden}, recall(choice, file, cpu, at))


def _set(limits: Limits) -> bool:
    return limits.warn is not None or limits.fail is not None


def _pid_file(options: Options) -> PidFile | None:
    if not options["pid_file"]:
        return None
    try:
        return read_pid_file(options["pid_file"])
    except OSError as error:
        raise CannotTell(f"the pid file {options['pid_file']} cannot be read: {error.strerror}",
                         f"Let the watcher's user read it, or choose the process by unit or program: ls -l {options['pid_file']}")


def decide(options: Options, values: Mapping[str, Any]) -> list[Finding]:
    """The pid file, the number, then each measure that has limits."""
    findings = [_stale(options, values)] if options["pid_file"] else []
    if not findings or findings[0].state == PASS:
        findings.append(_count(options, values))
    measured = [_measured(name, options, values) for name in _MEASURED if name in values["measures"]]
    return [*findings, *measured]


def _stale(options: Options, values: Mapping[str, Any]) -> Finding:
    problem = values["pid_problem"]
    sentence = f"the pid file {options['pid_file']} {problem or 'names process ' + ', '.join(map(str, values['pids']))}"
    advice = f"See whether the service runs; a stale file may keep it from starting: ls -l {options['pid_file']}"
    return Finding("pid_file", FAIL if problem else PASS, problem or "right", "the process that wrote it", sentence,
                   advice=advice if problem else "")


def _count(options: Options, values: Mapping[str, Any]) -> Finding:
    least, most = _range(options)
    number, state = values["count"], PASS
    if number < least or (most is not None and number > most):
        state = FAIL
    expected = f"{least} or more" if most is None else f"{least} to {most}" if least != most else f"{least}"
    pids = f" ({', '.join(map(str, values['pids']))}{', ...' if number > len(values['pids']) else ''})" if values["pids"] else ""
    sentence = f"{number} {'process' if number == 1 else 'processes'} of {_what(options)} {'runs' if number == 1 else 'run'}{pids}"
    if values["hidden"] and (number < least or (most is not None and number <= most)):
        return Finding("count", UNKNOWN, number, expected, f"{sentence}, but those of other users cannot be seen (/proc has hidepid)",
                       advice=SEE_ALL)
    sentence += "" if state == PASS else f", expected {expected}"
    return Finding("count", state, number, expected, sentence, advice="" if state == PASS else _advice(options, values, least))


def _what(options: Options) -> str:
    parts = [options["program"], f"/{options['pattern']}/" if options["pattern"] else "", options["unit"],
             f"user {options['user']}" if options["user"] else "", options["pid_file"]]
    return ", ".join(part for part in parts if part)


def _advice(options: Options, values: Mapping[str, Any], least: int) -> str:
    if values["count"] >= least:
        return "See who started them: ps -o pid,ppid,user,etime,args -p " + ",".join(map(str, values["pids"]))
    if options["unit"]:
        return f"See why: journalctl -u {options['unit']} -n 50 --no-pager"
    return "Start it, and see why it ended: journalctl -p warning -n 50 --no-pager; dmesg | grep -i kill"


def _measured(name: str, options: Options, values: Mapping[str, Any]) -> Finding:
    unit, phrase, advice = _MEASURED[name]
    value, pid = values["measures"][name]
    label = phrase.format(_what(options))
    if value is None:
        return Finding(name, UNKNOWN, None, "", f"{label} cannot be told: {pid} may not be read", unit, _GRANT)
    return judge(name, value, options[name], unit, name=label, advice=advice.replace("{pid}", str(pid)))


KIND = Kind(
    name="process",
    text="Processes, chosen by any of program, command line, unit, user and pid file together: how many there are, in which state, "
         "and their threads, open files, memory, processor time and age.",
    options=_OPTIONS,
    observe=observe,
    decide=decide,
    refuse=refuse,
    packages=(PSUTIL,),
    capabilities=("CAP_SYS_PTRACE", "CAP_DAC_READ_SEARCH"),
    needs=lambda options: _set(options["descriptors"]),
    example="""\
- name: workers
  kind: process
  unit: worker.service
  min: 4
  zombies: {warn: 5, fail: 50}
  memory: {warn: 2GiB, fail: 3GiB}
  descriptors: {warn: 70%, fail: 90%}
- name: nobody mines
  kind: process
  pattern: 'xmrig|minerd'
  max: 0
- name: cron
  kind: process
  pid_file: /run/crond.pid
  program: cron
""",
)
