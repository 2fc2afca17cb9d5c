# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A socket under a connection, on a running loop: plain, or with TLS.

asyncio makes a task, a future and a transport for every client, and for TLS a buffer of 256 KiB that a thousand clients multiply.
Load balancers open a connection for every probe: what has come with it is read at once, so that a plain probe costs four system calls.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections import deque
from typing import Protocol

# The most that a record of TLS holds: one read takes all that the library has, and nothing stays behind in it unnoticed.
_CHUNK = 16 * 1024
# More than this waits to be read by the client: nothing more is made for it until it is down to the lower mark.
_HIGH, _LOW = 64 * 1024, 16 * 1024
_LATER = (BlockingIOError, InterruptedError, ssl.SSLWantReadError, ssl.SSLWantWriteError)


class Owner(Protocol):
    """Who is told."""

    def established(self) -> None:
        """The client can be spoken to."""

    def connection_lost(self) -> None:
        """It is gone."""

    def data_received(self, data: bytes) -> None:
        """It sent something."""

    def pause_writing(self) -> None:
        """It does not read what it was sent."""

    def resume_writing(self) -> None:
        """It does again."""


class Link:
    """Bytes of one accepted, non-blocking socket, to and from ``owner``."""

    __slots__ = ("_closing", "_eof", "_fd", "_full", "_gone", "_held", "_loop", "_out", "_owner", "_reading", "_sock", "_waiting")

    def __init__(self, loop: asyncio.AbstractEventLoop, sock: socket.socket, owner: Owner) -> None:
        self._loop, self._sock, self._owner, self._fd = loop, sock, owner, sock.fileno()
        # Answers that are kept are sent to many: what waits is looked at in place, not copied for each slow client.
        self._out: deque[memoryview] = deque()
        self._waiting = 0
        self._closing = self._eof = self._full = self._gone = self._held = self._reading = False

    def start(self) -> None:
        """Read what is there, and then whatever comes."""
        self._owner.established()
        self._readable()
        if not self._held:
            self.resume_reading()

    def write(self, data: bytes) -> None:
        """Send, or keep until it can be sent."""
        if self._gone:
            return
        sent = 0 if self._out else self._send(data)
        if sent == len(data) or self._gone:
            return
        if not self._out:
            self._loop.add_writer(self._fd, self._writable)
        self._out.append(memoryview(data)[sent:])
        self._waiting += len(data) - sent
        if self._waiting > _HIGH and not self._full:
            self._full = True
            self._owner.pause_writing()

    def can_write_eof(self) -> bool:
        """Whether one direction can be closed alone."""
        return True

    def write_eof(self) -> None:
        """Close our direction once all is sent; what the client sends is still read."""
        self._eof = True
        if not self._out and not self._gone:
            self._shut()

    def pause_reading(self) -> None:
        """Read nothing for now."""
        self._held = True
        if self._reading:
            self._reading = False
            self._loop.remove_reader(self._fd)

    def resume_reading(self) -> None:
        """Read again."""
        self._held = False
        if not (self._reading or self._closing or self._gone):
            self._reading = True
            self._loop.add_reader(self._fd, self._readable)

    def close(self) -> None:
        """Close once all is sent."""
        self._closing = True
        self.pause_reading()
        if not self._out:
            self.abort()

    def abort(self) -> None:
        """Close now."""
        if self._gone:
            return
        self.pause_reading()
        self._gone = True
        self._farewell()
        if self._out:
            self._loop.remove_writer(self._fd)
            self._out.clear()
        self._sock.close()
        self._loop.call_soon(self._owner.connection_lost)

    def _readable(self) -> None:
        try:
            data = self._sock.recv(_CHUNK)
        except _LATER:
            return
        except OSError:
            self.abort()
            return
        if data:
            self._owner.data_received(data)
        else:
            self.close()

    def _writable(self) -> None:
        self._send_waiting()
        if self._gone:
            return
        if not self._out:
            self._loop.remove_writer(self._fd)
        if self._full and self._waiting <= _LOW:
            self._full = False
            self._owner.resume_writing()
        if not self._out and self._closing:
            self.abort()
        elif not self._out and self._eof:
            self._shut()

    def _send_waiting(self) -> None:
        while self._out:
            first = self._out[0]
            sent = self._send(first)
            if self._gone:
                return
            self._waiting -= sent
            if sent < len(first):
                self._out[0] = first[sent:]
                return
            self._out.popleft()

    def _send(self, data: bytes | memoryview) -> int:
        try:
            return self._sock.send(data)
        except _LATER:
            return 0
        except OSError:
            self.abort()
            return 0

    def _shut(self) -> None:
        try:
            self._sock.shutdown(socket.SHUT_WR)
        except OSError:
            self.abort()

    def _farewell(self) -> None:
        """Say what the protocol wants said before the socket is closed."""


class TlsLink(Link):
    """The same over TLS. The owner is told once the handshake is done; until then there is nothing but its deadline."""

    __slots__ = ("_tls", "_writing")

    def __init__(self, loop: asyncio.AbstractEventLoop, sock: socket.socket, owner: Owner, context: ssl.SSLContext) -> None:
        """Raises OSError where the client is gone already."""
        self._tls = context.wrap_socket(sock, server_side=True, do_handshake_on_connect=False)
        self._writing = False
        super().__init__(loop, self._tls, owner)

    def start(self) -> None:
        """Begin the handshake."""
        self._loop.add_reader(self._fd, self._shake)
        self._reading = True
        self._shake()

    def can_write_eof(self) -> bool:
        """TLS has no half of a connection."""
        return False

    def abort(self) -> None:
        """Close now."""
        self._watch_writing(False)
        super().abort()

    def _shake(self) -> None:
        try:
            self._tls.do_handshake()
        except ssl.SSLWantWriteError:
            self._watch_writing(True)
        except ssl.SSLWantReadError:
            self._watch_writing(False)
        except (OSError, ValueError):
            self.abort()
        else:
            self._watch_writing(False)
            self.pause_reading()
            self._held = False
            super().start()

    def _watch_writing(self, wanted: bool) -> None:
        if wanted != self._writing:
            self._writing = wanted
            if wanted:
                self._loop.add_writer(self._fd, self._shake)
            else:
                self._loop.remove_writer(self._fd)

    def _farewell(self) -> None:
        try:
            self._tls.unwrap()
        except (OSError, ValueError):
            return
