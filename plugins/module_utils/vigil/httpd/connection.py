# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One client's connection: requests in, answers out, in order, one at a time."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from .link import Link
from .parser import find_head
from .values import Answer, Refused, Request, text

if TYPE_CHECKING:
    from .front import Front

# So many pipelined requests are answered before other clients get their turn.
_BURST = 32
# Whoever is refused may go on sending for so long, and so much: a close with bytes unread would tear the refusal from the wire.
_LINGER_TIME, _LINGER_BYTES = 1.0, 4 * 1024 * 1024
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_CLOSE, _KEEP = b"Connection: close\r\n", b"Connection: keep-alive\r\n"


class Connection:
    """A connection of a front. ``deadline`` is when it has to have moved on, on the loop's clock."""

    __slots__ = ("deadline", "_begun", "_buffer", "_ending", "_front", "_lingered", "_request", "_link", "blocked")

    def __init__(self, front: Front) -> None:
        self._front = front
        self._link: Link | None = None
        self._buffer = bytearray()
        self._request: Request | None = None
        self._begun = self._ending = self.blocked = False
        self._lingered = 0
        self.deadline = front.time() + front.limits.header_time

    def attach(self, link: Link) -> None:
        """Speak over this link."""
        self._link = link

    def established(self) -> None:
        """Called by the link: a client can be spoken to."""
        self._front.joined(self)

    def connection_lost(self) -> None:
        """Called by the link: the client is gone."""
        self._front.left(self)
        self._link = None

    def pause_writing(self) -> None:
        """Called by the link: the client does not read; nothing more is read from it, nor answered, until it does."""
        self.blocked = True
        self.deadline = self._front.time() + self._front.limits.idle_time
        if self._link is not None:
            self._link.pause_reading()

    def resume_writing(self) -> None:
        """Called by the link: the client read what was sent."""
        self.blocked = False
        self._go_on()

    def data_received(self, data: bytes) -> None:
        """Called by the link: bytes of the client. Whatever they are, this does not raise."""
        if self._ending:
            self._linger(len(data))
            return
        if self._buffer:
            self._buffer += data
        self._serve(data if not self._buffer else self._buffer)

    def expire(self) -> None:
        """Close: its deadline has passed. Half a request gets a word about it."""
        if self._begun and not self._ending and not self.blocked:
            self._refuse(Refused(408, "the request did not end in time"))
        else:
            self.abort()

    def abort(self) -> None:
        """Close at once, whatever was on its way."""
        if self._link is not None:
            self._link.abort()

    def finish(self) -> None:
        """Close as soon as what was written is sent."""
        self._ending = True
        if self._link is not None:
            self._link.close()

    def _serve(self, data: bytes | bytearray) -> None:
        try:
            used = self._answer_all(data)
        except Refused as error:
            self._refuse(error)
            return
        except Exception as error:  # a defect of ours ends this connection, never the program
            self._front.broken(error)
            self._refuse(Refused(500, "the server has a defect; see its journal"))
            return
        self._keep_rest(data, used)

    def _answer_all(self, data: bytes | bytearray) -> int:
        """Answer every request that is complete; return how many bytes they took."""
        at = 0
        for _number in range(_BURST):
            if self._ending or self.blocked:
                return at
            if self._request is None:
                at = _skip_empty_line(data, at)
                end = find_head(data, at, self._front.limits)
                if not end:
                    return at
                self._request = self._accept(bytes(data[at:end]))
                at = end
            if len(data) - at < self._request.length:
                return at
            request, self._request = self._request, None
            if request.length:
                request = replace(request, body=bytes(data[at:at + request.length]))
                at += request.length
            self._reply(request)
        self._yield_turn()
        return at

    def _accept(self, head: bytes) -> Request:
        request = self._front.parse(head)
        if request.length > self._front.limits.body:
            raise Refused(413, f"the body is longer than {self._front.limits.body} bytes")
        if request.length and request.headers.get("expect", "").lower() == "100-continue" and self._link is not None:
            self._link.write(_CONTINUE)
        return request

    def _reply(self, request: Request) -> None:
        reply = self._front.respond(request)
        keep = request.keep and not self._front.stopping
        self._begun = False
        self.deadline = self._front.active(self)
        if self._link is None:
            return
        self._link.write(_rendered(reply, request, keep))
        if not keep:
            self.finish()

    def _keep_rest(self, data: bytes | bytearray, used: int) -> None:
        if data is self._buffer:
            del self._buffer[:used]
        else:
            self._buffer += data[used:]
        waiting = bool(self._buffer) or self._request is not None
        if waiting and not self._begun and not self.blocked:
            self._begun = True
            self.deadline = self._front.time() + self._front.limits.header_time

    def _yield_turn(self) -> None:
        if self._link is not None and not self._ending and not self.blocked:
            self.blocked = True
            self._link.pause_reading()
            self._front.soon(self.resume_writing)

    def _go_on(self) -> None:
        if self._link is None or self._ending or self.blocked:
            return
        self._link.resume_reading()
        if self._buffer:
            self._serve(self._buffer)

    def _refuse(self, error: Refused) -> None:
        self._front.count(error.status)
        self._ending = True
        self._buffer.clear()
        if self._link is None:
            return
        refusal = text(error.status, str(error))
        self._link.write(refusal.head + _CLOSE + b"\r\n" + refusal.body)
        if self._link.can_write_eof():
            self._link.write_eof()
        self.deadline = self._front.time() + _LINGER_TIME

    def _linger(self, size: int) -> None:
        self._lingered += size
        if self._lingered > _LINGER_BYTES:
            self.abort()


def _skip_empty_line(data: bytes | bytearray, at: int) -> int:
    """RFC 9112, 2.2: an empty line before a request is passed over."""
    return at + 2 if data[at:at + 2] == b"\r\n" else at


def _rendered(reply: Answer, request: Request, keep: bool) -> bytes:
    head = request.method == "HEAD"
    if keep and not request.old and not head and reply.whole:
        return reply.whole
    options = _CLOSE if not keep else _KEEP if request.old else b""
    return b"".join((reply.head, options, b"\r\n", b"" if head else reply.body))
