# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``vigil_alert_overrides``: read, laid over each other, refused where they name what does not exist. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

from ..health.options import nearest
from ..model import InvalidInput
from .model import Rule, Tuned
from .parse import duration, severity

VARIABLE = "vigil_alert_overrides"
KEYS = ("threshold", "for", "keep_firing_for", "severity", "enabled", "selector", "labels")
Overrides = Mapping[str, Mapping[str, Any]]
_TRUE, _FALSE = ("true", "yes", "on", "1"), ("false", "no", "off", "0")


def merge(layers: Iterable[tuple[str, Any]], rules: Mapping[str, Rule]) -> dict[str, dict[str, Any]]:
    """Lay (where, overrides) over each other, later over earlier, key by key and threshold by threshold.

    Raises InvalidInput, its sentence beginning with ``where``, for an unknown rule, key or threshold, and for a value of a wrong type.
    """
    merged: dict[str, dict[str, Any]] = {}
    for where, layer in layers:
        if not isinstance(layer, Mapping):
            raise InvalidInput(f"{where}: {type(layer).__name__} was found, expected a mapping of rules to what is to be different.")
        for name, given in layer.items():
            if name not in rules:
                raise InvalidInput(f"{where}: {name} is no rule{_near(str(name), rules)}")
            read = _read(rules[name], given, f"{where}: {name}")
            known = merged.setdefault(str(name), {})
            for key in ("threshold", "labels"):
                if key in read:
                    read[key] = {**known.get(key, {}), **read[key]}
            known.update(read)
    return merged


def tuned(rule: Rule, override: Mapping[str, Any]) -> Tuned:
    """Return what a rule is with a merged override, or with an empty one."""
    base = Tuned(rule.thresholds, rule.for_, rule.keep_firing_for, rule.severity)
    return replace(
        base, thresholds={**rule.thresholds, **override.get("threshold", {})}, for_=override.get("for", base.for_),
        keep_firing_for=override.get("keep_firing_for", base.keep_firing_for), severity=override.get("severity", base.severity),
        enabled=override.get("enabled", True), selector=override.get("selector", ""), labels=override.get("labels", {}),
    )


def _near(name: str, rules: Mapping[str, Rule]) -> str:
    words = nearest(name, rules)
    return words if "did you mean" in words else "; docs/alerts.md lists all of them."


def _read(rule: Rule, given: Any, where: str) -> dict[str, Any]:
    if not isinstance(given, Mapping):
        raise InvalidInput(f"{where}: {given!r} was found, expected a mapping with {', '.join(KEYS)}.")
    for key in given:
        if key not in KEYS:
            raise InvalidInput(f"{where}: {key} cannot be overridden{nearest(str(key), KEYS)}")
    readers: dict[str, Callable[[Any], Any]] = {
        "threshold": lambda value: _thresholds(rule, value, where),
        "for": lambda value: duration(value, f"{where}: for"),
        "keep_firing_for": lambda value: duration(value, f"{where}: keep_firing_for"),
        "severity": lambda value: severity(value, where),
        "enabled": lambda value: _flag(value, where),
        "selector": lambda value: str(value).strip().strip("{}"),
        "labels": lambda value: _labels(value, where),
    }
    return {str(key): readers[key](value) for key, value in given.items()}


def _thresholds(rule: Rule, given: Any, where: str) -> dict[str, float]:
    if not isinstance(given, Mapping):
        if len(rule.thresholds) != 1:
            known = ", ".join(rule.thresholds) or "none"
            raise InvalidInput(f"{where}: threshold: one number was found, but the rule's thresholds are: {known}. Name the one you mean.")
        given = {next(iter(rule.thresholds)): given}
    for name in given:
        if name not in rule.thresholds:
            raise InvalidInput(f"{where}: {name} is no threshold of the rule{nearest(str(name), rule.thresholds)}")
    return {str(name): _number(value, f"{where}: threshold {name}") for name, value in given.items()}


def _number(value: Any, where: str) -> float:
    try:
        if isinstance(value, bool):
            raise ValueError
        return float(value)
    except (TypeError, ValueError):
        raise InvalidInput(f"{where}: {value!r} was found, expected a number in the rule's unit.")


def _flag(value: Any, where: str) -> bool:
    word = str(value).lower()
    if word not in _TRUE + _FALSE:
        raise InvalidInput(f"{where}: enabled: {value!r} was found, expected true or false.")
    return word in _TRUE


def _labels(value: Any, where: str) -> dict[str, str]:
    if not isinstance(value, Mapping):
        raise InvalidInput(f"{where}: labels: {value!r} was found, expected a mapping of labels to values.")
    return {str(name): str(text) for name, text in value.items()}
