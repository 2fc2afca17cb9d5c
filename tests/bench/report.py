# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was measured, as tables and verdicts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from tests.bench.counting import Run

CALLS_A_ROLE = 2
CALLS_A_TARGET = 3
TIMES_SETUP = 2.0
AT_HOSTS = 20


@dataclass(frozen=True)
class Session:
    """All runs on one lab. ``ping`` and ``setup`` are Ansible's own modules on the same hosts, in the same minutes."""

    hosts: int
    first_host: str
    ping: Run
    setup: Run
    nothing: Run
    others: Sequence[Run] = field(default=())
    target: Run | None = None

    @property
    def runs(self) -> list[Run]:
        """In the order they are told."""
        return [self.ping, self.setup, self.nothing, *self.others]


def table(rows: Sequence[Sequence[str]]) -> str:
    """Columns side by side, the first to the left, the others to the right."""
    widths = [max(len(row[place]) for row in rows) for place in range(len(rows[0]))]
    lines = []
    for row in rows:
        cells = [cell.ljust(width) if place == 0 else cell.rjust(width) for place, (cell, width) in enumerate(zip(row, widths))]
        lines.append("  ".join(cells).rstrip())
    return "\n".join(lines)


def times(session: Session) -> str:
    """Wall and CPU seconds of each run, and how many times ping and setup that is."""
    rows = [[f"{session.hosts} hosts", "wall s", "controller CPU s", "x ping", "x setup", "remote calls"]]
    for run in session.runs:
        ratios = (run.wall / session.ping.wall, run.wall / session.setup.wall)
        rows.append([run.name, f"{run.wall:.1f}", f"{run.cpu:.1f}", *(f"{ratio:.2f}" for ratio in ratios), str(run.total)])
    return table(rows)


def roles(session: Session) -> str:
    """Remote calls and wall seconds by role: calls of all hosts, the most on one host in brackets, seconds."""
    runs = [run for run in session.runs if run.seconds]
    names = dict.fromkeys(role for run in runs for role in run.seconds)
    rows = [["calls (most on a host), s", *(run.name.partition(", ")[2] or run.name for run in runs)]]
    for role in names:
        cells = [f"{run.of(role)} ({run.most(role)}) {run.seconds.get(role, 0):5.1f}" for run in runs]
        rows.append([role or "outside roles", *cells])
    return table(rows)


def verdicts(session: Session) -> list[tuple[bool, str]]:
    """Each target that this session can judge: whether it is met, and the figures."""
    nothing = session.nothing
    most = max((nothing.most(role) for role in nothing.calls), default=0)
    found = [(most <= CALLS_A_ROLE, f"nothing to do: {most} remote calls a role and host, at most {CALLS_A_ROLE} wanted")]
    if session.hosts >= AT_HOSTS:
        ratio = nothing.wall / session.setup.wall
        found.append((ratio <= TIMES_SETUP, f"nothing to do: {ratio:.2f} x the wall time of setup, at most {TIMES_SETUP:g} wanted"))
    if session.target:
        calls = session.target.on(session.first_host)
        words = f"one changed target: {calls} remote calls on {session.first_host}, at most {CALLS_A_TARGET} wanted"
        found.append((calls <= CALLS_A_TARGET, words))
    return found


def told(session: Session) -> str:
    """Everything about a session, to print."""
    judged = [f"  {'met   ' if met else 'MISSED'}  {words}" for met, words in verdicts(session)]
    return "\n".join([times(session), "", roles(session), "", *judged, ""])


def data(session: Session) -> Mapping[str, Any]:
    """The same as plain values."""
    return {**asdict(session), "verdicts": [{"met": met, "words": words} for met, words in verdicts(session)]}
