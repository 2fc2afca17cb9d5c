# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a request to an answer: the endpoints of health, the metrics, and what is kept so that a probe is nearly free."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from ..health import endpoints
from ..health.model import WARN, Result
from ..health.snapshot import Snapshot
from ..httpd.values import Answer, Request, answer, text
from .config import OWN_CHECK, PUBLIC, Config
from .exposition import CONTENT_TYPE
from .metrics import Own, of_agent, of_checks

# An answer is given again while the snapshot is the same, but not for longer: its age, and the agent's own metrics, move on.
_KEEP = 0.25
_MOST_KEPT = 128
_REFUSED = {"WWW-Authenticate": "Bearer", "Cache-Control": "no-store"}
_WELCOME = "Vigil's agent of {host}. Ask for /health, /health/live, /health/ready, /health/startup, /health/<check> or /metrics."


class Desk:
    """Answers requests. ``snapshot`` gives what is known, ``own`` what the agent knows of itself, ``troubles`` what is wrong with it."""

    def __init__(self, config: Config, token: str, snapshot: Callable[[], Snapshot], own: Callable[[], Own],
                 troubles: Callable[[], Sequence[str]]) -> None:
        self._snapshot, self._own, self._troubles = snapshot, own, troubles
        self._kept: dict[tuple[str, str, str, bool | None], tuple[Snapshot, float, Answer]] = {}
        self._metrics: tuple[object, bytes] = (None, b"")
        self._viewed: tuple[object, tuple[str, ...], tuple[Result, ...]] = (None, (), ())
        self.change(config, token)

    def change(self, config: Config, token: str) -> None:
        """Answer by this configuration and this token from now on."""
        self._config, self._token = config, token
        self._kept.clear()

    def handle(self, request: Request) -> Answer:
        """Answer a request. HEAD is answered as GET; whoever sends it leaves the body out."""
        authorization = request.headers.get("authorization", "")
        right = endpoints.authorized(authorization, self._token) if authorization and self._token else None
        method = "GET" if request.method == "HEAD" else request.method
        key = (method, request.path, request.query, right)
        snapshot, now = self._snapshot(), time.monotonic()
        kept = self._kept.get(key)
        if kept is not None and kept[0] is snapshot and now < kept[1]:
            return kept[2]
        fresh = self._make(replace(request, method=method), authorization, right, self._view(snapshot), now)
        if len(self._kept) >= _MOST_KEPT:
            self._kept.clear()
        self._kept[key] = (snapshot, now + _KEEP, fresh)
        return fresh

    def _make(self, request: Request, authorization: str, right: bool | None, snapshot: Snapshot, now: float) -> Answer:
        if request.method == "GET" and request.path == "/":
            return text(200, _WELCOME.format(host=self._config.host) if right or self._config.details == PUBLIC else "Vigil's agent.")
        if request.method == "GET" and request.path == "/metrics":
            return self._metrics_answer(right, snapshot)
        asked = endpoints.Request(request.method, request.path, request.query, authorization)
        # The age is measured on the monotonic clock: a wall clock that jumps makes nobody old.
        moment = snapshot.at + (now - snapshot.beat)
        got = endpoints.respond(snapshot, asked, moment, token=self._token, public=self._config.details == PUBLIC)
        return answer(got.status, got.body, got.headers)

    def _metrics_answer(self, right: bool | None, snapshot: Snapshot) -> Answer:
        if not right and (right is False or self._config.metrics != PUBLIC):
            return text(401, "the metrics are shown to who sends the token: Authorization: Bearer ...", _REFUSED)
        if self._metrics[0] is not snapshot.results:
            self._metrics = (snapshot.results, of_checks(snapshot))
        body = self._metrics[1] + of_agent(self._own(), snapshot)
        return answer(200, body, {"Content-Type": CONTENT_TYPE, "Cache-Control": "no-cache"})

    def _view(self, snapshot: Snapshot) -> Snapshot:
        """The snapshot as it is shown: where something is wrong with the agent itself, a check of its own says so."""
        troubles = tuple(self._troubles())
        if not troubles:
            return snapshot
        if self._viewed[0] is not snapshot.results or self._viewed[1] != troubles:
            self._viewed = (snapshot.results, troubles, (*snapshot.results, _own_result(troubles, snapshot.at)))
        return replace(snapshot, results=self._viewed[2])


def _own_result(troubles: Sequence[str], at: float) -> Result:
    return Result(OWN_CHECK, "agent", WARN, "; ".join(troubles), expected="nothing to complain of", raw=WARN, at=at, ready=False,
                  advice="See the agent's journal: journalctl -u vigil-agent -n 50")
