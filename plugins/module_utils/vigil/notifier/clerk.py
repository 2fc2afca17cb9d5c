# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One thread that does what has its hour: escalations, the watchdog, cleaning, and the view that is shown of it all."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping

from ..agent.journal import ERROR, WARNING, say
from . import journal, upkeep
from .channel import FIRING, RESOLVED
from .courier import Courier, Office
from .database import Broken, Cannot
from .plan import own_alert, own_plan, watch
from .state import View

EVERY = 1.0
_CLEAN = 60.0
# A try that takes longer than this (s) beyond its own time hangs: the service manager may end the process.
STUCK = 120.0


class Clerk:
    """Passes every second. ``view`` is what the last pass saw, ``taken`` when the watchdog was last accepted (on the clock; 0: never)."""

    def __init__(self, office: Office, couriers: Callable[[], Mapping[str, Courier]]) -> None:
        self._office, self._couriers = office, couriers
        self.view = View()
        self.trouble, self.journal_trouble = "", ""
        self._began = office.clock()
        self.taken = 0.0
        self._missing_since = 0.0
        self._cleaned, self._version = 0.0, 0
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="clerk", daemon=True)

    def start(self) -> None:
        """Begin: read what was left by a process before. Raises Cannot, Broken."""
        since = journal.recall(self._office.database, "watchdog_missing")
        self._missing_since = float(since) if since else 0.0
        self._pass()
        self._thread.start()

    def stop(self, timeout: float) -> None:
        """End."""
        self._stopping.set()
        self._thread.join(timeout)

    def stuck(self) -> str:
        """Return a sentence where a try of a channel hangs, else nothing."""
        limit = self._office.config.send_timeout + STUCK
        names = [name for name, courier in self._couriers().items()
                 if courier.figures.busy and time.monotonic() - courier.figures.busy > limit]
        return f"a try hangs: {', '.join(names)}" if names else ""

    def _run(self) -> None:
        while not self._stopping.wait(EVERY):
            try:
                self._pass()
                self.journal_trouble = ""
            except Broken as error:
                self._office.on_broken(str(error))
                return
            except Cannot as error:
                if not self.journal_trouble:
                    say(ERROR, str(error))
                self.journal_trouble = str(error)
                self._look(failed=True)

    def _pass(self) -> None:
        office, now = self._office, self._office.clock()
        version = upkeep.changed_by_others(office.database)
        news = version != self._version
        self._version = version
        news |= upkeep.climb(office.database, office.config.escalations, office.config.group_wait, now) > 0
        news |= self._watch(now)
        if now - self._cleaned > _CLEAN:
            self._cleaned = now
            upkeep.prune(office.database, now - office.config.keep)
        if news:
            office.on_news()
        self._look()

    def _watch(self, now: float) -> bool:
        """Alarm when the alert that always fires stops, and say when it is back."""
        watchdog = self._office.config.watchdog
        if watchdog is None:
            return False
        turn = watch(self.taken, self._began, watchdog.within, now, bool(self._missing_since))
        if not turn:
            return False
        began = now if turn == "missing" else self._missing_since
        words = ("The alert that always fires has stopped: Prometheus or Alertmanager may be down, or cannot reach the notifier",
                 "常发告警已停止：Prometheus 或 Alertmanager 可能已停机，或无法连接通知服务")
        alert = own_alert("WatchdogMissing", FIRING if turn == "missing" else RESOLVED, *words, at=began, where=self._office.config.name)
        plan = own_plan(alert, self._office.config.alarm, now)
        with self._office.database.transaction() as link:
            journal.add(link, plan, now)
            journal.remember(link, "watchdog_missing", repr(now) if turn == "missing" else "")
        self._missing_since = now if turn == "missing" else 0.0
        say(WARNING, f"the watchdog is {turn}")
        return True

    def _look(self, failed: bool = False) -> None:
        office, couriers = self._office, self._couriers()
        if failed:
            seen, orphans = self.view.waiting, self.view.orphans
        else:
            seen = {name: upkeep.waiting(office.database, name) for name in couriers}
            orphans = tuple(upkeep.orphans(office.database, office.config))
        self.view = View(
            office.clock(), time.monotonic(), seen, {name: courier.figures for name, courier in couriers.items()}, self.journal_trouble,
            bool(self._missing_since), office.config.watchdog is not None, self.taken, orphans, self.trouble)
