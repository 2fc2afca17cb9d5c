# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One HTTP question with bounds: a deadline for the whole of it, at most so many bytes of headers and of body, no proxies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING
from urllib.parse import SplitResult, urljoin, urlsplit

from ...model import VigilError
from ..access import PORTS, REDIRECTS, wrong_url
from ..kind import Shared
from . import net, tls

if TYPE_CHECKING:
    # As in tls.py: imported where something is asked.
    import http.client
    import socket

HEADER_LIMIT = 256 * 1024


@dataclass(frozen=True)
class Request:
    """What to ask. ``address`` and ``socket``: where to connect instead of the URL's host; ``limit``: bytes of body that are read."""

    url: str
    method: str = "GET"
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes | None = None
    address: str = ""
    socket: str = ""
    follow: int = 0
    limit: int = 1024 * 1024
    tls: tls.Tls = field(default_factory=tls.Tls)


@dataclass(frozen=True)
class Reply:
    """The answer. ``truncated``: more than ``limit`` bytes would have come. ``certificate`` in DER, empty without TLS."""

    url: str
    status: int
    headers: http.client.HTTPMessage
    body: bytes
    truncated: bool = False
    certificate: bytes = b""


class NoAnswer(VigilError):
    """No answer of HTTP came. ``certificate`` is the one that was not trusted, where that was why; ``code`` OpenSSL's reason for it."""

    def __init__(self, message: str, certificate: bytes = b"", code: int = 0) -> None:
        super().__init__(message)
        self.certificate, self.code = certificate, code


def ask(request: Request, deadline: net.Deadline, shared: Shared) -> Reply:
    """Ask, and follow as many redirects as the request allows. Raises NoAnswer; CannotTell where a file of ours is missing."""
    for hop in range(request.follow + 1):
        reply = _once(request, deadline, shared)
        target = reply.headers.get("Location")
        if hop == request.follow or reply.status not in REDIRECTS or not target:
            break
        request = _redirected(request, reply.status, target)
    return reply


def _redirected(request: Request, status: int, target: str) -> Request:
    """Return the next request. What was meant for one host (its address, its credentials) is not taken to another."""
    url = urljoin(request.url, target)
    wrong = wrong_url(url)
    if wrong:
        raise NoAnswer(f"it redirects to where nobody can follow: {wrong}")
    old, new = urlsplit(request.url), urlsplit(url)
    if old.scheme == "https" and new.scheme == "http":
        raise NoAnswer(f"it redirects from https to {url[:200]}, which is not followed")
    if (old.scheme, old.netloc) != (new.scheme, new.netloc):
        kept = {name: value for name, value in request.headers.items() if name.lower() not in ("authorization", "cookie", "host")}
        request = replace(request, headers=kept, address="", socket="")
    if status == 303 or (status in (301, 302) and request.method == "POST"):
        request = replace(request, method="HEAD" if request.method == "HEAD" else "GET", body=None)
    return replace(request, url=url)


def _once(request: Request, deadline: net.Deadline, shared: Shared) -> Reply:
    import http.client

    parts = urlsplit(request.url)
    link = _open(request, parts, deadline, shared)
    try:
        return _exchange(request, parts, link, deadline)
    except http.client.HTTPException as error:
        raise NoAnswer(_garbage(error))
    except OSError as error:
        raise NoAnswer(tls.words(error))
    except ValueError as error:
        raise NoAnswer(f"what it answered is no HTTP ({str(error)[:80]})")
    finally:
        link.close()


def _dial(request: Request, parts: SplitResult, deadline: net.Deadline) -> socket.socket:
    if request.socket:
        return net.connect_unix(request.socket, deadline)
    return net.connect(request.address or str(parts.hostname), parts.port or PORTS[parts.scheme], deadline)


def _open(request: Request, parts: SplitResult, deadline: net.Deadline, shared: Shared) -> socket.socket:
    made = tls.context(request.tls, shared) if parts.scheme == "https" else None
    name = str(parts.hostname)
    try:
        link = _dial(request, parts, deadline)
        return tls.secure(link, made, name, deadline) if made else link
    except tls.NotTrusted as error:
        shown = tls.peek(lambda: _dial(request, parts, deadline), name, deadline)
        raise NoAnswer(error.message, shown, error.code)
    except OSError as error:
        raise NoAnswer(tls.words(error))


def _exchange(request: Request, parts: SplitResult, link: socket.socket, deadline: net.Deadline) -> Reply:
    import http.client

    stream = net.Stream(link, deadline, HEADER_LIMIT)
    connection = http.client.HTTPConnection(parts.netloc)
    connection.sock = stream  # it has all that http.client uses of a socket
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    connection.request(request.method, target, request.body, _headers(request, parts))
    with connection.getresponse() as response:
        # Chunks of one byte have six bytes around them; beyond that nobody means it well.
        stream.budget = 8 * request.limit + HEADER_LIMIT
        body = _read(response, request.limit + 1)
        return Reply(request.url, response.status, response.headers, body[: request.limit], len(body) > request.limit, tls.shown(link))


def _headers(request: Request, parts: SplitResult) -> dict[str, str]:
    given = {name.lower() for name in request.headers}
    usual = {"Host": parts.netloc, "User-Agent": "vigil-health", "Accept": "*/*", "Accept-Encoding": "identity", "Connection": "close"}
    return {**{name: value for name, value in usual.items() if name.lower() not in given}, **request.headers}


def _read(response: http.client.HTTPResponse, limit: int) -> bytes:
    import http.client

    body = bytearray()
    while len(body) < limit:
        more = response.read(min(65536, limit - len(body)))
        if not more:
            break
        body += more
    if len(body) < limit and response.length:
        raise http.client.IncompleteRead(b"", response.length)
    return bytes(body)


def _garbage(error: http.client.HTTPException) -> str:
    import http.client

    if isinstance(error, http.client.RemoteDisconnected):
        return "it closed the connection without an answer"
    if isinstance(error, http.client.IncompleteRead):
        return "it closed the connection in the middle of the body"
    if isinstance(error, http.client.BadStatusLine):
        return f"what it answered is no HTTP: {str(error)[:60]}"
    if isinstance(error, http.client.LineTooLong):
        return "a header of its answer is longer than 64 KiB"
    return f"what it answered is no HTTP ({str(error)[:80] or type(error).__name__})"
