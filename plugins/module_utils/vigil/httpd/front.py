# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The front: listens, accepts, counts, bounds, and hands each request to one function."""

from __future__ import annotations

import asyncio
import errno
import socket
import ssl
from collections.abc import Callable, Iterable

from ..model import VigilError
from .connection import Connection
from .link import Link, TlsLink
from .parser import parse_head
from .values import Answer, Figures, Handler, Limits, Request, text

_BACKLOG = 1024
_ACCEPT_BURST = 64
_PARSED = 256
_SWEEP = 0.5
_FULL = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)


class Front:
    """Serves ``handler`` from a running asyncio loop. The handler must not block: it is called between two clients.

    ``context`` is what new connections speak TLS with (None: plain); it and ``limits`` may be replaced at any time. ``counts`` holds the
    answers by status. ``on_defect`` gets what the handler, or we, should not have raised.
    """

    def __init__(self, handler: Handler, limits: Limits | None = None, *, context: ssl.SSLContext | None = None,
                 on_defect: Callable[[BaseException], None] = lambda error: None) -> None:
        self._handler, self._on_defect = handler, on_defect
        self.limits, self.context = limits or Limits(), context
        self.counts: dict[int, int] = {}
        self.accepted = self.evicted = self.expired = self.failed_handshakes = 0
        self.stopping = False
        self._loop = asyncio.get_running_loop()
        self.time = self._loop.time
        self.soon = self._loop.call_soon
        self._listeners: dict[str, socket.socket] = {}
        self._open: dict[Connection, None] = {}
        self._greeted: dict[Connection, None] = {}
        self._parsed: dict[bytes, Request] = {}
        self._sweeper = self._loop.call_later(_SWEEP, self._sweep)

    def figures(self) -> Figures:
        """What was counted so far."""
        return Figures(dict(self.counts), self.connections, self.accepted, self.evicted, self.expired, self.failed_handshakes)

    @property
    def connections(self) -> int:
        """How many are open, those in their TLS handshake included."""
        return len(self._open) + len(self._greeted)

    def listen(self, addresses: Iterable[str]) -> list[str]:
        """Listen on these ``host:port`` and no others; return the addresses bound (a port of 0 is replaced by the one that was given).

        Raises VigilError where one cannot be had; then what was listened on before still is.
        """
        wanted = list(dict.fromkeys(addresses))
        fresh: dict[str, socket.socket] = {}
        try:
            for address in wanted:
                if address not in self._listeners:
                    fresh[address] = _listener(address)
        except VigilError:
            for listener in fresh.values():
                listener.close()
            raise
        for address in [name for name in self._listeners if name not in wanted]:
            self._close(self._listeners.pop(address))
        for address, listener in fresh.items():
            self._listeners[address] = listener
            self._loop.add_reader(listener.fileno(), self._accept, listener)
        return [shown(self._listeners[address]) for address in wanted]

    async def stop(self, timeout: float = 0.5) -> None:
        """Stop listening, close whoever waits, give the others ``timeout`` seconds to read their answers."""
        self.stopping = True
        self._sweeper.cancel()
        for listener in self._listeners.values():
            self._close(listener)
        self._listeners.clear()
        for connection in list(self._greeted):
            connection.abort()
        for connection in list(self._open):
            connection.finish()
        end = self.time() + timeout
        while self._open and self.time() < end:
            await asyncio.sleep(0.01)
        for connection in list(self._open):
            connection.abort()

    def parse(self, head: bytes) -> Request:
        """Read a head. Probers send the same bytes again and again, so what was read of them is kept, up to a bound."""
        request = self._parsed.get(head)
        if request is None:
            request = parse_head(head, self.limits)
            if len(self._parsed) >= _PARSED:
                self._parsed.clear()
            if len(head) <= 1024:
                self._parsed[head] = request
        return request

    def respond(self, request: Request) -> Answer:
        """Ask the handler. What it raises becomes a 500."""
        try:
            reply = self._handler(request)
        except Exception as error:  # the next client still gets its answer
            self.broken(error)
            reply = text(500, "the server has a defect; see its journal")
        self.count(reply.status)
        return reply

    def count(self, status: int) -> None:
        """Count an answer."""
        self.counts[status] = self.counts.get(status, 0) + 1

    def broken(self, error: BaseException) -> None:
        """Pass on a defect."""
        self._on_defect(error)

    def joined(self, connection: Connection) -> None:
        """A connection stands."""
        self._greeted.pop(connection, None)
        self._open[connection] = None

    def left(self, connection: Connection) -> None:
        """A connection closed."""
        self._open.pop(connection, None)
        if self._greeted.pop(connection, self) is None:
            self.failed_handshakes += 1

    def active(self, connection: Connection) -> float:
        """A connection got an answer: it is the last to be closed for want of room. Return until when it may be idle."""
        if self._open.pop(connection, self) is None:
            self._open[connection] = None
        return self.time() + self.limits.idle_time

    def _accept(self, listener: socket.socket) -> None:
        for _number in range(_ACCEPT_BURST):
            try:
                client, _address = listener.accept()
            except (BlockingIOError, InterruptedError, ConnectionError):
                return
            except OSError as error:
                self._short_of(error, listener)
                return
            self._make_room()
            self._greet(client)

    def _greet(self, client: socket.socket) -> None:
        client.setblocking(False)
        self.accepted += 1
        connection = Connection(self)
        try:
            link = Link(self._loop, client, connection) if self.context is None else TlsLink(self._loop, client, connection, self.context)
        except OSError:  # gone before it was greeted
            client.close()
            return
        connection.attach(link)
        self._greeted[connection] = None
        link.start()

    def _make_room(self) -> None:
        """Close the oldest that waits, so that there is always room for who comes now: a flood pushes out itself."""
        if self.connections < self.limits.connections:
            return
        self.evicted += 1
        if len(self._greeted) > self.limits.connections // 2:
            chosen = next(iter(self._greeted))
            self._greeted.pop(chosen)
        else:
            chosen = next((one for one in self._open if not one.blocked), None) or next(iter(self._open))
            self._open.pop(chosen)
        chosen.abort()

    def _short_of(self, error: OSError, listener: socket.socket) -> None:
        """Out of descriptors or memory: make room and take a breath, or the loop would spin on the one waiting."""
        self._on_defect(error)
        if error.errno in _FULL and self._open:
            next(iter(self._open)).abort()
        self._loop.remove_reader(listener.fileno())
        self._loop.call_later(0.1, self._again, listener)

    def _again(self, listener: socket.socket) -> None:
        if listener.fileno() >= 0 and not self.stopping:
            self._loop.add_reader(listener.fileno(), self._accept, listener)

    def _sweep(self) -> None:
        now = self.time()
        for connection in [one for group in (self._open, self._greeted) for one in group if one.deadline <= now]:
            self.expired += 1
            connection.expire()
        self._sweeper = self._loop.call_later(_SWEEP, self._sweep)

    def _close(self, listener: socket.socket) -> None:
        self._loop.remove_reader(listener.fileno())
        listener.close()


def split_address(address: str) -> tuple[str, int]:
    """Read ``host:port``, ``[::1]:port``, or ``:port`` for all of IPv4. Raises ValueError."""
    host, colon, port = address.rpartition(":")
    if not colon or not (port.isascii() and port.isdigit()) or int(port) > 65535 or (":" in host and not host.startswith("[")):
        raise ValueError(f"{address!r} was found, expected an address and a port such as 0.0.0.0:9890 or [::]:9890")
    return host.strip("[]") or "0.0.0.0", int(port)


def shown(listener: socket.socket) -> str:
    """Return the address that a socket is bound to, as ``host:port``."""
    host, port = listener.getsockname()[:2]
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _listener(address: str) -> socket.socket:
    try:
        host, port = split_address(address)
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        listener = socket.socket(family, socket.SOCK_STREAM)
    except (ValueError, OSError) as error:
        raise VigilError(f"cannot listen on {address}: {error}.") from error
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        # What is accepted inherits it.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        listener.bind((host, port))
        listener.listen(_BACKLOG)
        listener.setblocking(False)
    except OSError as error:
        listener.close()
        raise VigilError(f"cannot listen on {address}: {error.strerror or error}. See who does: ss -ltnp 'sport = :{port}'.") from error
    return listener
