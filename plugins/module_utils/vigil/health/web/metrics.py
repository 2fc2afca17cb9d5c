# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The checks of an application as metrics: the same names as the agent's."""

from __future__ import annotations

from ...agent.exposition import CONTENT_TYPE
from ...agent.metrics import of_checks
from ..endpoints import METHODS, Request, Response, authorized
from ..snapshot import Snapshot

PATH = "/metrics"
_HEADERS = {"Cache-Control": "no-store", "Vary": "Authorization"}


def wanted(request: Request, prefix: str) -> bool:
    """Whether a request reads the metrics; what else may be done with them, ``respond`` knows."""
    return request.path == f"{prefix}{PATH}" and request.method in METHODS and request.method != "OPTIONS"


def answer(snapshot: Snapshot, request: Request, *, token: str, public: bool) -> Response:
    """Return the metrics. They name the checks, and so are for who has the token, or for all where ``public`` is set."""
    right = bool(token) and authorized(request.authorization, token)
    if not right and (not public or (token and request.authorization)):
        body = b"the metrics are shown to who sends the token: Authorization: Bearer ...\n"
        headers = {**_HEADERS, "Content-Type": "text/plain; charset=utf-8", "WWW-Authenticate": "Bearer"}
        return _sent(request, Response(401, body, headers, len(body)))
    body = of_checks(snapshot)
    return _sent(request, Response(200, body, {**_HEADERS, "Content-Type": CONTENT_TYPE}, len(body)))


def _sent(request: Request, whole: Response) -> Response:
    return Response(whole.status, b"", whole.headers, whole.length) if request.method == "HEAD" else whole
