# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The agent as a whole: one thread that answers, one that looks, one that keeps; signals; the service manager."""

from __future__ import annotations

import asyncio
import gc
import platform
import resource
import signal
import sys
import time
from collections.abc import Mapping
from typing import Any

from .. import __version__
from ..health.document import headline
from ..health.kind import Look, Shared
from ..health.kinds import KINDS
from ..health.look import look_at
from ..health.model import Check, Result
from ..health.watcher import Watcher
from ..httpd.front import Front
from ..httpd.values import Figures, Limits
from ..model import VigilError
from ..system import System
from .config import read_config
from .cost import cost
from .credentials import Credentials
from .desk import Desk
from .journal import ERROR, INFO, WARNING, Defects, say
from .manager import Manager
from .metrics import Own
from .state import Keeper, load

# How often certificates are looked at and the status is told; the watchdog may ask for more.
_TICK = 10.0
# Descriptors beyond those of clients: listeners, checks, files.
_SPARE = 256
# Nobody has to send us anything: a body is read and passed over, a long one is refused.
_BODY = 4096


class Agent:
    """Made from a configuration; raises VigilError where that is of no use. ``run`` serves until a signal ends it."""

    def __init__(self, path: str, manager: Manager) -> None:
        self._path, self._manager = path, manager
        self._config = read_config(path)
        self._credentials = Credentials(self._config)
        self._system = System()
        self._shared = Shared(self._system.monotonic)
        self._watcher = Watcher(self._config.checks, self._look, host=self._config.host, release=__version__, size=self._config.pool,
                                saved=load(self._config.state_file))
        self._keeper = Keeper(self._config.state_file, self._watcher.state, self._config.state_interval)
        self._desk = Desk(self._config, self._credentials.token, lambda: self._watcher.snapshot, self._own, self._troubles)
        self._trouble, self._started, self._reloaded = "", time.time(), time.time()
        self._fed = self._watcher.snapshot.beat
        self._front: Front | None = None

    async def run(self) -> None:
        """Listen, look, answer; return after SIGTERM or SIGINT. Raises VigilError where it cannot listen."""
        loop, stopping, defects = asyncio.get_running_loop(), asyncio.Event(), Defects()
        loop.set_exception_handler(lambda _loop, context: defects(context.get("exception") or RuntimeError(str(context.get("message")))))
        front = self._front = Front(self._desk.handle, self._limits(), context=self._credentials.context, on_defect=defects)
        bound = front.listen(self._config.listen)
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stopping.set)
        loop.add_signal_handler(signal.SIGHUP, self._reload)
        self._watcher.start()
        self._keeper.start()
        await self._first_turn()
        _settle()
        say(INFO, f"watching {self._config.host} by {len(self._config.checks)} checks, listening on {', '.join(bound)}")
        self._manager.tell("READY=1", self._status())
        await self._serve(stopping)
        await self._stop(front)

    async def _first_turn(self) -> None:
        while self._watcher.snapshot.beat == self._fed:
            await asyncio.sleep(0.005)

    async def _serve(self, stopping: asyncio.Event) -> None:
        every = min(_TICK, self._manager.watchdog / 2 or _TICK)
        while not stopping.is_set():
            try:
                await asyncio.wait_for(stopping.wait(), every)
            except asyncio.TimeoutError:
                self._tick()

    def _tick(self) -> None:
        """Now and then: feed the watchdog, but only if the loop that looks has passed; look for new certificates."""
        beat = self._watcher.snapshot.beat
        if beat != self._fed:
            self._fed = beat
            self._manager.tell("WATCHDOG=1", self._status())
        if self._credentials.renew():
            self._take_credentials()

    async def _stop(self, front: Front) -> None:
        self._manager.tell("STOPPING=1")
        await front.stop(0.5)
        self._watcher.stop(0.5)
        self._keeper.stop(0.7)
        say(INFO, "stopped")

    def _reload(self) -> None:
        """Take over a new configuration as a whole, or none of it."""
        self._manager.reloading()
        try:
            config = read_config(self._path)
            credentials = Credentials(config)
            if self._front is not None:
                self._front.listen(config.listen)
        except VigilError as error:
            self._trouble = f"the configuration was not taken over, the old one is used on: {error}"
            say(ERROR, self._trouble)
        else:
            self._config, self._credentials, self._trouble, self._reloaded = config, credentials, "", time.time()
            self._keeper.path, self._keeper.every = config.state_file, config.state_interval
            self._watcher.change(config.checks, config.pool)
            self._take_credentials()
            say(INFO, f"reloaded: {len(config.checks)} checks")
        self._manager.tell("READY=1", self._status())

    def _take_credentials(self) -> None:
        self._desk.change(self._config, self._credentials.token)
        if self._front is not None:
            self._front.context, self._front.limits = self._credentials.context, self._limits()

    def _look(self, check: Check, memory: Mapping[str, Any]) -> tuple[Result, Mapping[str, Any]]:
        return look_at(check, KINDS[check.kind], Look(self._system, check.timeout, memory, self._shared))

    def _limits(self) -> Limits:
        return Limits(body=_BODY, connections=_descriptors_for(self._config.max_connections))

    def _status(self) -> str:
        return f"STATUS={headline(self._watcher.snapshot.results)[:200]}"

    def _troubles(self) -> list[str]:
        return [words for words in (self._trouble, self._credentials.trouble, self._keeper.trouble) if words]

    def _own(self) -> Own:
        keeper, served = self._keeper, self._front.figures() if self._front else Figures()
        return Own(
            __version__, platform.python_version(), len(self._config.checks), served, cost(), reload_good=not self._trouble,
            reloaded=self._reloaded, credentials_good=not self._credentials.trouble, state_errors=keeper.errors,
            state_written=keeper.written, started=self._started,
        )


def _descriptors_for(connections: int) -> int:
    """Raise the limit of open files as far as it takes and is allowed; return how many connections there is room for."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    unlimited = hard == resource.RLIM_INFINITY
    wanted = connections + _SPARE if unlimited else min(hard, connections + _SPARE)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    room = connections if unlimited else min(connections, max(8, hard - _SPARE))
    if room < connections:
        say(WARNING, f"max_connections is {connections}, there is room for {room}: set LimitNOFILE of the unit to {connections + _SPARE}.")
    return room


def _settle() -> None:
    """What is loaded by now stays: the collector need not look at it again. Shorter turns let answers pass between busy checks."""
    gc.collect()
    gc.freeze()
    sys.setswitchinterval(0.001)
