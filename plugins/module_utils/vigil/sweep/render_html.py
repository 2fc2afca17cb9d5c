# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report as one page that stands alone: no request, light and dark, readable without script and on a phone. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from ..health.model import FAIL, PASS, SKIPPED, UNKNOWN, WARN
from .html_page import PAGE, SCRIPT, STYLE
from .model import ORDER, PROBLEMS, UNSEEN, Coverage, Host, Report, Row, worst
from .tell import PHRASES, TITLES, Line, changed, lines, moment, sight, since, verdict
from .words import count

# A shape for each state, so that nobody depends on its colour.
ICONS = {FAIL: "✖", UNSEEN: "∅", UNKNOWN: "?", WARN: "▲", SKIPPED: "–", PASS: "✔"}
_MANY = 60


def as_html(report: Report, *, detail: bool = False) -> str:
    """Return the page; with ``detail`` every check of every host is on it."""
    state = worst(host.state for host in report.hosts)
    body = [
        f'<div class="verdict {state}"><i aria-hidden="true">{ICONS[state]}</i><span>{escape(verdict(report))}</span></div>',
        _tiles(report), _sight(report), _problems(report), _solved(report), _hosts(report), _details(report) if detail else "",
    ]
    when = f"{moment(report.at)}, took {report.seconds:.1f} s"
    return PAGE.format(title=escape(f"Health: {verdict(report)}"), style=STYLE, when=escape(when), body="\n".join(body), script=SCRIPT)


def _tiles(report: Report) -> str:
    tiles = [
        f'<div class="tile {state}{"" if number else " none"}"><b class="num">{number:,}</b>'
        f'<span><i aria-hidden="true">{ICONS[state]}</i> {PHRASES[state]}</span></div>'
        for state, number in report.states.items()
    ]
    return f'<div class="tiles" aria-label="hosts by state">{"".join(tiles)}</div>'


def _sight(report: Report) -> str:
    total = report.total
    share = 100 * total.seen / total.expected if total.expected else 0.0
    said = "".join(f"<p>{escape(sentence)}</p>" for sentence in [*sight(report), changed(report)])
    gauge = f'<div class="bar" role="img" aria-label="{share:.0f} % of the hosts seen"><i style="width:{share:.2f}%"></i></div>'
    return f'<div class="card">{gauge}{said}{_groups(report.coverage)}</div>'


def _groups(coverage: Sequence[Coverage]) -> str:
    if not coverage:
        return ""
    rows = "".join(
        f'<tr><td>{escape(one.group)}</td><td class="num">{one.seen:,} of {one.expected:,}</td>'
        f'<td>{escape(", ".join(one.unseen)) or "none"}</td></tr>'
        for one in coverage
    )
    head = "<thead><tr><th>Group</th><th>Seen</th><th>Not seen</th></tr></thead>"
    return f"<details><summary>Coverage by group ({len(coverage)})</summary><table>{head}<tbody>{rows}</tbody></table></details>"


def _problems(report: Report) -> str:
    found = lines(report.problems)
    if not found:
        return "<h2>Problems</h2><p>None.</p>"
    states = dict.fromkeys(line.problem.row.state for line in found)
    buttons = "".join(
        f'<button type="button" class="{state}" value="{state}" aria-pressed="true">{ICONS[state]} {TITLES[state].lower()}</button>'
        for state in states
    )
    tools = (
        f'<div class="tools" role="search"><input id="filter" type="search" placeholder="Filter: host, check, words" aria-label="Filter">'
        f"{buttons}</div>"
    )
    head = "<thead><tr><th>State</th><th>Host</th><th>Check</th><th>Since</th><th>What</th><th>What to do next</th></tr></thead>"
    rows = "\n".join(_line(line, report.at) for line in found)
    title = f'<h2>Problems ({len(report.problems):,}) <small class="soft" id="shown" role="status"></small></h2>'
    return f'{title}{tools}<table class="wide">{head}<tbody>\n{rows}\n</tbody></table>'


def _line(line: Line, at: float) -> str:
    problem, row = line.problem, line.problem.row
    age = since(problem, at)
    shown = f'<b class="new">{age}</b>' if problem.new else escape(age)
    return (
        f'<tr class="{row.state}" data-state="{row.state}"><td>{_badge(row.state)}</td><td>{_names(line.hosts)}</td>'
        f'<td>{escape(row.name)}</td><td class="num">{shown}</td><td>{_what(row)}</td><td>{_advice(row)}</td></tr>'
    )


def _names(hosts: Sequence[str]) -> str:
    if len(hosts) == 1:
        return escape(hosts[0])
    return f'<details><summary>{len(hosts):,} hosts</summary><span class="names">{escape(", ".join(hosts))}</span></details>'


def _what(row: Row) -> str:
    parts = [f"found {row.observed}" if row.observed else "", f"expected {row.expected}" if row.expected else ""]
    small = ", ".join(part for part in parts if part)
    return escape(row.summary) + (f"<small>{escape(small)}</small>" if small else "")


def _advice(row: Row) -> str:
    return f"<code>{escape(row.advice)}</code>" if row.advice else ""


def _badge(state: str) -> str:
    return f'<span class="badge {state}">{_icon(state)} {TITLES[state].lower()}</span>'


def _icon(state: str) -> str:
    return f'<span aria-hidden="true">{ICONS[state]}</span>'


def _solved(report: Report) -> str:
    if not report.solved:
        return ""
    items = "".join(
        f"<li class='pass'>{ICONS[PASS]} {escape(one.host)} · {escape(one.check)} <span class='soft'>was {escape(one.was)}</span></li>"
        for one in report.solved
    )
    return f'<h2>Solved since the last sweep ({len(report.solved):,})</h2><ul class="chips">{items}</ul>'


def _hosts(report: Report) -> str:
    parts = []
    for state in ORDER:
        names = [host.name for host in report.hosts if host.state == state]
        if not names:
            continue
        chips = "".join(f'<li class="{state}">{_icon(state)} {escape(name)}</li>' for name in names)
        opened = " open" if state in PROBLEMS and len(names) <= _MANY else ""
        summary = f"{PHRASES[state]}: {count(len(names), 'host')}"
        parts.append(f'<details{opened}><summary>{summary}</summary><ul class="chips">{chips}</ul></details>')
    return "<h2>Hosts</h2>" + "\n".join(parts)


def _details(report: Report) -> str:
    return "<h2>Every check</h2>" + "\n".join(_detail(host) for host in report.hosts)


def _detail(host: Host) -> str:
    head = "<thead><tr><th>State</th><th>Check</th><th>Kind</th><th>Took</th><th>What</th><th>What to do next</th></tr></thead>"
    summary = f"{ICONS[host.state]} {escape(host.name)} ({escape(host.via or 'not seen')}, {count(len(host.rows), 'check')})"
    table = f'<table class="wide">{head}<tbody>{"".join(_checks(host.rows))}</tbody></table>'
    return f'<details class="card" data-state="{host.state}"><summary>{summary}</summary>{table}</details>'


def _checks(rows: Iterable[Row]) -> Iterable[str]:
    for row in rows:
        yield (
            f'<tr class="{row.state}"><td>{_badge(row.state)}</td><td>{escape(row.name)}</td><td>{escape(row.kind)}</td>'
            f'<td class="num">{row.duration * 1e3:.0f} ms</td><td>{_what(row)}</td><td>{_advice(row)}</td></tr>'
        )
