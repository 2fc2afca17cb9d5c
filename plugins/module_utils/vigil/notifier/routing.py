# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where an alert goes, when it may, and why. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone, tzinfo

from .channel import FIRING
from .model import Alert, Quiet, Route, Rung, Target


@dataclass(frozen=True)
class Way:
    """Where an alert goes by one route, and until when it has to wait (epoch; 0: it does not)."""

    targets: tuple[Target, ...]
    escalation: str
    hold: float
    reason: str


def matches(labels: Mapping[str, str], match: Mapping[str, str], match_re: Mapping[str, str]) -> bool:
    """Whether all labels are equal, or match as a whole. A label that is not there is empty, as in Alertmanager."""
    return all(labels.get(name, "") == value for name, value in match.items()) and all(
        re.fullmatch(pattern, labels.get(name, "")) for name, pattern in match_re.items())


def ways(alert: Alert, routes: Sequence[Route], quiets: Mapping[str, Quiet], now: float) -> list[Way]:
    """Return where a firing alert goes: the first route that matches, and those behind it while ``go_on`` says so."""
    found: list[Way] = []
    for route in routes:
        if not matches(alert.labels, route.match, route.match_re):
            continue
        held, why = hold(alert.severity, [quiets[name] for name in route.quiet], now)
        found.append(Way(route.targets, route.escalation, held, f"route {route.name}{why}"))
        if not route.go_on:
            break
    return found


def hold(severity: str, quiets: Sequence[Quiet], now: float) -> tuple[float, str]:
    """Return until when a severity has to wait (epoch, 0: not at all), and why."""
    ends = [(quiet_until(quiet, now), quiet.name) for quiet in quiets if severity in quiet.severities]
    until, name = max(ends, default=(0.0, ""))
    return (until, f", held by the quiet hours {name}") if until else (0.0, "")


def quiet_until(quiet: Quiet, now: float) -> float:
    """Return when the quiet hours that are now end (epoch), 0 where none are now. Hours may pass midnight."""
    local = datetime.fromtimestamp(now, zone(quiet.zone))
    for back in (0, 1):
        day = (local - timedelta(days=back)).replace(hour=0, minute=0, second=0, microsecond=0)
        begin = day.replace(hour=quiet.begin // 60, minute=quiet.begin % 60)
        last = day + timedelta(days=int(quiet.end <= quiet.begin))
        end = last.replace(hour=quiet.end // 60, minute=quiet.end % 60)
        if day.weekday() in quiet.days and begin <= local < end:
            return end.timestamp()
    return 0.0


def zone(name: str) -> tzinfo:
    """Return a time zone by its name. Raises ValueError where this host does not know it."""
    if name == "UTC":
        return timezone.utc
    from zoneinfo import ZoneInfo

    try:
        return ZoneInfo(name)
    except (KeyError, OSError) as error:  # ZoneInfoNotFoundError is a KeyError
        raise ValueError(f"{name!r} was found, expected a time zone that this host knows, such as Europe/Berlin") from error


def due_rungs(rungs: Sequence[Rung], opened: float, told: int, now: float) -> tuple[list[int], float]:
    """Return the steps of an open escalation that are due (of those from ``told`` on), and when the next will be (epoch, 0: none)."""
    left = [(number, opened + rung.after) for number, rung in enumerate(rungs) if number >= told]
    return [number for number, at in left if at <= now], min((at for _number, at in left if at > now), default=0.0)


def group_of(alert: Alert) -> str:
    """What alerts that share a message have in common."""
    return f"{alert.status}|{alert.receiver}|{alert.name}|{alert.severity}"


def is_watchdog(alert: Alert, match: Mapping[str, str]) -> bool:
    """Whether this is the alert that always fires."""
    return bool(match) and alert.status == FIRING and matches(alert.labels, match, {})
