# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The head of an HTTP/1.1 request (RFC 9112), strictly: what two programs could read in two ways is refused. Pure."""

from __future__ import annotations

import re

from .values import Limits, Refused, Request

_LINE = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]{1,32}) ([!-~]+) HTTP/([0-9])\.([0-9])")
_FIELD = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+):([\t -~\x80-\xff]*)")
_ABSOLUTE = re.compile(r"https?://[^/?#]+", re.IGNORECASE)
# A second one of these would let two readers disagree about where a request ends, whom it is for or who asks.
_ONCE = ("host", "content-length", "transfer-encoding", "authorization", "expect")


def find_head(data: bytes | bytearray, at: int, limits: Limits) -> int:
    """Return where the head that begins ``at`` ends (behind its empty line), 0 while it is not complete. Raises Refused: it is too long."""
    end = data.find(b"\r\n\r\n", at, at + limits.head)
    if end >= 0:
        return end + 4
    size = len(data) - at
    if size > limits.line and data.find(b"\r\n", at, at + limits.line + 2) < 0:
        raise Refused(414, f"the request line is longer than {limits.line} bytes")
    if size >= limits.head:
        raise Refused(431, f"the headers are longer than {limits.head} bytes")
    return 0


def parse_head(head: bytes, limits: Limits) -> Request:
    """Read a complete head, its empty line included. Raises Refused with a status and a reason."""
    line, _end, rest = head[:-2].partition(b"\r\n")
    if len(line) > limits.line:
        raise Refused(414, f"the request line is longer than {limits.line} bytes")
    form = _LINE.fullmatch(line)
    if form is None:
        raise Refused(400, "the request line is not METHOD /path HTTP/1.1")
    if form.group(3) != b"1":
        raise Refused(505, "expected HTTP/1.0 or HTTP/1.1")
    old = form.group(4) == b"0"
    headers = _headers(rest, limits)
    if not old and not headers.get("host"):
        raise Refused(400, "the header Host is missing")
    path, query = _target(form.group(2).decode("ascii"), form.group(1))
    return Request(form.group(1).decode("ascii"), path, query, headers, _length(headers, old), _keep(headers, old), old)


def _headers(block: bytes, limits: Limits) -> dict[str, str]:
    lines = block.split(b"\r\n")[:-1]
    if len(lines) > limits.headers:
        raise Refused(431, f"there are more than {limits.headers} headers")
    headers: dict[str, str] = {}
    for line in lines:
        form = _FIELD.fullmatch(line)
        if form is None:
            raise Refused(400, "a header is not Name: value")
        name, value = form.group(1).decode("ascii").lower(), form.group(2).strip(b" \t").decode("latin-1")
        if name in headers and name in _ONCE:
            raise Refused(400, f"the header {name} is there twice")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


def _target(target: str, method: bytes) -> tuple[str, str]:
    whole = _ABSOLUTE.match(target)
    if whole:
        target = target[whole.end():]
        target = target if target.startswith("/") else f"/{target}"
    if "#" in target or not (target.startswith("/") or (target == "*" and method == b"OPTIONS")):
        raise Refused(400, "the target of the request is not a path")
    path, _mark, query = target.partition("?")
    return path, query


def _length(headers: dict[str, str], old: bool) -> int:
    coding, length = headers.get("transfer-encoding"), headers.get("content-length")
    if coding is not None:
        if length is not None or old:
            raise Refused(400, "Transfer-Encoding contradicts the rest of the request")
        raise Refused(411 if coding.lower() == "chunked" else 501, "send the body with Content-Length")
    if length is None:
        return 0
    if not (length.isascii() and length.isdigit() and len(length) <= 15):
        raise Refused(400, "Content-Length is not a number of bytes")
    return int(length)


def _keep(headers: dict[str, str], old: bool) -> bool:
    options = [option.strip().lower() for option in headers.get("connection", "").split(",")]
    return "close" not in options and (not old or "keep-alive" in options)
