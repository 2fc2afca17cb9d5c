# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The catalogue as Prometheus' rule groups, with the inventory's overrides in it. Pure.

A host's own number is a recording rule ``vigil_alert_threshold{rule, threshold, host}`` that the alert joins by the label host; the
default holds for every other host. What cannot be joined (for, severity, labels, enabled) makes a variant of the alert under the same
name, for the hosts that ``vigil_alert_variant{rule, variant, host}`` names.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ..model import InvalidInput
from . import expression
from .model import Area, Rule, Tuned
from .overrides import Overrides, tuned

THRESHOLD, VARIANT, OFF = "vigil_alert_threshold", "vigil_alert_variant", "off"
RUNBOOKS = "https://github.com/vigil-monitoring/vigil/blob/main/docs/runbooks"
# The first release that knows keep_firing_for.
KEEPS = (2, 42)


@dataclass(frozen=True)
class Settings:
    """What the inventory says. ``everywhere``: merged overrides of all; ``hosts``: those of each host, with those of all in them.

    ``version`` is Prometheus' ("" for one that is new enough), ``runbooks`` the address of the folder with the runbooks.
    """

    everywhere: Overrides = field(default_factory=dict)
    hosts: Mapping[str, Overrides] = field(default_factory=dict)
    version: str = ""
    runbooks: str = RUNBOOKS


def groups(areas: Sequence[Area], settings: Settings) -> list[dict[str, Any]]:
    """Return the rule groups: the numbers of hosts first, then for each area its recording rules and its alerts.

    An area whose rules are all taken away keeps no group of alerts. Raises InvalidInput where a host overrides what cannot be its own.
    """
    own: list[dict[str, Any]] = []
    written: list[dict[str, Any]] = []
    for area in areas:
        if area.records:
            written.append(_records(area))
        alerts = [alert for rule in area.rules for alert in _alerts(rule, settings, own)]
        if alerts:
            written.append({"name": f"vigil_{area.name}", "rules": alerts})
    return ([{"name": "vigil_overrides", "rules": own}] if own else []) + written


def _records(area: Area) -> dict[str, Any]:
    rules = [
        {"record": record.record, "expr": record.expr, **({"labels": dict(record.labels)} if record.labels else {})}
        for record in area.records
    ]
    return {"name": f"vigil_{area.name}_records", **({"interval": area.interval} if area.interval else {}), "rules": rules}


def _alerts(rule: Rule, settings: Settings, own: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The alert and its variants; what they join is added to ``own``."""
    base = tuned(rule, settings.everywhere.get(rule.id, {}))
    differing = _differing(rule, base, settings)
    joined = sorted({name for one in differing.values() for name in rule.thresholds if one.thresholds[name] != base.thresholds[name]})
    for host, one in sorted(differing.items()):
        own.extend(_number(rule.id, name, host, one.thresholds[name]) for name in joined if one.thresholds[name] != base.thresholds[name])
    expr = _expr(rule, base, joined)
    variants = _variants(base, differing)
    for label, (_one, hosts) in variants.items():
        own.extend(_constant(VARIANT, {"rule": rule.id, "variant": label, "host": host}, 1) for host in hosts)
    alerts = []
    if base.enabled:
        rest = f"({expr}) unless on (host) {VARIANT}{{rule=\"{rule.id}\"}}" if variants else expr
        alerts.append(_alert(rule, base, rest, settings))
    for label, (one, _hosts) in variants.items():
        if one.enabled:
            alerts.append(_alert(rule, one, f'({expr}) and on (host) {VARIANT}{{rule="{rule.id}",variant="{label}"}}', settings))
    return alerts


def _differing(rule: Rule, base: Tuned, settings: Settings) -> dict[str, Tuned]:
    found = {}
    for host, overrides in settings.hosts.items():
        one = tuned(rule, overrides.get(rule.id, {}))
        if one == base:
            continue
        if not rule.per_host:
            raise InvalidInput(f"{host}: {rule.id} is not about one host, so none can have its own; set it for all (group_vars/all).")
        if one.selector != base.selector:
            raise InvalidInput(f"{host}: {rule.id}: a selector holds for all hosts; set it for all, or use enabled here.")
        found[host] = one
    return found


def _variants(base: Tuned, differing: Mapping[str, Tuned]) -> dict[str, tuple[Tuned, list[str]]]:
    """Hosts by what they have in common: label of the variant -> (what it is, hosts)."""
    by_key: dict[tuple[object, ...], tuple[Tuned, list[str]]] = {}
    for host, one in sorted(differing.items()):
        if one.variant() != base.variant():
            key = one.variant() if one.enabled else (False,)
            by_key.setdefault(key, (one, []))[1].append(host)
    ordered = sorted(by_key.items(), key=lambda item: item[1][1])
    return {OFF if key == (False,) else str(index): value for index, (key, value) in enumerate(ordered, 1)}


def _expr(rule: Rule, base: Tuned, joined: Sequence[str]) -> str:
    def replace(name: str) -> str:
        value = expression.number(base.thresholds[name])
        if name not in joined:
            return value
        # The hosts of `up` have the default, the empty host of series without that label among them.
        return f'on (host) group_left () ({THRESHOLD}{{rule="{rule.id}",threshold="{name}"}} or on (host) max by (host) (up) * 0 + {value})'

    return expression.with_thresholds(expression.with_selector(rule.expr, base.selector), replace)


def _alert(rule: Rule, one: Tuned, expr: str, settings: Settings) -> dict[str, Any]:
    alert: dict[str, Any] = {"alert": rule.id, "expr": expr}
    if one.for_ != "0s":
        alert["for"] = one.for_
    if one.keep_firing_for not in ("", "0s") and keeps(settings.version):
        alert["keep_firing_for"] = one.keep_firing_for
    alert["labels"] = {"severity": one.severity, "area": rule.area, **one.labels}
    alert["annotations"] = {
        "summary": rule.summary["en"], "description": rule.description["en"],
        "summary_zh": rule.summary["zh"], "description_zh": rule.description["zh"],
        "runbook_url": f"{settings.runbooks.rstrip('/')}/{rule.area}.md#{rule.id.lower()}",
    }
    return alert


def keeps(version: str) -> bool:
    """Whether a release of Prometheus ("" for an unknown, new one) knows keep_firing_for."""
    parts = version.lstrip("v").split(".")[:2]
    return not version or not all(part.isdigit() for part in parts) or tuple(map(int, parts)) >= KEEPS


def _number(rule: str, threshold: str, host: str, value: float) -> dict[str, Any]:
    return _constant(THRESHOLD, {"rule": rule, "threshold": threshold, "host": host}, value)


def _constant(record: str, labels: Mapping[str, str], value: float) -> dict[str, Any]:
    return {"record": record, "expr": f"vector({expression.number(value)})", "labels": dict(labels)}
