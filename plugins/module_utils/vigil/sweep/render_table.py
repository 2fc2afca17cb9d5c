# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report as text that a person reads in ten seconds: the verdict, then one line a problem, the worst first. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from .model import PROBLEMS, Problem, Report
from .tell import TITLES, Line, changed, lines, moment, sight, since, verdict
from .words import count

WIDTH, MOST = 160, 40
_HEAD = ("STATE", "HOST", "CHECK", "SINCE", "WHAT", "NEXT")
_CAPS = (8, 28, 24, 11)
_GAP = "  "


def table(report: Report, width: int = WIDTH, most: int = MOST, detail: bool = False) -> str:
    """Return the text. ``width`` is in characters, ``most`` the lines of the table; with ``detail`` every check of every host has one."""
    wanted = _all(report) if detail else lines(report.problems)
    shown = wanted if detail else wanted[:most]
    said = [verdict(report) + f"  ({moment(report.at)}, {report.seconds:.1f} s)"]
    if shown:
        said += ["", *_aligned([_cells(line, report.at) for line in shown], max(80, width))]
    if len(wanted) > len(shown):
        rest = sum(len(line.hosts) for line in wanted[len(shown):])
        said.append(f"... and {count(rest, 'more problem')}, all in the files of the report.")
    return "\n".join([*said, "", *sight(report), changed(report)])


def _all(report: Report) -> list[Line]:
    known = {(one.host, one.row.name): one for one in report.problems}
    every = [known.get((host.name, row.name), Problem(host.name, row)) for host in report.hosts for row in host.rows]
    return [Line(one, (one.host,)) for one in every]


def _cells(line: Line, at: float) -> tuple[str, ...]:
    problem, row = line.problem, line.problem.row
    more = len(line.hosts) - 1
    return (
        TITLES[row.state] if row.state in PROBLEMS else row.state,
        f"{problem.host} +{more:,}" if more else problem.host, row.name, since(problem, at), row.summary, row.advice,
    )


def _aligned(rows: Sequence[tuple[str, ...]], width: int) -> list[str]:
    cells = [_HEAD, *rows]
    fixed = [min(cap, max(len(row[column]) for row in cells)) for column, cap in enumerate(_CAPS)]
    rest = width - sum(fixed) - len(_GAP) * 5
    what = min(max(len(row[4]) for row in cells), max(24, rest * 3 // 5, rest - max(len(row[5]) for row in cells)))
    widths = [*fixed, what]
    # What to do next is never cut: a command that ends in dots is of no use.
    return [_GAP.join([*(_cut(cell, size).ljust(size) for cell, size in zip(row, widths)), row[5]]).rstrip() for row in cells]


def _cut(text: str, size: int) -> str:
    return text if len(text) <= size else text[: size - 1] + "…"
