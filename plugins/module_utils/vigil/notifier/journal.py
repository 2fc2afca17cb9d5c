# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is written when: an alert with all that follows from it, a message before and after each try. One transaction each."""

from __future__ import annotations

import json
import secrets as randomness
import sqlite3
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from .channel import FIRING, RESOLVED, SENT
from .database import Database
from .model import DEAD, FLYING, WAITING, Alert, Retry
from .pace import Notice, Parcel, Settled, rank
from .plan import Ask, Plan

_BEFORE = {2: SENT, 1: FIRING, 0: DEAD, None: DEAD}
# 2: one of the firing messages arrived, 1: one may still, 0: none will.
_FATE = """(SELECT max(CASE WHEN f.dropped IS NOT NULL THEN 0 WHEN f.parcel IS NULL THEN 1 WHEN p.state = 'sent' THEN 2
  WHEN p.state = 'dead' THEN 0 ELSE 1 END) FROM notices f LEFT JOIN parcels p ON p.id = f.parcel
  WHERE f.episode = n.episode AND f.channel = n.channel AND f.recipient = n.recipient AND f.status = 'firing')"""
_MOST = 2000


@dataclass(frozen=True)
class Taken:
    """What a webhook brought: alerts that are new, and those that were known."""

    new: int
    known: int


@dataclass(frozen=True)
class Flight:
    """A message that is being tried: all that a try needs. Times are epoch."""

    id: int
    uid: str
    recipient: str
    language: str
    status: str
    step: int
    tries: int
    deadline: float
    made: float
    alerts: tuple[Alert, ...]
    escalates: bool


def accept(database: Database, plans: Sequence[Plan], now: float) -> Taken:
    """Write alerts and what follows from them; those that are known change nothing. Raises Cannot, Broken: nothing was written."""
    with database.transaction() as link:
        new = sum(_accept(link, plan, now) for plan in plans)
    return Taken(new, len(plans) - new)


def add(link: sqlite3.Connection, plan: Plan, now: float) -> bool:
    """Write one alert within a transaction of somebody else's; return whether it is new."""
    return bool(_accept(link, plan, now))


def _accept(link: sqlite3.Connection, plan: Plan, now: float) -> int:
    if plan.watchdog:
        remember(link, "watchdog", repr(now))
        return 1
    alert = plan.alert
    body = json.dumps(asdict(alert), ensure_ascii=False, separators=(",", ":"))
    row = link.execute("INSERT OR IGNORE INTO alerts (key, episode, status, body, accepted, reason) VALUES (?, ?, ?, ?, ?, ?)",
                       (alert.key, alert.episode, alert.status, body, now, plan.reason))
    if not row.rowcount:
        return 0
    number = int(row.lastrowid or 0)
    if alert.status == RESOLVED:
        _ends(link, plan, number, now)
    else:
        notify(link, number, plan.alert, plan.group, plan.asks, now)
        _late(link, plan, now)
        for climb in plan.climbs:
            link.execute("INSERT OR IGNORE INTO incidents (alert, episode, escalation, opened, told, next) VALUES (?, ?, ?, ?, ?, ?)",
                         (number, alert.episode, climb.escalation, now, climb.told, climb.next))
    return 1


def notify(link: sqlite3.Connection, number: int, alert: Alert, group: str, asks: Sequence[Ask], now: float) -> None:
    """Write that these are to hear of an alert; who is to hear of it already is left as it is."""
    same = (alert.status, alert.severity, rank(alert.severity))
    values = [(number, alert.episode, ask.channel, ask.recipient, ask.language, ask.step, f"{group}|{ask.language}|{ask.step}", *same,
               ask.due, now) for ask in asks]
    link.executemany("INSERT OR IGNORE INTO notices (alert, episode, channel, recipient, language, step, grp, status, severity, rank, due, "
                     "made) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", values)


