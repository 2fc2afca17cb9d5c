# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The catalogue, its case documents, and the series that a case writes in short."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.alerts import parse
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.alerts.model import Area, Rule

ROOT = Path(__file__).parents[2]
RULES, CASES = ROOT / "roles" / "prometheus" / "files" / "rules", ROOT / "tests" / "cases" / "alerts"
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_LINE = re.compile(r"(?P<start>-?[\d.]+(?:e-?\d+)?)(?P<step>[+-][\d.]+(?:e-?\d+)?)?")


@dataclass(frozen=True)
class Case:
    """How one rule is tried: series that fire it, series (over those) that do not, and for each threshold a number that silences it.

    ``interval`` (seconds) is that of samples and evaluations, ``steps`` how many of them the fault lasts.
    ``alone`` is how many alerts fire where no series is there at all, ``ends`` what the series become when it
    is over (the first of ``quiet`` where the case does not say).
    """

    rule: Rule
    fires: Mapping[str, str]
    quiet: tuple[Mapping[str, str], ...]
    override: Mapping[str, float]
    interval: int
    steps: int
    alone: int
    ends: Mapping[str, str]


def load(path: Path) -> Any:
    """Read a document, by the fast parser where there is one."""
    return yaml.load(path.read_text(encoding="utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))


def areas() -> tuple[Area, ...]:
    """Return the catalogue."""
    return parse.catalogue(load(path) for path in sorted(RULES.glob("*.yml")))


def documents() -> dict[str, Any]:
    """Return the cases of all areas by the rule's id."""
    found: dict[str, Any] = {}
    for path in sorted(CASES.glob("*.yml")):
        found.update(load(path))
    return found


def cases() -> dict[str, Case]:
    """Return every case, read, by the rule's id."""
    known, written = {rule.id: rule for rule in parse.rules(areas())}, documents()
    return {name: case(known[name], document) for name, document in written.items()}


def case(rule: Rule, document: Mapping[str, Any]) -> Case:
    """Read one case. The fault lasts as long as the expression looks back and the alert waits, where ``at`` does not say otherwise."""
    interval = seconds(document.get("interval", "1m"))
    fires = {str(name): str(value) for name, value in document["fires"].items()}
    wanted = seconds(document["at"]) if "at" in document else look_back(rule.expr) + seconds(rule.for_) + 3 * interval
    steps = max([-(-wanted // interval), *(len(raw(value)) - 1 for value in fires.values() if is_raw(value))])
    quiet = tuple({str(name): str(value) for name, value in entry.items()} for entry in document.get("quiet", ()))
    ends = {str(name): str(value) for name, value in document.get("ends", quiet[0] if quiet else {}).items()}
    return Case(rule, fires, quiet, document.get("override", {}), interval, steps, int(document.get("alone", 0)), ends)


def look_back(expr: str) -> int:
    """Return the seconds that an expression reads into the past: the longest of its ranges and offsets."""
    spans = [sum(map(seconds, inside.split(":")[:1])) for inside in re.findall(r"\[([^\]]+)\]", expr)]
    return max([0, *spans]) + max([0, *map(seconds, re.findall(r"offset (\w+)", expr))])


def seconds(duration: str) -> int:
    """Return a duration such as 1h30m in seconds."""
    return sum(int(number) * _SECONDS[unit] for number, unit in re.findall(r"(\d+)([smhdw])", duration))


def is_raw(value: str) -> bool:
    """Whether a value is in promtool's own notation."""
    return "x" in value


def raw(value: str) -> list[str]:
    """Return the samples of promtool's notation: ``1x3`` (four of them), ``0+2x3``, and ``_x3`` for none (three)."""
    found: list[str] = []
    for part in value.split():
        what, _x, times = part.partition("x")
        found += [what] * int(times) if what == "_" else samples(what, int(times or 0) + 1)
    return found


def samples(value: str, count: int) -> list[str]:
    """Return ``count`` samples of a value: a number, ``start+step`` a sample, or promtool's notation (its last one goes on)."""
    if is_raw(value):
        given = raw(value)
        return (given + given[-1:] * count)[:count]
    match = _LINE.fullmatch(value)
    if not match:
        raise ValueError(f"{value!r} was found, expected a number, start+step, or promtool's notation")
    start, step = float(match["start"]), float(match["step"] or 0)
    return [f"{start + step * index:.12g}" for index in range(count)]


def then(first: str, second: str, count: int, more: int) -> list[str]:
    """Return ``count`` samples of one value, and ``more`` of another: a counter (from zero up) goes on from where it was, any other line
    is where it would be had it been there from the start.
    """
    before = samples(first, count)
    if is_raw(second):
        return before + samples(second, more)
    after = samples(second, count + more)[count:]
    if first.startswith("0+"):
        last, step = float(before[-1]), _step(second)
        after = [f"{last + step * (index + 1):.12g}" for index in range(more)]
    return before + after


def _step(value: str) -> float:
    match = _LINE.fullmatch(value)
    return float(match["step"] or 0) if match else 0.0
