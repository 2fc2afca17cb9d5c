# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The notifier's metrics. Pure: ``docs/notifier.md`` lists them. Label values are names of the configuration, never of an alert."""

from __future__ import annotations

from dataclasses import dataclass, field

from .. import __version__
from ..agent.cost import Cost
from ..agent.exposition import Page, labels
from ..httpd.values import Figures as Served
from .courier import Figures
from .state import View
from .upkeep import Waiting

PREFIX = "vigil_notifier"


@dataclass
class Intake:
    """What was accepted since the start. ``repeated``: known already; ``refused``: requests that were no good or could not be written."""

    alerts: int = 0
    repeated: int = 0
    watchdogs: int = 0
    bad: int = 0
    unwritten: int = 0
    acknowledged: int = 0
    possible_duplicates: int = 0
    quarantined: int = 0
    started: float = 0.0
    reloaded: float = 0.0
    reload_good: bool = True
    served: Served = field(default_factory=Served)


def page(intake: Intake, view: View, cost: Cost) -> bytes:
    """Return the whole text."""
    made = Page()
    made.metric(f"{PREFIX}_build_info", "gauge", "The notifier's release; always 1.")
    made.sample(f"{PREFIX}_build_info", labels({"version": __version__}), 1)
    _intake(made, intake)
    _channels(made, view)
    made.one(f"{PREFIX}_journal_writable", "gauge", "Whether the journal could be used lately.", not view.journal)
    made.one(f"{PREFIX}_watchdog_missing", "gauge", "Whether the alert that always fires has stopped.", view.missing)
    made.one(f"{PREFIX}_watchdog_last_timestamp_seconds", "gauge", "When it last came.", round(view.seen, 3))
    made.metric(f"{PREFIX}_requests_total", "counter", "Answers, by HTTP status.")
    for code in sorted(intake.served.answers):
        made.sample(f"{PREFIX}_requests_total", f'code="{code}"', intake.served.answers[code])
    made.one(f"{PREFIX}_connections", "gauge", "Connections that are open.", intake.served.connections)
    _process(made, intake, cost)
    return made.bytes()


def _intake(made: Page, intake: Intake) -> None:
    made.one(f"{PREFIX}_alerts_accepted_total", "counter", "Alerts written to the journal.", intake.alerts)
    made.one(f"{PREFIX}_alerts_repeated_total", "counter", "Alerts that were known already.", intake.repeated)
    made.one(f"{PREFIX}_watchdogs_total", "counter", "Times that the alert that always fires came.", intake.watchdogs)
    made.one(f"{PREFIX}_webhooks_bad_total", "counter", "Webhooks that were not taken for what they held.", intake.bad)
    made.one(f"{PREFIX}_webhooks_unwritten_total", "counter", "Webhooks answered 503: the journal could not take them.", intake.unwritten)
    made.one(f"{PREFIX}_acknowledged_total", "counter", "Escalations stopped by a link.", intake.acknowledged)
    made.one(f"{PREFIX}_possible_duplicates_total", "counter", "Messages in flight when the process before ended: they went again.",
             intake.possible_duplicates)
    made.one(f"{PREFIX}_journals_set_aside_total", "counter", "Damaged journals set aside at the start.", intake.quarantined)


def _channels(made: Page, view: View) -> None:
    rows = [(labels({"channel": name}), view.figures.get(name, Figures()), waiting) for name, waiting in sorted(view.waiting.items())]
    for name, type_, text, value in _COLUMNS:
        made.metric(f"{PREFIX}_{name}", type_, text)
        for who, figures, waiting in rows:
            made.sample(f"{PREFIX}_{name}", who, value(figures, waiting, view.at))


def _age(figures: Figures, waiting: Waiting, now: float) -> float:
    return round(max(0.0, now - waiting.oldest), 3) if waiting.oldest else 0.0


_COLUMNS = (
    ("messages_sent_total", "counter", "Messages that the provider took.", lambda figures, waiting, now: figures.sent),
    ("alerts_delivered_total", "counter", "Alerts in these messages.", lambda figures, waiting, now: figures.alerts),
    ("tries_total", "counter", "Tries to send a message.", lambda figures, waiting, now: figures.tries),
    ("retries_total", "counter", "Tries that were not the first of their message.", lambda figures, waiting, now: figures.retried),
    ("messages_dead_total", "counter", "Messages given up since the start.", lambda figures, waiting, now: figures.dead),
    ("notices_dropped_total", "counter", "Ends of alerts not told, for the start never arrived.",
     lambda figures, waiting, now: figures.dropped),
    ("messages_dead", "gauge", "Messages given up and not replayed.", lambda figures, waiting, now: waiting.dead),
    ("queue_length", "gauge", "Notices and messages that wait.", lambda figures, waiting, now: waiting.count),
    ("queue_oldest_seconds", "gauge", "How long the oldest of them has waited.", _age),
    ("try_seconds_sum", "counter", "Time that tries took.", lambda figures, waiting, now: round(figures.seconds, 6)),
    ("try_seconds_count", "counter", "Tries in that sum.", lambda figures, waiting, now: figures.tries),
    ("channel_failing", "gauge", "Whether the last try was not taken.", lambda figures, waiting, now: bool(figures.trouble)),
)


def _process(made: Page, intake: Intake, cost: Cost) -> None:
    made.one(f"{PREFIX}_config_last_reload_successful", "gauge", "Whether the configuration is the one in the file.", intake.reload_good)
    made.one(f"{PREFIX}_config_last_reload_success_timestamp_seconds", "gauge", "When one was last taken over.", intake.reloaded)
    made.one("process_cpu_seconds_total", "counter", "Processor time of the notifier.", cost.cpu)
    made.one("process_resident_memory_bytes", "gauge", "Memory of the notifier.", cost.memory)
    made.one("process_open_fds", "gauge", "Descriptors that are open.", cost.descriptors)
    made.one("process_start_time_seconds", "gauge", "When the notifier was started.", intake.started)
