# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The notifier as a whole: one thread that answers, one a channel, one for what has its hour; signals; the service manager."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Mapping
from contextlib import suppress

from ..agent.credentials import Credentials
from ..agent.journal import ERROR, INFO, WARNING, Defects, say
from ..agent.manager import Manager
from ..httpd.front import Front
from ..httpd.values import Limits
from ..model import InvalidInput, VigilError
from . import journal
from .alerts import BODY
from .channel import Channel
from .clerk import Clerk
from .config import Config, read_config, read_secrets
from .courier import Courier, Office
from .database import lock_journal, open_journal
from .desk import Desk
from .metrics import Intake
from .plan import own_alert, own_plan
from .secrets import own_key, read_key
from .upkeep import Clock, recover

_TICK = 5.0
# What a message in flight is waited for at the end (s); systemd waits longer.
_PATIENCE = 5.0


class Notifier:
    """Made from a configuration; raises VigilError where that is of no use. ``run`` serves until a signal ends it."""

    def __init__(self, path: str, manager: Manager, channels: Mapping[str, Channel]) -> None:
        self._path, self._manager, self._channels = path, manager, channels
        config = read_config(path, channels)
        read_secrets(config)
        self._credentials = Credentials(config)
        clock = Clock()
        self._lock = lock_journal(config.journal)
        database, words = open_journal(config.journal, time.time())
        self._office = Office(config, database, clock, _key(config), on_broken=self._broken, on_news=self._wake)
        self._intake = Intake(started=time.time(), reloaded=time.time())
        self._couriers: dict[str, Courier] = {}
        self._clerk = Clerk(self._office, lambda: dict(self._couriers))
        self._desk = Desk(self._office, self._credentials.token, self._intake, lambda: self._clerk.view, self._watchdog)
        self._front: Front | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Event | None = None
        self.failed, self._beat = "", 0.0
        self._after_crash(words)

    def _after_crash(self, words: str) -> None:
        """What was in flight goes again; of a journal that was set aside everybody hears who hears of trouble."""
        office = self._office
        self._intake.possible_duplicates = recover(office.database, office.config.channels, office.clock())
        if self._intake.possible_duplicates:
            say(WARNING, f"{self._intake.possible_duplicates} messages were in flight when the process ended: they go again, maybe twice.")
        if words:
            say(ERROR, words)
            self._intake.quarantined = 1
            now = office.clock()
            alert = own_alert("JournalDamaged", "firing", "The notifier's journal was damaged; alerts may be lost",
                              "通知服务的日志库已损坏，告警可能丢失", at=now, where=office.config.name, detail=words)
            journal.accept(office.database, [own_plan(alert, office.config.alarm, now)], now)

    async def run(self) -> None:
        """Listen, deliver, answer; return after SIGTERM or SIGINT. Raises VigilError where it cannot listen, or the journal broke."""
        loop, self._stopping, defects = asyncio.get_running_loop(), asyncio.Event(), Defects()
        self._loop = loop
        loop.set_exception_handler(lambda _loop, context: defects(context.get("exception") or RuntimeError(str(context.get("message")))))
        config = self._office.config
        front = self._front = Front(self._desk.handle, self._limits(config), context=self._credentials.context, on_defect=defects)
        bound = front.listen(config.listen)
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stopping.set)
        loop.add_signal_handler(signal.SIGHUP, self._reload)
        self._staff(config)
        self._clerk.start()
        say(INFO, f"{len(config.channels)} channels, {len(config.routes)} routes, listening on {', '.join(bound)}")
        self._manager.tell("READY=1", self._status())
        await self._serve(self._stopping)
        await self._stop(front)
        if self.failed:
            raise VigilError(f"{self.failed} The next start sets it aside.")

    async def _serve(self, stopping: asyncio.Event) -> None:
        every = min(_TICK, self._manager.watchdog / 2 or _TICK)
        while not stopping.is_set():
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(stopping.wait(), every)
            self._tick()

    def _tick(self) -> None:
        """Feed the watchdog, but only if the clerk passed and no channel hangs; look for new certificates."""
        beat, stuck = self._clerk.view.beat, self._clerk.stuck()
        if beat != self._beat and not stuck:
            self._beat = beat
            self._manager.tell("WATCHDOG=1", self._status())
        elif stuck:
            say(ERROR, stuck)
        if self._front is not None:
            self._intake.served = self._front.figures()
        if self._credentials.renew():
            self._take_credentials()

    async def _stop(self, front: Front) -> None:
        self._manager.tell("STOPPING=1")
        for courier in self._couriers.values():
            courier.stop()
        await front.stop(0.5)
        end = time.monotonic() + _PATIENCE
        for courier in self._couriers.values():
            courier.join(max(0.0, end - time.monotonic()))
        self._clerk.stop(1.0)
        say(INFO, "stopped; what waits is in the journal")

    def _staff(self, config: Config) -> None:
        """One courier a channel. One whose channel changed ends with what it has in flight, and another begins."""
        for name, courier in list(self._couriers.items()):
            if config.channels.get(name) != courier.post:
                self._couriers.pop(name).stop()
        for name, post in config.channels.items():
            if name not in self._couriers:
                courier = Courier(self._office, post, self._channels[post.kind])
                courier.start()
                self._couriers[name] = courier

    def _reload(self) -> None:
        """Take over a new configuration as a whole, or none of it."""
        self._manager.reloading()
        try:
            config = read_config(self._path, self._channels)
            read_secrets(config)
            if config.journal != self._office.config.journal:
                raise InvalidInput("another journal needs a restart: what waits in the old one would be forgotten.")
            credentials, key = Credentials(config), _key(config)
            if self._front is not None:
                self._front.listen(config.listen)
            self._staff(config)
        except VigilError as error:
            self._clerk.trouble = f"the configuration was not taken over, the old one is used on: {error}"
            self._intake.reload_good = False
            say(ERROR, self._clerk.trouble)
        else:
            self._credentials, self._office.config, self._office.key = credentials, config, key
            self._clerk.trouble, self._intake.reload_good, self._intake.reloaded = "", True, time.time()
            self._take_credentials()
            self._wake()
            say(INFO, f"reloaded: {len(config.channels)} channels, {len(config.routes)} routes")
        self._manager.tell("READY=1", self._status())

    def _take_credentials(self) -> None:
        self._desk.token = self._credentials.token
        if self._front is not None:
            self._front.context, self._front.limits = self._credentials.context, self._limits(self._office.config)

    def _wake(self) -> None:
        for courier in list(self._couriers.values()):
            courier.wake()

    def _watchdog(self) -> None:
        self._clerk.taken = self._office.clock()

    def _broken(self, words: str) -> None:
        """The journal is damaged: end, so that the next start sets it aside. Called from any thread."""
        self.failed = words
        say(ERROR, words)
        if self._loop is not None and self._stopping is not None:
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._stopping.set)

    def _limits(self, config: Config) -> Limits:
        return Limits(body=BODY, connections=config.max_connections)

    def _status(self) -> str:
        waiting = sum(item.count for item in self._clerk.view.waiting.values())
        return f"STATUS={waiting} waiting, {sum(item.dead for item in self._clerk.view.waiting.values())} dead"


def _key(config: Config) -> bytes:
    """The key that signs links: the one named, or one of our own beside the journal."""
    if config.ack_key_file:
        return read_key(config.ack_key_file)
    return own_key(os.path.join(os.path.dirname(config.journal), "ack.key"))
