# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the notifier knows of itself, as results of checks, so that /health answers as everywhere. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..health.model import FAIL, PASS, WARN, Result
from .courier import Figures
from .upkeep import Waiting

# What waits longer than this (s) is worth a warning: the longest wait between two tries.
OLD = 300.0


@dataclass(frozen=True)
class View:
    """What was seen at ``at`` (epoch, on the notifier's clock). ``journal`` is what is wrong with it, ``missing`` is the watchdog."""

    at: float = 0.0
    beat: float = 0.0
    waiting: Mapping[str, Waiting] = field(default_factory=dict)
    figures: Mapping[str, Figures] = field(default_factory=dict)
    journal: str = ""
    missing: bool = False
    watched: bool = False
    seen: float = 0.0
    orphans: tuple[str, ...] = ()
    trouble: str = ""


def results(view: View) -> tuple[Result, ...]:
    """Return one result for the journal, one for the watchdog where there is one, one a channel."""
    found = [_result("journal", view.at, FAIL if view.journal else PASS, view.journal or "alerts are written")]
    found += [_channel(name, waiting, view.figures.get(name, Figures()), view.at) for name, waiting in sorted(view.waiting.items())]
    if view.watched:
        words = "the alert that always fires has stopped" if view.missing else "the alert that always fires comes"
        found.append(_result("watchdog", view.at, WARN if view.missing else PASS, words, "Look at Prometheus and Alertmanager."))
    if view.orphans:
        found.append(_result("orphans", view.at, WARN, f"alerts wait for channels that are gone: {', '.join(view.orphans)}",
                             "Declare these channels again, or replay after a change of the routes."))
    if view.trouble:
        found.append(_result("configuration", view.at, WARN, view.trouble))
    return tuple(found)


def _channel(name: str, waiting: Waiting, figures: Figures, now: float) -> Result:
    age = max(0.0, now - waiting.oldest) if waiting.oldest else 0.0
    words = [figures.trouble] if figures.trouble else []
    words += [f"{waiting.count} wait, the oldest for {age:.0f} s"] if age > OLD else []
    words += [f"{waiting.dead} messages are dead"] if waiting.dead else []
    advice = "See them: python3 -m vigil.notifier status; try them again: ... replay." if waiting.dead else ""
    return _result(f"channel-{name}", now, WARN if words else PASS, "; ".join(words) or "it delivers", advice)


def _result(name: str, at: float, state: str, words: str, advice: str = "") -> Result:
    return Result(name, "notifier", state, words, advice=advice, raw=state, at=at)
