# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The bytes of an HTTP/1.1 answer to its status, headers and body, piece by piece and within bounds. Pure: it reads no socket."""

from __future__ import annotations

import re
from collections.abc import Mapping

HEAD_LIMIT = 32 * 1024
# A body in crumbs costs more time than its bytes: whoever sends one byte a chunk would slow the sweep for all others.
CHUNKS = 4096
_STATUS = re.compile(rb"HTTP/1\.[01] ([1-5]\d\d)(?: [^\r\n]*)?")
_FIELD = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*?)[ \t]*")
_SIZE = re.compile(rb"([0-9A-Fa-f]{1,8})[ \t]*(?:;.*)?")


class BadAnswer(Exception):
    """What came is no HTTP answer that we accept, in words."""


class Reader:
    """Takes the bytes of one answer as they come; ``limit`` bounds the body in bytes.

    ``feed`` and ``end`` return whether the answer is whole; both raise BadAnswer. Nothing is ever unpacked: a compressed body is refused.
    """

    def __init__(self, limit: int) -> None:
        self.status = 0
        self.headers: Mapping[str, str] = {}
        self.body = bytearray()
        self._limit = limit
        self._buffer = bytearray()
        self._head_bytes = 0
        self._left: int | None = None
        self._chunks = 0
        self._part = "head"

    def feed(self, data: bytes) -> bool:
        """Take the next bytes."""
        self._buffer += data
        while self._part != "done" and _PARTS[self._part](self):
            pass
        return self._part == "done"

    def end(self) -> bool:
        """The other side closed: whole only where the answer had no length."""
        if self._part == "rest":
            self._part = "done"
        if self._part != "done":
            raise BadAnswer("nothing" if not self.status and not self._buffer else "an answer that ends in the middle")
        return True

    def _head(self) -> bool:
        end = self._buffer.find(b"\r\n\r\n")
        if (end if end >= 0 else len(self._buffer)) + self._head_bytes > HEAD_LIMIT:
            raise BadAnswer(f"headers of more than {HEAD_LIMIT} bytes")
        if not b"HTTP/1.".startswith(self._buffer[:7]):
            raise BadAnswer("no HTTP/1.1 answer")
        if end < 0:
            return False
        self.status, self.headers = parse_head(bytes(self._buffer[:end]))
        self._head_bytes += end + 4
        del self._buffer[: end + 4]
        if self.status >= 200:
            self._part, self._left = framing(self.status, self.headers)
            self._bound(self._left or 0)
        return True

    def _length(self) -> bool:
        self._take()
        if not self._left:
            self._part = "done"
        return False

    def _rest(self) -> bool:
        self._left = len(self._buffer)
        self._bound(self._left)
        self._take()
        return False

    def _chunk(self) -> bool:
        line = self._line()
        if line is None:
            return False
        size = _SIZE.fullmatch(line)
        if not size:
            raise BadAnswer("a chunk without a size")
        self._chunks += 1
        if self._chunks > CHUNKS:
            raise BadAnswer(f"a body of more than {CHUNKS} chunks")
        self._left = int(size.group(1), 16)
        self._bound(self._left)
        self._part = "data" if self._left else "trailer"
        return True

    def _data(self) -> bool:
        self._take()
        if self._left or len(self._buffer) < 2:
            return False
        if self._buffer[:2] != b"\r\n":
            raise BadAnswer("a chunk that is longer than its size")
        del self._buffer[:2]
        self._part = "chunk"
        return True

    def _trailer(self) -> bool:
        line = self._line()
        if line is None:
            return False
        self._head_bytes += len(line) + 2
        if self._head_bytes > HEAD_LIMIT:
            raise BadAnswer(f"headers of more than {HEAD_LIMIT} bytes")
        if not line:
            self._part = "done"
        return True

    def _line(self) -> bytes | None:
        end = self._buffer.find(b"\r\n")
        if (end if end >= 0 else len(self._buffer)) > 1024:
            raise BadAnswer("a chunk line of more than 1024 bytes")
        if end < 0:
            return None
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 2]
        return line

    def _take(self) -> None:
        piece = self._buffer[: self._left]
        self.body += piece
        del self._buffer[: len(piece)]
        self._left = (self._left or 0) - len(piece)

    def _bound(self, more: int) -> None:
        if len(self.body) + more > self._limit:
            raise BadAnswer(f"a body of more than {self._limit} bytes")


_PARTS = {
    "head": Reader._head, "length": Reader._length, "rest": Reader._rest, "chunk": Reader._chunk, "data": Reader._data,
    "trailer": Reader._trailer,
}


def parse_head(head: bytes) -> tuple[int, dict[str, str]]:
    """Return status and headers (names in lower case; a repeated one joined by commas). Raises BadAnswer."""
    first, *lines = head.split(b"\r\n")
    status = _STATUS.fullmatch(first)
    if not status:
        raise BadAnswer("no HTTP/1.1 answer")
    headers: dict[str, str] = {}
    for line in lines:
        field = _FIELD.fullmatch(line)
        if not field:
            raise BadAnswer("a header line that is none")
        name, value = field.group(1).decode("ascii").lower(), field.group(2).decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return int(status.group(1)), headers


def framing(status: int, headers: Mapping[str, str]) -> tuple[str, int | None]:
    """Return how the body comes (length, chunk, rest, done) and its length where that is known. Raises BadAnswer."""
    coding, length = headers.get("transfer-encoding"), headers.get("content-length")
    if headers.get("content-encoding", "identity").lower() != "identity":
        raise BadAnswer("a compressed body, which was not asked for")
    if status in (204, 304):
        return "done", None
    if coding is not None:
        if coding.lower() != "chunked" or length is not None:
            raise BadAnswer("a body of unclear length")
        return "chunk", None
    if length is None:
        return "rest", None
    if len(set(length.split(", "))) != 1 or not re.fullmatch(r"[0-9]{1,15}", length.split(", ")[0]):
        raise BadAnswer("a body of unclear length")
    return ("length" if int(length.split(", ")[0]) else "done"), int(length.split(", ")[0])
