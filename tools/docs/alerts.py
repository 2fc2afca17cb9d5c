# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rule catalogue as Markdown: a table in each language, and a runbook for each area. Pure text of what the rules say."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from plugins.module_utils.vigil.alerts.expression import number
from plugins.module_utils.vigil.alerts.model import Area, Rule

NOTE = "<!-- written by `make docs` from roles/prometheus/files/rules/{name}.yml -->"
_HEADS = {"en": ("rule", "kind", "severity", "for", "thresholds", "what it tells"), "zh": ("规则", "类型", "级别", "持续", "阈值", "含义")}
_KINDS = {"threshold": "阈值", "trend": "趋势", "missing": "缺失", "slo": "SLO", "anomaly": "异常"}


def table(areas: Iterable[Area], language: str) -> str:
    """Return the tables of all areas in a language, each below a heading."""
    return "\n".join(line for area in areas for line in _table(area, language)).rstrip("\n")


def runbook(area: Area) -> str:
    """Return the runbook of an area: for each rule what it means, what to look at and what to do."""
    lines = [f"# Runbook: {area.title['en']}", "", NOTE.format(name=area.name), "", _sources(area), ""]
    for rule in area.rules:
        lines += _entry(rule)
    return "\n".join(lines).rstrip("\n") + "\n"


def _table(area: Area, language: str) -> list[str]:
    heads = _HEADS[language]
    lines = [f"### {area.title[language]}", "", f"| {' | '.join(heads)} |", f"|{' --- |' * len(heads)}"]
    return [*lines, *(_row(rule, language) for rule in area.rules), ""]


def _row(rule: Rule, language: str) -> str:
    kind = rule.kind if language == "en" else _KINDS[rule.kind]
    cells = (f"[{rule.id}](runbooks/{rule.area}.md#{rule.id.lower()})", kind, rule.severity, rule.for_, _thresholds(rule))
    return f"| {' | '.join((*cells, _cell(rule.summary[language])))} |"


def _thresholds(rule: Rule) -> str:
    values = ", ".join(f"`{name}` {number(value)}" for name, value in rule.thresholds.items())
    return f"{values} ({rule.unit})" if len(rule.thresholds) == 1 else values


def _cell(text: str) -> str:
    """A template as a person reads it: the host, the value."""
    for word in (" | humanizePercentage", " | humanizeDuration", " | humanize1024", " | humanize"):
        text = text.replace(word, "")
    return text.replace("{{ $value }}", "N").replace("{{ $labels.", "*").replace(" }}", "*").replace("|", "\\|")


def _sources(area: Area) -> str:
    recorded = "Its metrics are recorded by rules of this catalogue."
    exporters = f"Its metrics come from: {', '.join(area.exporters)}." if area.exporters else recorded
    return f"{exporters} {area.unrecorded}".strip()


def _entry(rule: Rule) -> Sequence[str]:
    wait = "at once" if rule.for_ == "0s" else f"after {rule.for_}"
    numbers = f" Thresholds: {_thresholds(rule)}." if rule.thresholds else ""
    return [
        f"## {rule.id}", "", f"{_cell(rule.summary['en'])}. {_cell(rule.description['en'])}", "", "```promql", rule.expr, "```", "",
        f"- **Fires** {wait}, as {rule.severity}.{numbers}", f"- **Why this default:** {rule.why}",
        f"- **Look at:** {rule.look}", f"- **Do:** {rule.act}", "",
    ]
