# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What flows through the front: limits, a request, an answer, a refusal."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

REASONS = {
    200: "OK", 202: "Accepted", 204: "No Content", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden", 404: "Not Found",
    405: "Method Not Allowed", 408: "Request Timeout", 409: "Conflict", 411: "Length Required", 413: "Content Too Large",
    414: "URI Too Long", 415: "Unsupported Media Type", 429: "Too Many Requests", 431: "Request Header Fields Too Large",
    500: "Internal Server Error", 501: "Not Implemented", 503: "Service Unavailable", 505: "HTTP Version Not Supported",
}


@dataclass(frozen=True)
class Limits:
    """What one client may take. Sizes are in bytes, times in seconds.

    ``header_time`` runs from the first byte of a request (or from the connection) to the end of its headers and body, ``idle_time``
    between requests and while nobody reads an answer. A body longer than ``body`` is refused.
    """

    line: int = 8 * 1024
    head: int = 16 * 1024
    headers: int = 100
    body: int = 64 * 1024
    header_time: float = 5.0
    idle_time: float = 30.0
    connections: int = 1000


@dataclass(frozen=True)
class Request:
    """A request whose head was read. ``path`` is as it was sent; names of ``headers`` are in lower case."""

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    length: int = 0
    keep: bool = True
    old: bool = False
    body: bytes = b""


@dataclass(frozen=True)
class Answer:
    """An answer, rendered once and sent often. ``head`` is the status line and all headers, each with its line end."""

    status: int
    head: bytes
    body: bytes = b""
    whole: bytes = b""


@dataclass(frozen=True)
class Figures:
    """What a front counted: answers by status, connections that are open, were accepted, were closed to make room, ran out of time."""

    answers: Mapping[int, int] = field(default_factory=dict)
    connections: int = 0
    accepted: int = 0
    evicted: int = 0
    expired: int = 0
    failed_handshakes: int = 0


Handler = Callable[[Request], Answer]


class Refused(Exception):
    """A request that is not answered but refused: a status, and a word for its sender."""

    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status = status


def answer(status: int, body: bytes = b"", headers: Mapping[str, str] | None = None) -> Answer:
    """Render an answer; Date and Content-Length are written here (204 has no length)."""
    date = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime())
    lines = [f"HTTP/1.1 {status} {REASONS.get(status, 'Unknown')}", f"Date: {date}"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    if status != 204:
        lines.append(f"Content-Length: {len(body)}")
    head = ("\r\n".join(lines) + "\r\n").encode("latin-1", "replace")
    return Answer(status, head, body, head + b"\r\n" + body)


def text(status: int, words: str, headers: Mapping[str, str] | None = None) -> Answer:
    """Render a line of plain text."""
    return answer(status, words.encode() + b"\n", {"Content-Type": "text/plain; charset=utf-8", **(headers or {})})
