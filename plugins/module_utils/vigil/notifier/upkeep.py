# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is done with the journal besides: after a crash, by the clock, and for whoever asks how things are."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from .config import Config
from .database import Database
from .journal import notify, read_alert
from .model import DEAD, Post, Rung
from .plan import spread
from .routing import due_rungs, group_of

# Rows that one pass of the cleaning takes, so that nobody waits long for it.
_AT_A_TIME = 500


class Clock:
    """The time as epoch that goes on at the pace of the monotonic clock: while the process lives no jump of the wall clock moves it."""

    def __init__(self, wall: Callable[[], float] = time.time, steady: Callable[[], float] = time.monotonic) -> None:
        self._steady = steady
        self._offset = wall() - steady()

    def __call__(self) -> float:
        """Return seconds of the epoch."""
        return self._offset + self._steady()


@dataclass(frozen=True)
class Waiting:
    """What waits for a channel: messages and notices, since when the oldest (epoch, 0: none), and what is dead."""

    count: int = 0
    oldest: float = 0.0
    dead: int = 0


def recover(database: Database, posts: Mapping[str, Post], now: float) -> int:
    """Make ready what a crash left: what was in flight goes again; return how many those are (they may have arrived).

    A clock that went back meanwhile leaves nothing waiting longer than the longest wait of its channel.
    """
    with database.transaction() as link:
        flying = link.execute("UPDATE parcels SET state = 'waiting', due = ? WHERE state = 'flying'", (now,)).rowcount
        for post in posts.values():
            last = now + post.retry.most
            link.execute("UPDATE parcels SET due = ? WHERE channel = ? AND state = 'waiting' AND due > ?", (now, post.name, last))
    return int(flying)


def climb(database: Database, escalations: Mapping[str, Sequence[Rung]], group_wait: float, now: float) -> int:
    """Tell the next of each escalation that nobody stopped; return how many steps were taken."""
    rows = database.rows("SELECT i.*, a.body FROM incidents i JOIN alerts a ON a.id = i.alert WHERE i.closed IS NULL AND i.next <= ? "
                         "ORDER BY i.next LIMIT ?", now, _AT_A_TIME)
    for row in rows:
        rungs = escalations.get(row["escalation"], ())
        due, following = due_rungs(rungs, row["opened"], row["told"], now)
        alert = read_alert(row["body"])
        with database.transaction() as link:
            # Looked at again: an acknowledgement may have come in between.
            values = (row["told"] + len(due), following, row["id"])
            if link.execute("UPDATE incidents SET told = ?, next = ? WHERE id = ? AND closed IS NULL", values).rowcount:
                asks = [ask for number in due for ask in spread([rungs[number].target], now + group_wait, number + 1)]
                notify(link, row["alert"], alert, group_of(alert), asks, now)
            if not following:
                link.execute("UPDATE incidents SET closed = 'all were told' WHERE id = ? AND closed IS NULL", (row["id"],))
    return len(rows)


def prune(database: Database, before: float) -> int:
    """Remove some of what ended before that time (epoch), and alerts that nothing is left of; return how many rows went."""
    with database.transaction() as link:
        # What is dead stays as long as what was sent: until then it can be replayed.
        old = [row[0] for row in link.execute("SELECT id FROM parcels WHERE done < ? AND state IN ('sent', 'dead') LIMIT ?",
                                              (before, _AT_A_TIME))]
        for parcel in old:
            link.execute("DELETE FROM notices WHERE parcel = ?", (parcel,))
            link.execute("DELETE FROM tries WHERE parcel = ?", (parcel,))
            link.execute("DELETE FROM parcels WHERE id = ?", (parcel,))
        link.execute("DELETE FROM notices WHERE id IN (SELECT n.id FROM notices n JOIN alerts a ON a.id = n.alert WHERE a.accepted < ? "
                     "AND n.dropped IS NOT NULL AND n.parcel IS NULL LIMIT ?)", (before, _AT_A_TIME))
        gone = link.execute(
            "DELETE FROM alerts WHERE id IN (SELECT a.id FROM alerts a WHERE a.accepted < ? AND NOT EXISTS (SELECT 1 FROM notices n "
            "WHERE n.alert = a.id) AND NOT EXISTS (SELECT 1 FROM incidents i WHERE i.alert = a.id AND i.closed IS NULL) LIMIT ?)",
            (before, _AT_A_TIME)).rowcount
        if gone:
            link.execute("DELETE FROM incidents WHERE closed IS NOT NULL AND alert NOT IN (SELECT id FROM alerts)")
    return len(old) + int(gone)


def waiting(database: Database, channel: str) -> Waiting:
    """Return what waits for one channel."""
    row = database.rows(
        "SELECT count(*), min(made) FROM (SELECT made FROM notices WHERE channel = ? AND parcel IS NULL AND dropped IS NULL "
        "UNION ALL SELECT made FROM parcels WHERE channel = ? AND state IN ('waiting', 'flying'))", channel, channel)[0]
    dead = database.one("SELECT count(*) FROM parcels WHERE state = 'dead' AND channel = ?", channel)
    return Waiting(row[0], row[1] or 0.0, dead)


def sent_since(database: Database, channel: str, since: float) -> list[tuple[str, float]]:
    """Return to whom, and when, messages of a channel went since then, in order: what a rate has to know after a restart."""
    rows = database.rows("SELECT p.recipient, t.began FROM parcels p JOIN tries t ON t.parcel = p.id WHERE p.channel = ? "
                         "AND (p.done > ? OR p.done IS NULL) AND t.began > ? ORDER BY t.began LIMIT 10000", channel, since, since)
    return [(row[0], row[1]) for row in rows]


def revive(database: Database, posts: Mapping[str, Post], now: float, parcel: int = 0, channel: str = "") -> int:
    """Let dead messages be tried again (all, those of a channel, or one), with a deadline of their own; return how many."""
    revived = 0
    with database.transaction() as link:
        for post in posts.values():
            if channel in ("", post.name):
                revived += link.execute(
                    "UPDATE parcels SET state = 'waiting', due = 0, deadline = ?, done = NULL, words = 'replayed' "
                    "WHERE state = ? AND channel = ? AND (? = 0 OR id = ?)",
                    (now + post.retry.deadline, DEAD, post.name, parcel, parcel)).rowcount
    return revived


def orphans(database: Database, config: Config) -> list[str]:
    """Return channels that something waits for and that the configuration does not have any more."""
    rows = database.rows("SELECT channel FROM notices WHERE parcel IS NULL AND dropped IS NULL UNION SELECT channel FROM parcels "
                         "WHERE state IN ('waiting', 'flying')")
    return sorted(row[0] for row in rows if row[0] not in config.channels)


def changed_by_others(database: Database) -> int:
    """Return a number that changes when another process, such as the command line, wrote to the journal."""
    return int(database.one("PRAGMA data_version"))
