# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One thread a channel: takes what is due, sends it, writes what became of it. What is in flight at a time is one message."""

from __future__ import annotations

import random
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from ..agent.journal import ERROR, WARNING, say
from ..health.kind import Shared
from ..system import System
from . import journal
from .acks import sign
from .channel import LATER, SENT, Channel, Outcome, Wire
from .config import Config
from .database import Broken, Cannot, Database
from .model import DEAD, OWN, Post
from .pace import Move, Settled, next_move, room, settle
from .plan import Plan, own_alert, own_plan
from .render import Letter, message, summary
from .upkeep import sent_since

# A journal that cannot be written is tried again after so long (s); somebody who is idle looks at the clock after so long.
_PAUSE, _IDLE = 1.0, 30.0
# So many messages for one recipient before the next one's turn.
_MOVES = 50


@dataclass
class Figures:
    """What one channel did since the start. ``seconds`` is the time that tries took, ``busy`` since when one runs (monotonic, 0: none)."""

    sent: int = 0
    alerts: int = 0
    retried: int = 0
    dead: int = 0
    dropped: int = 0
    tries: int = 0
    seconds: float = 0.0
    busy: float = 0.0
    trouble: str = ""


@dataclass
class Office:
    """What all couriers share. ``config`` is replaced by a reload."""

    config: Config
    database: Database
    clock: Callable[[], float]
    key: bytes
    system: System = field(default_factory=System)
    on_broken: Callable[[str], None] = lambda words: None
    on_news: Callable[[], None] = lambda: None


