# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The journal as a person reads it."""

from __future__ import annotations

from collections.abc import Mapping

from ..health.units import SECONDS, words
from .alerts import clean
from .database import Database
from .journal import read_alert
from .model import Post
from .upkeep import waiting

_MOST = 20


def overview(database: Database, posts: Mapping[str, Post], now: float) -> str:
    """Return what waits by channel, what is dead, and the escalations that are open."""
    return "\n".join([*_channels(database, posts, now), *_dead(database), *_open(database, now)])


def _channels(database: Database, posts: Mapping[str, Post], now: float) -> list[str]:
    lines = []
    for name, post in posts.items():
        found = waiting(database, name)
        sent = database.one("SELECT count(*) FROM parcels WHERE channel = ? AND state = 'sent'", name)
        age = f", the oldest for {words(max(0.0, now - found.oldest), SECONDS)}" if found.oldest else ""
        lines.append(f"channel {name} ({post.kind}): {found.count} waiting{age}, {found.dead} dead, {sent} sent")
    return lines


def _dead(database: Database) -> list[str]:
    rows = database.rows("SELECT id, channel, recipient, count, words FROM parcels WHERE state = 'dead' ORDER BY id DESC LIMIT ?", _MOST)
    return [f"dead message {row['id']}: {row['channel']} {row['recipient']}, {row['count']} alerts: {clean(row['words'], 200)}"
            for row in rows]


def _open(database: Database, now: float) -> list[str]:
    rows = database.rows(
        "SELECT i.*, a.body, (SELECT max(parcel) FROM notices n WHERE n.alert = i.alert) AS parcel FROM incidents i "
        "JOIN alerts a ON a.id = i.alert WHERE i.closed IS NULL ORDER BY i.next LIMIT ?", _MOST)
    return [f"escalation {row['escalation']} of {read_alert(row['body']).name}, message {row['parcel'] or '-'}: {row['told']} steps told, "
            f"the next in {words(max(0.0, row['next'] - now), SECONDS)}" for row in rows]
