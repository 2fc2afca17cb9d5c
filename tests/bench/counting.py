# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run did over SSH, and when: pure functions of what count.sh and the callback bench_tasks wrote."""

from __future__ import annotations

import json
from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Call:
    """One remote call: seconds since the epoch, the address or name it went to."""

    at: float
    host: str


@dataclass(frozen=True)
class Task:
    """When a task started, for which role of the play. ``role`` is empty outside roles."""

    at: float
    role: str
    name: str


@dataclass(frozen=True)
class Run:
    """A run as measured: wall clock and the controller's CPU time in seconds, calls by role and host."""

    name: str
    wall: float
    cpu: float
    calls: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)

    @property
    def total(self) -> int:
        """All remote calls."""
        return sum(sum(hosts.values()) for hosts in self.calls.values())

    def of(self, role: str) -> int:
        """Remote calls of a role."""
        return sum(self.calls.get(role, {}).values())

    def most(self, role: str) -> int:
        """The most remote calls of a role on one host."""
        return max(self.calls.get(role, {}).values(), default=0)

    def on(self, host: str) -> int:
        """Remote calls on a host."""
        return sum(hosts.get(host, 0) for hosts in self.calls.values())


def parse_calls(text: str) -> list[Call]:
    """Remote calls from the lines of count.sh.

    Not counted: control commands to a connection that is open (``-O``), and Ansible's question whether ssh knows ControlPersist.
    """
    return [call for call in (_call(line) for line in text.splitlines()) if call]


def _call(line: str) -> Call | None:
    at, program, before, last, words = line.split("\t", 4)
    arguments = words.replace("\\ ", " ").split(" ")
    if program == "ssh" and (arguments == ["-o", "ControlPersist"] or "-O" in arguments or "-V" in arguments):
        return None
    if program == "scp":
        last = next(part for part in (last, before) if "\\]:" in part or ":" in part).rpartition(":")[0]
    host = before if program == "ssh" else last
    return Call(float(at), host.replace("\\", "").strip("[]").rpartition("@")[2])


def parse_tasks(text: str) -> list[Task]:
    """Tasks from the lines of the callback, in the order they started."""
    found = (json.loads(line) for line in text.splitlines())
    return [Task(float(item["at"]), str(item["role"]), str(item["task"])) for item in found]


def by_role(calls: Iterable[Call], tasks: Sequence[Task], names: Mapping[str, str]) -> dict[str, dict[str, int]]:
    """Remote calls by role and host; ``names`` turns addresses into hosts.

    Each call counts for the task that started last before it: true where all hosts do the same task at a time (strategy linear).
    """
    starts = [task.at for task in tasks]
    counted: dict[str, Counter[str]] = {}
    for call in calls:
        place = bisect_right(starts, call.at) - 1
        role = tasks[place].role if place >= 0 else ""
        counted.setdefault(role, Counter())[names.get(call.host, call.host)] += 1
    return {role: dict(hosts) for role, hosts in counted.items()}


def seconds_by_role(tasks: Sequence[Task]) -> dict[str, float]:
    """Wall seconds by role: from each task's start to the next one's."""
    found: dict[str, float] = {}
    for task, following in zip(tasks, tasks[1:]):
        found[task.role] = found.get(task.role, 0.0) + following.at - task.at
    return found
