# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The values of the notifier: an alert, where it goes, how a channel is treated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

WAITING, FLYING, DEAD = "waiting", "flying", "dead"
# Most severe first; what is not named here comes behind them all.
SEVERITIES = ("critical", "error", "warning", "info")
# The receiver of alerts that the notifier raises about itself.
OWN = "vigil-notifier"


@dataclass(frozen=True)
class Alert:
    """One alert of a webhook, bounded and cleaned. ``starts`` and ``ends`` are as Alertmanager wrote them (RFC 3339)."""

    fingerprint: str
    status: str
    starts: str
    receiver: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str] = field(default_factory=dict)
    ends: str = ""
    url: str = ""

    @property
    def episode(self) -> str:
        """What firing and resolved have in common."""
        return f"{self.fingerprint}|{self.starts}|{self.receiver}"

    @property
    def key(self) -> str:
        """What is accepted once."""
        return f"{self.episode}|{self.status}"

    @property
    def severity(self) -> str:
        """The label, or warning where there is none."""
        return self.labels.get("severity") or "warning"

    @property
    def name(self) -> str:
        """The label alertname, or a word for none."""
        return self.labels.get("alertname") or "alert"


@dataclass(frozen=True)
class Target:
    """A channel of the configuration, who is reached by it (none: the channel knows itself), and in which language."""

    channel: str
    recipients: tuple[str, ...] = ()
    language: str = "en"


@dataclass(frozen=True)
class Rate:
    """At most ``count`` messages within ``per`` seconds."""

    count: int
    per: float


@dataclass(frozen=True)
class Retry:
    """The wait before a second try (s), the longest wait (s), and until when after its making (s) a message is tried at all."""

    first: float = 2.0
    most: float = 300.0
    deadline: float = 3600.0


@dataclass(frozen=True)
class Post:
    """A channel as the configuration declares it: its kind, its settings, and how it is treated."""

    name: str
    kind: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    rate: Rate = Rate(60, 60.0)
    recipient_rate: Rate = Rate(10, 60.0)
    retry: Retry = Retry()


@dataclass(frozen=True)
class Quiet:
    """Hours (minutes of the day, local to ``zone``) in which these severities wait. ``days``: 0 is Monday; those on which it begins."""

    name: str
    severities: tuple[str, ...]
    begin: int
    end: int
    days: tuple[int, ...] = (0, 1, 2, 3, 4, 5, 6)
    zone: str = "UTC"


@dataclass(frozen=True)
class Rung:
    """One step of an escalation: ``after`` seconds since the alert was accepted these are told."""

    after: float
    target: Target


@dataclass(frozen=True)
class Route:
    """Which alerts, by labels that are equal or match as a whole; where they go; ``go_on`` looks at the routes behind it too."""

    name: str
    match: Mapping[str, str] = field(default_factory=dict)
    match_re: Mapping[str, str] = field(default_factory=dict)
    targets: tuple[Target, ...] = ()
    escalation: str = ""
    quiet: tuple[str, ...] = ()
    go_on: bool = False


@dataclass(frozen=True)
class Watchdog:
    """The alert that always fires: how to know it, and within how many seconds it has to come again."""

    match: Mapping[str, str]
    within: float
