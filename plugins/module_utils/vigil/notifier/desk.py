# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a request to an answer: alerts in, acknowledgements, health, metrics."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from html import escape

from .. import __version__
from ..agent.config import PUBLIC
from ..agent.cost import cost
from ..agent.exposition import CONTENT_TYPE
from ..health import endpoints
from ..health.snapshot import Snapshot
from ..httpd.values import Answer, Request, answer, text
from ..model import InvalidInput
from . import journal
from .acks import verify
from .alerts import parse_webhook
from .courier import Office
from .database import Broken, Cannot
from .metrics import Intake, page
from .phrases import word
from .plan import Plan, plan
from .state import View, results

# Alertmanager tries again by itself; this keeps others from doing so at once (s).
_RETRY = {"Retry-After": "5"}
_REFUSED = {"WWW-Authenticate": "Bearer", "Cache-Control": "no-store"}
_PAGE = {
    "Content-Type": "text/html; charset=utf-8", "Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Frame-Options": "DENY",
    "Content-Security-Policy": "default-src 'none'; form-action 'self'; frame-ancestors 'none'",
}


class Desk:
    """Answers requests. ``view`` gives what is known, ``on_watchdog`` hears that the alert that always fires came."""

    def __init__(self, office: Office, token: str, intake: Intake, view: Callable[[], View], on_watchdog: Callable[[], None]) -> None:
        self._office, self.token, self.intake = office, token, intake
        self._view, self._on_watchdog = view, on_watchdog

    def handle(self, request: Request) -> Answer:
        """Answer a request. HEAD is answered as GET; whoever sends it leaves the body out."""
        if request.method == "HEAD":
            request = replace(request, method="GET")
        if request.path == "/alerts":
            return self._alerts(request)
        if request.path.startswith("/ack/"):
            return self._ack(request, request.path[len("/ack/"):])
        if request.path == "/metrics" and request.method == "GET":
            return self._metrics(request)
        return self._health(request)

    def _right(self, request: Request) -> bool:
        return endpoints.authorized(request.headers.get("authorization", ""), self.token)

    def _alerts(self, request: Request) -> Answer:
        if request.method != "POST":
            return text(405, "post Alertmanager's webhook here", {"Allow": "POST"})
        if not self._right(request):
            return text(401, "send the token: Authorization: Bearer ...", _REFUSED)
        now = self._office.clock()
        try:
            plans = [plan(alert, self._office.config, now) for alert in parse_webhook(request.body)]
        except InvalidInput as error:
            self.intake.bad += 1
            return text(400, str(error))
        try:
            taken = journal.accept(self._office.database, plans, now)
        except (Cannot, Broken) as error:
            return self._unwritten(error)
        return self._taken(plans, taken)

    def _taken(self, plans: list[Plan], taken: journal.Taken) -> Answer:
        watchdogs = sum(item.watchdog for item in plans)
        if watchdogs:
            self._on_watchdog()
        self.intake.watchdogs += watchdogs
        self.intake.alerts += taken.new - watchdogs
        self.intake.repeated += taken.known
        if taken.new > watchdogs:
            self._office.on_news()
        return text(202, f"{taken.new} new, {taken.known} known")

    def _unwritten(self, error: Exception) -> Answer:
        self.intake.unwritten += 1
        if isinstance(error, Broken):
            self._office.on_broken(str(error))
        return text(503, "the journal cannot take alerts now; send them again", _RETRY)

    def _ack(self, request: Request, token: str) -> Answer:
        """A GET only asks: programs that look at links in mails must not acknowledge."""
        parcel, wrong = verify(self._office.key, token, time.time())
        if wrong:
            return text(403, wrong)
        if request.method != "POST":
            return _page(f'<p>{_both("ack_ask")}</p><form method="post"><button>{_both("ack")}</button></form>')
        try:
            stopped = journal.acknowledge(self._office.database, parcel, f"the link of message {parcel}")
        except (Cannot, Broken) as error:
            return self._unwritten(error)
        self.intake.acknowledged += stopped
        return _page(f'<p>{_both("acked")}</p>')

    def _metrics(self, request: Request) -> Answer:
        if self._office.config.metrics != PUBLIC and not self._right(request):
            return text(401, "the metrics are shown to who sends the token: Authorization: Bearer ...", _REFUSED)
        return answer(200, page(self.intake, self._view(), cost()), {"Content-Type": CONTENT_TYPE, "Cache-Control": "no-cache"})

    def _health(self, request: Request) -> Answer:
        view = self._view()
        # Three passes of the clerk are its life: beyond that /health/live is 503.
        snapshot = Snapshot(self._office.config.name, __version__, view.at, 5.0, results(view), beat=view.beat)
        asked = endpoints.Request(request.method, request.path, request.query, request.headers.get("authorization", ""))
        moment = view.at + (time.monotonic() - view.beat)
        got = endpoints.respond(snapshot, asked, moment, token=self.token)
        return answer(got.status, got.body, got.headers)


def _page(body: str) -> Answer:
    head = '<!DOCTYPE html><html><head><meta charset="utf-8"><title>Vigil</title></head>'
    return answer(200, f"{head}<body>{body}</body></html>".encode(), _PAGE)


def _both(name: str) -> str:
    return escape(f"{word('en', name)} / {word('zh', name)}")
