# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The values of the rule catalogue."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

KINDS = ("threshold", "trend", "missing", "slo", "anomaly")
SEVERITIES = ("critical", "warning", "info", "none")
LANGUAGES = ("en", "zh")


@dataclass(frozen=True)
class Rule:
    """One alert. ``expr`` names its thresholds as ``$name``, each the right side of a comparison.

    ``for_`` and ``keep_firing_for`` are durations as Prometheus writes them. ``summary`` and ``description`` are templates by language;
    ``why`` says where the defaults come from, ``look`` and ``act`` are its runbook. ``per_host``: whether its series have a label host,
    so that one host can have numbers of its own.
    """

    id: str
    area: str
    kind: str
    expr: str
    severity: str
    unit: str
    summary: Mapping[str, str]
    description: Mapping[str, str]
    why: str
    look: str
    act: str
    thresholds: Mapping[str, float] = field(default_factory=dict)
    for_: str = "0s"
    keep_firing_for: str = ""
    per_host: bool = True


@dataclass(frozen=True)
class Record:
    """A recording rule that the alerts of an area read."""

    record: str
    expr: str
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Area:
    """The rules of one document. ``interval`` is that of its recording rules; "" for the server's own.

    ``exporters`` name where its metrics come from; ``unrecorded`` says why no scrape of them was recorded, "" where there is one.
    """

    name: str
    title: Mapping[str, str]
    rules: tuple[Rule, ...]
    records: tuple[Record, ...] = ()
    interval: str = ""
    exporters: tuple[str, ...] = ()
    unrecorded: str = ""


@dataclass(frozen=True)
class Tuned:
    """What a rule is for one host, or for all of them, after its overrides."""

    thresholds: Mapping[str, float]
    for_: str
    keep_firing_for: str
    severity: str
    enabled: bool = True
    selector: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)

    def variant(self) -> tuple[object, ...]:
        """What cannot be joined as a number: hosts that differ in it need a rule of their own."""
        return (self.enabled, self.for_, self.keep_firing_for, self.severity, tuple(sorted(self.labels.items())))