def _ends(link: sqlite3.Connection, plan: Plan, number: int, now: float) -> None:
    """It is over: who was to hear of the firing hears of that, and nobody is called any more."""
    episode = plan.alert.episode
    _close(link, "episode = ?", (episode,), "it is over")
    rows = link.execute("SELECT channel, recipient, min(language) FROM notices WHERE episode = ? AND status = 'firing' AND dropped IS NULL "
                        "GROUP BY channel, recipient", (episode,)).fetchall()
    notify(link, number, plan.alert, plan.group, [Ask(row[0], row[1], row[2], plan.hold) for row in rows], now)


def _late(link: sqlite3.Connection, plan: Plan, now: float) -> None:
    """A firing that came behind its own end: those who hear of it hear of the end too."""
    rows = link.execute("SELECT id, body FROM alerts WHERE episode = ? AND status = 'resolved'", (plan.alert.episode,)).fetchall()
    for row in rows:
        ended = read_alert(row["body"])
        group = plan.group.replace(f"{FIRING}|", f"{RESOLVED}|", 1)
        notify(link, row["id"], ended, group, [Ask(ask.channel, ask.recipient, ask.language, ask.due) for ask in plan.asks], now)


def _close(link: sqlite3.Connection, where: str, values: tuple[object, ...], reason: str) -> int:
    """Close escalations, and drop their steps that nobody was told yet; return how many were open."""
    alerts = [row[0] for row in link.execute(f"SELECT alert FROM incidents WHERE closed IS NULL AND {where}", values)]
    for alert in alerts:
        link.execute("UPDATE incidents SET closed = ? WHERE closed IS NULL AND alert = ?", (reason, alert))
        link.execute("UPDATE notices SET dropped = ? WHERE alert = ? AND step > 0 AND parcel IS NULL AND dropped IS NULL", (reason, alert))
    return len(alerts)


def acknowledge(database: Database, parcel: int, who: str) -> int:
    """Stop the escalations of all alerts of a message (0: of all that are open); return how many were stopped."""
    where, values = ("alert IN (SELECT alert FROM notices WHERE parcel = ?)", (parcel,)) if parcel else ("1", ())
    with database.transaction() as link:
        return _close(link, where, values, f"acknowledged by {who}")


def lanes(database: Database, channel: str) -> list[str]:
    """Return the recipients of a channel for whom something waits, the most severe first."""
    rows = database.rows(
        "SELECT recipient, min(r) FROM (SELECT recipient, rank AS r FROM notices WHERE channel = ? AND parcel IS NULL AND dropped IS NULL "
        "UNION ALL SELECT recipient, 0 FROM parcels WHERE channel = ? AND state IN ('waiting', 'flying')) GROUP BY recipient ORDER BY 2",
        channel, channel)
    return [row[0] for row in rows]


def lane(database: Database, channel: str, recipient: str, now: float) -> tuple[list[Notice], list[Parcel]]:
    """Return what waits for one recipient."""
    rows = database.rows(
        f"SELECT n.id, n.grp, n.status, n.severity, n.due, CASE WHEN n.status = 'resolved' THEN {_FATE} END AS fate FROM notices n "
        "WHERE n.channel = ? AND n.recipient = ? AND n.parcel IS NULL AND n.dropped IS NULL ORDER BY n.due > ?, n.rank, n.id LIMIT ?",
        channel, recipient, now, _MOST)
    notices = [Notice(row[0], row[1], row[2], row[3], row[4], _BEFORE[row[5]] if row[2] == RESOLVED else "") for row in rows]
    parcels = database.rows("SELECT id, due FROM parcels WHERE channel = ? AND recipient = ? AND state = 'waiting'", channel, recipient)
    return notices, [Parcel(row[0], row[1]) for row in parcels]


def drop(database: Database, ids: Sequence[int], reason: str) -> None:
    """Write that these are not told, and why."""
    with database.transaction() as link:
        link.executemany("UPDATE notices SET dropped = ? WHERE id = ?", [(reason, number) for number in ids])