class Courier:
    """Delivers by one channel. ``wake`` tells that there is news."""

    def __init__(self, office: Office, post: Post, channel: Channel) -> None:
        self.office, self.post, self.channel = office, post, channel
        self.figures = Figures()
        self._news, self._stopping = threading.Event(), False
        self._all: deque[float] = deque(maxlen=post.rate.count)
        self._each: dict[str, deque[float]] = {}
        self._shared = Shared(office.system.monotonic)
        self._thread = threading.Thread(target=self._run, name=f"channel-{post.name}", daemon=True)

    def start(self) -> None:
        """Begin. Raises Cannot."""
        now = self.office.clock()
        for recipient, at in sent_since(self.office.database, self.post.name, now - max(self.post.rate.per, self.post.recipient_rate.per)):
            self._count(recipient, min(at, now))
        self._thread.start()

    def wake(self) -> None:
        """There is news."""
        self._news.set()

    def stop(self) -> None:
        """Send nothing new."""
        self._stopping = True
        self._news.set()

    def join(self, timeout: float) -> bool:
        """Wait for the message in flight; return whether it ended."""
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while not self._stopping:
            self._news.clear()
            try:
                until = self._turn()
            except Broken as error:
                self.office.on_broken(str(error))
                return
            except Cannot as error:
                self._say(str(error))
                until = self.office.clock() + _PAUSE
            except Exception as error:  # a defect of ours: told, and tried again later
                self._say(f"{type(error).__name__}: {error}")
                until = self.office.clock() + _PAUSE
            self._news.wait(max(0.0, min(_IDLE, until - self.office.clock())))

    def _turn(self) -> float:
        """Look at everybody who waits, do one thing for each; return when to look again (epoch)."""
        until = self.office.clock() + _IDLE
        for recipient in journal.lanes(self.office.database, self.post.name):
            if self._stopping:
                return until
            now = self.office.clock()
            until = min(until, self._serve(recipient, now))
        return until

    def _serve(self, recipient: str, now: float) -> float:
        """Do what is due for one recipient, but not for long: others wait too. Return when to look again (epoch)."""
        notices, parcels = journal.lane(self.office.database, self.post.name, recipient, now)
        for _number in range(_MOVES):
            move = next_move(notices, parcels, *self._room(recipient, now), now)
            if move.kind == "wait":
                return move.until or now + _IDLE
            self._act(move, recipient, now)
            now, used = self.office.clock(), set(move.ids)
            if move.kind == "send" or self._stopping or self.figures.trouble:
                return now
            notices = [notice for notice in notices if notice.id not in used]
        return now

    def _act(self, move: Move, recipient: str, now: float) -> None:
        database = self.office.database
        if move.kind == "drop":
            journal.drop(database, move.ids, move.reason)
            self.figures.dropped += len(move.ids)
            return
        if move.kind == "form":
            flight = journal.form(database, self.post.name, recipient, move.ids, move.status, self.post.retry, now)
        else:
            flight = journal.begin(database, move.ids[0], now)
        if flight is not None:
            self._count(recipient, now)
            self._deliver(flight)

    def _deliver(self, flight: journal.Flight) -> None:
        began = self.figures.busy = time.monotonic()
        outcome = self._try(flight)
        self.figures.seconds += time.monotonic() - began
        self.figures.busy = 0.0
        now = self.office.clock()
        settled = settle(outcome, flight.tries, flight.deadline, self.post.retry, now, random.random())
        alarm = self._alarm(flight, settled, now) if settled.state == DEAD else None
        self._record(flight, settled, outcome.provider_id, alarm)
        if alarm is not None:
            self.office.on_news()
        self._tell(flight, settled)

    def _try(self, flight: journal.Flight) -> Outcome:
        config = self.office.config
        link = ""
        if flight.escalates and config.public_url:
            link = f"{config.public_url}/ack/{sign(self.office.key, flight.id, time.time() + config.ack_valid)}"
        letter = Letter(flight.uid, flight.status, flight.language, flight.alerts, flight.step, link, flight.made)
        wire = Wire.begin(self.office.system, config.send_timeout, self._shared)
        recipients = [flight.recipient] if flight.recipient else []
        try:
            return self.channel.send(message(letter), recipients, self.post.settings, wire, time.time())
        except Exception as error:  # a defect of a channel must not lose what it was given
            return Outcome(LATER, f"the channel has a defect: {type(error).__name__}")

    def _record(self, flight: journal.Flight, settled: Settled, provider_id: str, alarm: Plan | None) -> None:
        """Write it, however long the disk takes: until then nothing else is sent, so that one message at most may go twice."""
        while True:
            try:
                journal.end(self.office.database, flight.id, settled, provider_id, self.office.clock(), alarm)
                return
            except Cannot as error:
                self._say(str(error))
                if self._stopping:
                    return
                time.sleep(_PAUSE)

    def _alarm(self, flight: journal.Flight, settled: Settled, now: float) -> Plan | None:
        if all(alert.receiver == OWN for alert in flight.alerts):
            return None
        name, count = self.post.name, len(flight.alerts)
        alert = own_alert(
            "NotifierDeliveryFailed", "firing", f"{count} alerts were not delivered by {name}", f"{count} 条告警未能通过 {name} 送达",
            at=now, where=self.office.config.name, key=flight.uid,
            detail="\n".join([f"{settled.reason}", *(summary(item, flight.language) for item in flight.alerts[:20])]))
        return own_plan(alert, self.office.config.alarm, now, besides=name)

    def _tell(self, flight: journal.Flight, settled: Settled) -> None:
        figures = self.figures
        figures.tries += 1
        figures.retried += flight.tries > 1
        figures.trouble = "" if settled.state == SENT else settled.reason
        if settled.state == SENT:
            figures.sent += 1
            figures.alerts += len(flight.alerts)
            return
        figures.dead += settled.state == DEAD
        level = ERROR if settled.state == DEAD else WARNING
        say(level, f"{self.post.name}: message {flight.id} of {len(flight.alerts)} alerts, try {flight.tries}: {settled.reason}")

    def _room(self, recipient: str, now: float) -> tuple[int, float]:
        first = room(self._all, self.post.rate, now)
        second = room(self._each.get(recipient, ()), self.post.recipient_rate, now)
        return min(first[0], second[0]), max(first[1], second[1])

    def _count(self, recipient: str, now: float) -> None:
        self._all.append(now)
        self._each.setdefault(recipient, deque(maxlen=self.post.recipient_rate.count)).append(now)

    def _say(self, words: str) -> None:
        if words != self.figures.trouble:
            say(ERROR, f"{self.post.name}: {words}")
        self.figures.trouble = words
