# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When a message may go, what goes into it, and what becomes of it after a try. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .channel import DIGEST, LATER, RESOLVED, SENT, Outcome
from .model import DEAD, SEVERITIES, WAITING, Rate, Retry

# While so many messages to one recipient wait for another try, what comes new waits for them: it goes as one message later.
MOST_WAITING = 3
# A message stands for so many alerts at most; what is beyond goes in the next.
MOST_IN_ONE = 2000


@dataclass(frozen=True)
class Notice:
    """That one recipient is to hear of one alert. ``due`` is epoch; ``before`` is what became of the firing that a resolved one ends."""

    id: int
    group: str
    status: str
    severity: str
    due: float
    before: str = ""


@dataclass(frozen=True)
class Parcel:
    """A message that was made and waits for its next try at ``due`` (epoch)."""

    id: int
    due: float


@dataclass(frozen=True)
class Move:
    """What to do for one recipient: send a parcel, form one of notices, drop notices, or wait until ``until`` (epoch; 0: for news)."""

    kind: str
    reason: str
    ids: tuple[int, ...] = ()
    status: str = ""
    until: float = 0.0


@dataclass(frozen=True)
class Settled:
    """What becomes of a message after a try: its state, when it is tried again (epoch), and why."""

    state: str
    due: float
    reason: str


def room(sent: Sequence[float], rate: Rate, now: float) -> tuple[int, float]:
    """Return how many messages may go now, and when the next one may (epoch) where none may. ``sent``: when others went, in order."""
    recent = [at for at in sent if at <= now < at + rate.per]
    left = max(0, rate.count - len(recent))
    return left, 0.0 if left else recent[len(recent) - rate.count] + rate.per


def next_move(notices: Sequence[Notice], parcels: Sequence[Parcel], left: int, opens: float, now: float) -> Move:
    """Decide for one recipient. ``left`` messages may go now; where none may, the next may at ``opens``.

    What was made goes before what is new; the severe before the rest; the last message that the rate allows takes all that is left.
    """
    lost = tuple(notice.id for notice in notices if notice.status == RESOLVED and notice.before == DEAD)
    if lost:
        return Move("drop", "the firing never reached this recipient", lost)
    ready = [notice for notice in notices if notice.due <= now and (notice.status != RESOLVED or notice.before == SENT)]
    due = sorted((parcel for parcel in parcels if parcel.due <= now), key=lambda parcel: (parcel.due, parcel.id))
    blocked = len(parcels) >= MOST_WAITING
    if not due and (not ready or blocked):
        times = [parcel.due for parcel in parcels] + ([] if blocked else [notice.due for notice in notices if notice.due > now])
        return Move("wait", "nothing is due", until=min(times, default=0.0))
    if left < 1:
        return Move("wait", "the rate is used up", until=opens)
    if due:
        return Move("send", "it is due", (due[0].id,))
    return _form(ready, left)


def _form(ready: Sequence[Notice], left: int) -> Move:
    order = sorted(ready, key=lambda notice: (rank(notice.severity), notice.id))
    groups = {notice.group for notice in order}
    if left == 1 and len(groups) > 1:
        return Move("form", f"{len(groups)} groups and room for one message", _ids(order), DIGEST)
    first = order[0]
    return Move("form", "they belong together", _ids([notice for notice in order if notice.group == first.group]), first.status)


def _ids(notices: Sequence[Notice]) -> tuple[int, ...]:
    return tuple(notice.id for notice in notices[:MOST_IN_ONE])


def rank(severity: str) -> int:
    """Return the place of a severity, 0 the most severe."""
    return SEVERITIES.index(severity) if severity in SEVERITIES else len(SEVERITIES)


def delay(tries: int, retry: Retry, chance: float) -> float:
    """Return the wait (s) after ``tries`` failed tries: doubled each time, at most ``retry.most``, then 50 to 100 % of it by ``chance``."""
    whole = min(retry.most, retry.first * 2.0 ** min(tries - 1, 60))
    return whole * (0.5 + 0.5 * chance)


def settle(outcome: Outcome, tries: int, deadline: float, retry: Retry, now: float, chance: float) -> Settled:
    """Decide after a try, ``tries`` with this one. A message dies only after a try at its deadline or later, or where it was refused."""
    if outcome.state == SENT:
        return Settled(SENT, 0.0, outcome.words)
    if outcome.state != LATER:
        return Settled(DEAD, 0.0, f"refused for good: {outcome.words}")
    if now >= deadline:
        return Settled(DEAD, 0.0, f"its deadline passed after {tries} tries; the last: {outcome.words}")
    asked = max(0.0, outcome.after or 0.0)
    if asked and now + asked > deadline:
        return Settled(DEAD, 0.0, f"it is to be tried after its deadline ({asked:.0f} s from now): {outcome.words}")
    wait = max(asked, min(delay(tries, retry, chance), deadline - now))
    return Settled(WAITING, now + wait, outcome.words)
