# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read the documents of the catalogue into values. Pure; a document that contradicts itself is refused with a sentence."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from ..health.options import nearest
from ..model import InvalidInput
from . import expression
from .model import KINDS, LANGUAGES, SEVERITIES, Area, Record, Rule

_AREA = {"area", "title", "exporters", "unrecorded", "interval", "keep_firing_for", "records", "rules"}
_TEXTS = ("id", "kind", "expr", "severity", "unit", "why", "look", "do")
_RULE = {*_TEXTS, "summary", "description", "thresholds", "for", "keep_firing_for", "per_host"}
_DURATION = re.compile(r"(\d+(ms|[smhdwy]))+")


def catalogue(documents: Iterable[Mapping[str, Any]]) -> tuple[Area, ...]:
    """Return the areas of the documents. Raises InvalidInput, also where two rules have one id."""
    areas = tuple(area(document) for document in documents)
    seen: dict[str, str] = {}
    for rule in rules(areas):
        if rule.id in seen:
            raise InvalidInput(f"The rule {rule.id} is in the areas {seen[rule.id]} and {rule.area}; give each an id of its own.")
        seen[rule.id] = rule.area
    return areas


def rules(areas: Iterable[Area]) -> list[Rule]:
    """Return all rules of the areas, in their order."""
    return [rule for area_ in areas for rule in area_.rules]


def area(document: Mapping[str, Any]) -> Area:
    """Read one document. Raises InvalidInput for an unknown key, a missing text, a threshold that is not used or not declared."""
    name = str(document.get("area") or "")
    _keys(document, _AREA, f"area {name or '?'}")
    keep = duration(document.get("keep_firing_for", ""), f"area {name}: keep_firing_for")
    return Area(
        name=name, title=_languages(document.get("title"), f"area {name}: title"),
        rules=tuple(_rule(entry, name, keep) for entry in document.get("rules", [])),
        records=tuple(_record(entry, name) for entry in document.get("records", [])),
        interval=duration(document.get("interval", ""), f"area {name}: interval"),
        exporters=tuple(map(str, document.get("exporters", ()))), unrecorded=str(document.get("unrecorded", "")),
    )


def duration(value: Any, where: str) -> str:
    """Return a duration as Prometheus writes it (``90s``, ``1h30m``), or "" for none. Raises InvalidInput for anything else."""
    text = str(value)
    if text and not _DURATION.fullmatch(text):
        raise InvalidInput(f"{where}: {value!r} was found, expected a duration such as 30s, 5m or 1h.")
    return text


def severity(value: Any, where: str) -> str:
    """Return a severity. Raises InvalidInput for one that does not exist."""
    if value not in SEVERITIES:
        raise InvalidInput(f"{where}: severity: {value!r} was found, expected one of {', '.join(SEVERITIES)}.")
    return str(value)


def _rule(entry: Mapping[str, Any], area_: str, keep: str) -> Rule:
    where = f"area {area_}, rule {entry.get('id', '?')}"
    _keys(entry, _RULE, where)
    missing = [name for name in _TEXTS if not str(entry.get(name) or "").strip()]
    if missing:
        raise InvalidInput(f"{where}: {', '.join(missing)} is missing or empty.")
    if entry["kind"] not in KINDS:
        raise InvalidInput(f"{where}: kind: {entry['kind']!r} was found, expected one of {', '.join(KINDS)}.")
    thresholds = {str(name): float(value) for name, value in entry.get("thresholds", {}).items()}
    _agree(str(entry["expr"]), thresholds, where)
    return Rule(
        id=str(entry["id"]), area=area_, kind=str(entry["kind"]), expr=" ".join(str(entry["expr"]).split()),
        severity=severity(entry["severity"], where), unit=str(entry["unit"]),
        summary=_languages(entry.get("summary"), f"{where}: summary"),
        description=_languages(entry.get("description"), f"{where}: description"),
        why=str(entry["why"]).strip(), look=str(entry["look"]).strip(), act=str(entry["do"]).strip(), thresholds=thresholds,
        for_=duration(entry.get("for", "0s"), f"{where}: for"),
        keep_firing_for=duration(entry.get("keep_firing_for", keep), f"{where}: keep_firing_for"),
        per_host=bool(entry.get("per_host", True)),
    )


def _agree(expr: str, thresholds: Mapping[str, float], where: str) -> None:
    used = expression.thresholds(expr)
    if set(used) != set(thresholds):
        raise InvalidInput(f"{where}: the expression uses {sorted(used)}, thresholds has {sorted(thresholds)}; expected the same names.")
    wrong = expression.misplaced(expr)
    if wrong:
        raise InvalidInput(f"{where}: ${wrong[0]} is not the right side of a comparison, so no host could have its own. Turn it round.")


def _record(entry: Mapping[str, Any], area_: str) -> Record:
    where = f"area {area_}, record {entry.get('record', '?')}"
    _keys(entry, {"record", "expr", "labels"}, where)
    labels = {str(name): str(value) for name, value in entry.get("labels", {}).items()}
    return Record(str(entry["record"]), " ".join(str(entry["expr"]).split()), labels)


def _languages(value: Any, where: str) -> dict[str, str]:
    if not isinstance(value, Mapping) or set(value) != set(LANGUAGES) or not all(str(text).strip() for text in value.values()):
        raise InvalidInput(f"{where}: {value!r} was found, expected a text in each of {', '.join(LANGUAGES)}.")
    return {str(language): str(text).strip() for language, text in value.items()}


def _keys(entry: Mapping[str, Any], known: set[str], where: str) -> None:
    for key in entry:
        if key not in known:
            raise InvalidInput(f"{where}: {key} is not known{nearest(str(key), known)}")
