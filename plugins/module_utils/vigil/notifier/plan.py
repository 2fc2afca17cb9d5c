# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What follows from an alert that came: whom to tell, from when on, and which escalations begin. Pure."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .channel import FIRING, TEST
from .config import Config
from .model import OWN, Alert, Target
from .routing import due_rungs, group_of, is_watchdog, ways


@dataclass(frozen=True)
class Ask:
    """That one recipient of a channel is to be told, from ``due`` (epoch) on. ``step`` counts those of an escalation; 0 is none."""

    channel: str
    recipient: str
    language: str
    due: float
    step: int = 0


@dataclass(frozen=True)
class Climb:
    """An escalation that begins: its name, how many steps are told, and when the next is due (epoch)."""

    escalation: str
    told: int
    next: float


@dataclass(frozen=True)
class Plan:
    """An alert and what follows. ``hold``: nobody hears of it before (epoch). ``watchdog``: it only shows that the way here works."""

    alert: Alert
    group: str
    hold: float
    asks: tuple[Ask, ...] = ()
    climbs: tuple[Climb, ...] = ()
    reason: str = ""
    watchdog: bool = False


def plan(alert: Alert, config: Config, now: float) -> Plan:
    """Plan for one alert. Who is told of a resolved one is known by the journal: those to whom its firing went."""
    group = group_of(alert)
    if config.watchdog and is_watchdog(alert, config.watchdog.match):
        return Plan(alert, group, 0.0, reason="the watchdog", watchdog=True)
    found = ways(alert, config.routes, config.quiet, now)
    begin = max([now + config.group_wait, *(way.hold for way in found)])
    reason = "; ".join(way.reason for way in found)
    if alert.status != FIRING:
        return Plan(alert, group, begin, reason=reason)
    asks = [ask for way in found for ask in spread(way.targets, max(now + config.group_wait, way.hold))]
    climbs = []
    for name in dict.fromkeys(way.escalation for way in found if way.escalation):
        rungs = config.escalations[name]
        due, following = due_rungs(rungs, now, 0, now)
        asks += [ask for number in due for ask in spread([rungs[number].target], now + config.group_wait)]
        climbs += [Climb(name, len(due), following)] if following else []
    return Plan(alert, group, begin, tuple(asks), tuple(climbs), reason)


def spread(targets: Iterable[Target], due: float, step: int = 0) -> list[Ask]:
    """Return one ask a recipient; a channel that knows its place has the empty one."""
    return [Ask(target.channel, who, target.language, due, step) for target in targets for who in target.recipients or ("",)]


def own_alert(name: str, status: str, summary: str, chinese: str, *, at: float, where: str, detail: str = "", key: str = "") -> Alert:
    """Return an alert of the notifier about itself. ``at``: when that began (epoch); ``key`` tells two of a name apart."""
    labels = {"alertname": name, "severity": "critical", "instance": where}
    fingerprint = hashlib.sha256(f"{name}|{where}|{key}".encode()).hexdigest()[:16]
    return Alert(fingerprint, status, stamp(at), OWN, labels, {"summary": summary, "summary_zh": chinese, "description": detail})


def own_plan(alert: Alert, targets: Sequence[Target], now: float, besides: str = "") -> Plan:
    """Plan for such an alert: all who hear of trouble, by every channel but ``besides``."""
    asks = spread([target for target in targets if target.channel != besides], now)
    return Plan(alert, group_of(alert), now, tuple(asks) if alert.status == FIRING else (), reason="the notifier's own")


def trial_plan(channel: str, recipient: str, language: str, now: float, where: str, key: str) -> Plan:
    """Plan for a test of one channel."""
    words = (f"A test of {channel} from {where}", f"来自 {where} 的 {channel} 测试")
    alert = own_alert("NotifierTest", FIRING, *words, at=now, where=where, key=key)
    alert = Alert(alert.fingerprint, TEST, alert.starts, alert.receiver, {**alert.labels, "severity": "info"}, alert.annotations)
    return Plan(alert, group_of(alert), 0.0, (Ask(channel, recipient, language, 0.0),), reason="a test")


def stamp(at: float) -> str:
    """Return a time as Alertmanager writes it."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(at))


def watch(last: float, began: float, within: float, now: float, missing: bool) -> str:
    """Return ``missing`` or ``back`` where the state of the watchdog changes, else nothing. All on one clock; ``last`` 0: never came."""
    late = now - max(last, began) > within
    if late and not missing:
        return "missing"
    return "back" if missing and last and not late else ""
