# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is answered to a request, from a snapshot: the same for the agent, and for WSGI and ASGI applications. Pure.

GET, HEAD and OPTIONS; 200 or 503, and warn is 200. Without the token an answer holds a status and no word of a check.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qs, unquote

from .document import MEDIA_TYPE, to_document
from .model import FAIL, PASS, UNKNOWN, WARN, Result
from .snapshot import Snapshot
from .units import SECONDS, number
from .units import words as seconds

METHODS = ("GET", "HEAD", "OPTIONS")
PRIMARY, STANDBY = "primary", "standby"
# Of what a request holds no more than this comes back in an answer.
WORDS = 80


@dataclass(frozen=True)
class Request:
    """A request: ``path`` without the query and as it was sent, ``authorization`` the header's value."""

    method: str
    path: str
    query: str = ""
    authorization: str = ""


@dataclass(frozen=True)
class Response:
    """An answer. ``headers`` lack Content-Length; ``body`` is empty for HEAD, whose length would have been ``length``."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    length: int = 0


def respond(snapshot: Snapshot, request: Request, now: float, *, token: str = "", prefix: str = "", public: bool = False) -> Response:
    """Answer a request. ``prefix`` stands before the paths of ours (``/internal``); ``public`` shows details without a token."""
    if request.method not in METHODS:
        return _refusal(405, "method not allowed", {"Allow": ", ".join(METHODS)})
    if request.method == "OPTIONS":
        return Response(204, headers={"Allow": ", ".join(METHODS)})
    answer = _answer(snapshot, request, now, token, prefix, public)
    return replace(answer, body=b"") if request.method == "HEAD" else answer


def _answer(snapshot: Snapshot, request: Request, now: float, token: str, prefix: str, public: bool) -> Response:
    if request.authorization and token and not authorized(request.authorization, token):
        return _refusal(401, "the token is not the right one", {"WWW-Authenticate": "Bearer", "Cache-Control": "no-store"})
    details = public or bool(token and request.authorization)
    path = request.path[len(prefix):] if request.path.startswith(f"{prefix}/") else "/"
    answer = _route(snapshot, path, request.query, now, details)
    return replace(answer, headers={**answer.headers, **_freshness(snapshot, now, private=details and not public)})


def authorized(authorization: str, token: str) -> bool:
    """Compare a bearer token in a time that does not depend on where it differs."""
    scheme, _space, given = authorization.partition(" ")
    return scheme.lower() == "bearer" and hmac.compare_digest(_bytes(given.strip()), _bytes(token))


def _bytes(text: str) -> bytes:
    """What a stranger sent need not be text: half of a pair of UTF-16 is no reason to break."""
    return text.encode(errors="surrogatepass")


def _route(snapshot: Snapshot, path: str, query: str, now: float, details: bool) -> Response:
    fixed = _ROUTES.get(path.rstrip("/") or "/")
    if fixed:
        return fixed(snapshot, query, now, details)
    if path.startswith("/health/"):
        return _one(snapshot, unquote(path[len("/health/"):]).rstrip("/"), details)
    return _refusal(404, "no such path; there are /health, /health/live, /health/ready, /health/startup and /health/<check>")


def _live(snapshot: Snapshot, query: str, now: float, details: bool) -> Response:
    alive = snapshot.alive(now)
    return _status(PASS if alive else FAIL, _stale(snapshot, now), details)


def _ready(snapshot: Snapshot, query: str, now: float, details: bool) -> Response:
    failing = [result.name for result in snapshot.results if result.state == FAIL and result.ready]
    waiting = sorted(snapshot.waiting)
    words = f"failing: {', '.join(failing)}" if failing else f"waiting for: {', '.join(waiting)}" if waiting else ""
    return _status(PASS if snapshot.ready else FAIL, words, details)


def _startup(snapshot: Snapshot, query: str, now: float, details: bool) -> Response:
    return _status(PASS if snapshot.started else FAIL, f"waiting for: {', '.join(sorted(snapshot.waiting))}", details)


def _all(snapshot: Snapshot, query: str, now: float, details: bool) -> Response:
    document = to_document(snapshot.host, snapshot.results, snapshot.at, release=snapshot.release, details=details)
    if not snapshot.alive(now):
        document["status"] = WARN if document["status"] == PASS else document["status"]
        document.update({"output": f"{_stale(snapshot, now)}; {document['output']}"} if details else {})
    document["interval"] = snapshot.interval
    return _json(200 if document["status"] != FAIL else 503, document)


def _one(snapshot: Snapshot, name: str, details: bool) -> Response:
    result = next((result for result in snapshot.results if result.name == name), None)
    if result is None:
        return _refusal(404, "no check of that name has a result")
    document = to_document(snapshot.host, [result], snapshot.at, release=snapshot.release, details=details)
    return _json(503 if result.state == FAIL else 200, document)


def _primary(snapshot: Snapshot, query: str, now: float, details: bool) -> Response:
    result, words = _with_role(snapshot, query, now)
    if result is None:
        return _status(FAIL, words, details)
    good = result.state in (PASS, WARN) and result.values["role"] == PRIMARY
    return _status(PASS if good else FAIL, f"{result.name} is {result.values['role']}, {result.state}", details)


def _replica(snapshot: Snapshot, query: str, now: float, details: bool) -> Response:
    try:
        limit = _limit(query)
    except ValueError as error:
        return _refusal(400, f"lag: {error}")
    result, words = _with_role(snapshot, query, now)
    if result is None:
        return _status(FAIL, words, details)
    lag = result.values.get("lag")
    good = result.state in (PASS, WARN) and result.values["role"] == STANDBY and (limit is None or (lag is not None and lag <= limit))
    behind = "its lag is not known" if lag is None else f"{seconds(lag, SECONDS)} behind"
    return _status(PASS if good else FAIL, f"{result.name} is {result.values['role']}, {result.state}, {behind}", details)


def _stale(snapshot: Snapshot, now: float) -> str:
    return f"the loop last passed {now - snapshot.at:.0f} s ago"


def _with_role(snapshot: Snapshot, query: str, now: float) -> tuple[Result | None, str]:
    """The one check that tells a role; ``?check=`` names it where there are several.

    Of an old snapshot none is believed: meanwhile another host may have become the primary.
    """
    if not snapshot.alive(now):
        return None, f"nobody knows the role: {_stale(snapshot, now)}"
    wanted = parse_qs(query).get("check", [""])[0]
    found = [result for result in snapshot.results if result.values.get("role") and (not wanted or result.name == wanted)]
    if len(found) == 1:
        return found[0], ""
    names = ", ".join(result.name for result in found)
    return None, f"several checks tell a role ({names}); choose one by ?check=" if found else "no check tells a role"


def _limit(query: str) -> float | None:
    """The greatest lag in seconds; of an empty one nobody knows what was meant."""
    given = parse_qs(query, keep_blank_values=True).get("lag")
    if given is None:
        return None
    limit = number(given[0][:WORDS], SECONDS)
    if limit < 0:
        raise ValueError(f"{given[0][:WORDS]!r} was found, expected a duration that is not negative")
    return limit


def _status(state: str, words: str, details: bool) -> Response:
    document = {"status": state, **({"output": words} if details and words and state != PASS else {})}
    return _json(503 if state == FAIL else 200, document)


def _json(status: int, document: Mapping[str, Any]) -> Response:
    body = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode(errors="replace") + b"\n"
    return Response(status, body, {"Content-Type": MEDIA_TYPE}, len(body))


def _refusal(status: int, words: str, headers: Mapping[str, str] | None = None) -> Response:
    body = json.dumps({"status": FAIL if status >= 500 else UNKNOWN, "output": words}).encode() + b"\n"
    return Response(status, body, {"Content-Type": "application/json", **(headers or {})}, len(body))


def _freshness(snapshot: Snapshot, now: float, *, private: bool) -> dict[str, str]:
    """How old the snapshot is, and how long an answer may be kept: until the next look, at most. Nobody keeps details for others."""
    age = max(0.0, now - snapshot.at)
    keep = f"max-age={max(0, int(min(snapshot.interval, 5.0) - age))}"
    return {"Age": f"{age:.0f}", "Cache-Control": f"private, {keep}" if private else keep, "Vary": "Authorization"}


Route = Callable[[Snapshot, str, float, bool], Response]
_ROUTES: dict[str, Route] = {
    "/health": _all, "/health/live": _live, "/health/ready": _ready, "/health/startup": _startup, "/primary": _primary,
    "/replica": _replica, "/standby": _replica,
}