def form(database: Database, channel: str, recipient: str, ids: Sequence[int], status: str, retry: Retry, now: float) -> Flight | None:
    """Make a message of notices, and write that it is tried from now on. It stays the same in each try.

    None where somebody else took one of them: a courier that a reload replaced may be on its last step.
    """
    with database.transaction() as link:
        taken = "SELECT 1 FROM notices WHERE id = ? AND (parcel IS NOT NULL OR dropped IS NOT NULL)"
        if any(link.execute(taken, (number,)).fetchone() for number in ids):
            return None
        first = link.execute("SELECT language, step FROM notices WHERE id = ?", (ids[0],)).fetchone()
        row = link.execute(
            "INSERT INTO parcels (uid, channel, recipient, language, status, step, count, state, due, deadline, made) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (randomness.token_hex(8), channel, recipient, first["language"], status, first["step"], len(ids), WAITING, now,
             now + retry.deadline, now))
        link.executemany("UPDATE notices SET parcel = ? WHERE id = ?", [(row.lastrowid, number) for number in ids])
        return _begin(link, int(row.lastrowid or 0), now)


def begin(database: Database, parcel: int, now: float) -> Flight | None:
    """Write that a message is tried from now on; return it. After a crash this row says what may have arrived. None as for ``form``."""
    with database.transaction() as link:
        return _begin(link, parcel, now)


def _begin(link: sqlite3.Connection, parcel: int, now: float) -> Flight | None:
    values = (FLYING, parcel, WAITING)
    if not link.execute("UPDATE parcels SET state = ?, tries = tries + 1 WHERE id = ? AND state = ?", values).rowcount:
        return None
    link.execute("INSERT INTO tries (parcel, began) VALUES (?, ?)", (parcel, now))
    row = link.execute("SELECT * FROM parcels WHERE id = ?", (parcel,)).fetchone()
    bodies = link.execute("SELECT DISTINCT a.id, a.body FROM notices n JOIN alerts a ON a.id = n.alert WHERE n.parcel = ? "
                          "ORDER BY n.rank, a.id", (parcel,)).fetchall()
    climbs = link.execute("SELECT 1 FROM incidents WHERE closed IS NULL AND alert IN "
                          "(SELECT alert FROM notices WHERE parcel = ?) LIMIT 1", (parcel,)).fetchone()
    return Flight(row["id"], row["uid"], row["recipient"], row["language"], row["status"], row["step"], row["tries"], row["deadline"],
                  row["made"], tuple(read_alert(body["body"]) for body in bodies), climbs is not None)


def end(database: Database, parcel: int, settled: Settled, provider_id: str, now: float, alarm: Plan | None = None) -> None:
    """Write what became of a try, and where the message died, in the same transaction, the alarm about that."""
    with database.transaction() as link:
        link.execute("UPDATE parcels SET state = ?, due = ?, done = ?, words = ?, provider_id = ? WHERE id = ?",
                     (settled.state, settled.due, None if settled.state == WAITING else now, settled.reason, provider_id, parcel))
        link.execute("UPDATE tries SET ended = ?, state = ?, words = ? WHERE id = (SELECT max(id) FROM tries WHERE parcel = ?)",
                     (now, settled.state, settled.reason, parcel))
        if alarm is not None:
            _accept(link, alarm, now)


def remember(link: sqlite3.Connection, name: str, value: str) -> None:
    """Keep a value by its name."""
    link.execute("INSERT OR REPLACE INTO meta (name, value) VALUES (?, ?)", (name, value))


def recall(database: Database, name: str) -> str:
    """Return a value that was kept, empty where there is none."""
    return str(database.one("SELECT value FROM meta WHERE name = ?", name) or "")


def read_alert(body: str) -> Alert:
    """Return an alert as it was written."""
    return Alert(**json.loads(body))
