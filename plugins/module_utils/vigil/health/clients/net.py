# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Sockets with one deadline for everything: finding the address, connecting, every single read and write."""

from __future__ import annotations

import errno
import io
import os
import socket
import threading
from collections.abc import Callable
from typing import Any

from ..model import CannotTell

Address = tuple[Any, ...]
_LATE = "no answer in time"
# What an address says whose family this host has switched off: another address' own error tells more.
_NOT_HERE = (errno.EADDRNOTAVAIL, errno.ENETUNREACH, errno.EAFNOSUPPORT)


class Deadline:
    """A moment on a clock that never goes back, ``seconds`` from now."""

    def __init__(self, clock: Callable[[], float], seconds: float) -> None:
        self.clock = clock
        self.began = clock()
        self._end = self.began + seconds

    def left(self) -> float:
        """Return the seconds that are left. Raises socket.timeout where none are."""
        left = self._end - self.clock()
        if left <= 0:
            raise socket.timeout(_LATE)
        return left

    def spent(self) -> float:
        """Return the seconds since the beginning."""
        return self.clock() - self.began


class _Lookup:
    """One question to the system's resolver, in a thread of its own: it cannot be interrupted and may take half a minute."""

    def __init__(self, key: tuple[str, int, int], ask: Callable[..., Any]) -> None:
        self.key, self.ask, self.done = key, ask, threading.Event()
        self.found: list[Address] = []
        self.error: OSError | None = None

    def run(self) -> None:
        host, port, kind = self.key
        try:
            self.found = list(self.ask(host, port, type=kind))
        except OSError as error:
            self.error = error
        except UnicodeError:
            self.error = OSError(f"{host!r} is no name of a host")
        with _GUARD:
            _LOOKUPS.pop(self.key, None)
        self.done.set()


_GUARD = threading.Lock()
_LOOKUPS: dict[tuple[str, int, int], _Lookup] = {}


def resolve(
    host: str, port: int, deadline: Deadline, kind: int = socket.SOCK_STREAM, ask: Callable[..., Any] = socket.getaddrinfo
) -> list[Address]:
    """Return what getaddrinfo says of a name or an address, within the deadline; ``ask`` is getaddrinfo for all but tests.

    Those who ask the same while an answer is outstanding wait for that one, so that a dead resolver costs one thread a name.
    """
    try:
        return list(socket.getaddrinfo(host, port, type=kind, flags=socket.AI_NUMERICHOST))
    except (OSError, UnicodeError):
        pass
    key = (host, port, kind)
    with _GUARD:
        lookup = _LOOKUPS.get(key)
        if lookup is None:
            lookup = _LOOKUPS[key] = _Lookup(key, ask)
            threading.Thread(target=lookup.run, name="resolve", daemon=True).start()
    if not lookup.done.wait(deadline.left()):
        raise socket.timeout(f"the name {host} was not resolved in time")
    if lookup.error is not None:
        raise lookup.error
    return lookup.found


def connect(host: str, port: int, deadline: Deadline) -> socket.socket:
    """Connect by TCP to the first of the host's addresses that answers. Raises OSError, the most telling one."""
    return connect_first(resolve(host, port, deadline), deadline)


def connect_first(found: list[Address], deadline: Deadline) -> socket.socket:
    """Connect to the first of these addresses, as getaddrinfo returns them, that answers. Raises OSError, the most telling one."""
    failure: OSError = OSError("the name has no address")
    for index, (family, kind, protocol, _name, address) in enumerate(found):
        link = socket.socket(family, kind, protocol)
        try:
            # An address that swallows packets must leave time for those after it.
            link.settimeout(deadline.left() / (len(found) - index))
            link.connect(address)
            # Headers and body are two writes; the second must not wait for the other side to confirm the first.
            link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return link
        except OSError as error:
            link.close()
            failure = telling(failure if index else None, error)
    raise failure


def telling(before: OSError | None, now: OSError) -> OSError:
    """Return which of two addresses' errors tells more: the later one, unless it only says that this host has no way there."""
    return before if before is not None and now.errno in _NOT_HERE else now


def connect_unix(path: str, deadline: Deadline) -> socket.socket:
    """Connect to a Unix socket. Raises CannotTell where this process may not, OSError where nobody answers."""
    link = socket.socket(socket.AF_UNIX)
    try:
        link.settimeout(deadline.left())
        link.connect(path)
    except PermissionError:
        link.close()
        raise CannotTell(f"{path} may not be opened", "Give the user of the checks the group of this socket.")
    except OSError:
        link.close()
        raise
    return link


def words(error: OSError) -> str:
    """Say an error of a socket in a few words."""
    if isinstance(error, socket.timeout):
        return str(error) if "in time" in str(error) else _LATE
    if isinstance(error, socket.gaierror):
        return f"its name is not resolved ({(error.strerror or str(error)).lower()})"
    known = error.errno if error.errno in errno.errorcode else None
    return os.strerror(known).lower() if known else error.strerror or str(error)


class TooMuch(OSError):
    """The other side sent more than was asked for."""


class _Raw(io.RawIOBase):
    """What is read from a stream: each read has what is left of the deadline, and of the budget."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._stream.receive_into(buffer)


class Stream:
    """A connected socket (plain or TLS) with one deadline for all, in the shape http.client wants; ``budget`` bytes may still come."""

    def __init__(self, link: socket.socket, deadline: Deadline, budget: int) -> None:
        self.link, self._deadline, self.budget = link, deadline, budget

    def sendall(self, data: bytes) -> None:
        """Send all of it within the deadline."""
        self.link.settimeout(self._deadline.left())
        self.link.sendall(data)

    def receive_into(self, buffer: Any) -> int:
        """Read what is there, at least one byte, or 0 at the end. Raises socket.timeout, TooMuch."""
        if self.budget <= 0:
            raise TooMuch("it sent more than is read of an answer")
        self.link.settimeout(self._deadline.left())
        got = self.link.recv_into(buffer)
        self.budget -= got
        return got

    def line(self, limit: int = 4096) -> bytes:
        """Read up to the next line end, byte by byte: nothing behind it may be swallowed. At most ``limit`` bytes."""
        found, byte = bytearray(), bytearray(1)
        while len(found) < limit and not found.endswith(b"\n") and self.receive_into(byte):
            found += byte
        return bytes(found)

    def exactly(self, size: int) -> bytes:
        """Read this many bytes. Raises OSError where the other side ends before."""
        found = bytearray()
        while len(found) < size:
            part = bytearray(size - len(found))
            got = self.receive_into(part)
            if not got:
                raise OSError("the connection was closed in the middle of an answer")
            found += part[:got]
        return bytes(found)

    def makefile(self, mode: str = "rb") -> io.BufferedReader:
        """Return a buffered reader, as http.client asks for one."""
        return io.BufferedReader(_Raw(self))

    def close(self) -> None:
        """Leave the socket open: http.client closes this before it has read the answer. Who opened the socket closes it."""
