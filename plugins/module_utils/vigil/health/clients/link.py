# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A connection that ends at a deadline, whatever library reads from it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from ...model import VigilError
from ..kind import Shared
from . import net

if TYPE_CHECKING:
    import ssl

    from .tls import Tls


class NoAnswer(VigilError):
    """The target does not answer, refuses, or takes too long: the check fails."""


def dial(host: str, port: int, deadline: net.Deadline) -> socket.socket:
    """Connect to a port, or to a Unix socket where ``host`` is a path. Raises NoAnswer; CannotTell where this process may not."""
    with spoken():
        return net.connect_unix(host, deadline) if host.startswith("/") else net.connect(host, port, deadline)


def tls_context(wanted: Tls | None, shared: Shared) -> ssl.SSLContext | None:
    """Return how to speak TLS, None where it is not wanted. Raises CannotTell where a file is missing or wrong."""
    if wanted is None:
        return None
    from . import tls

    return tls.context(wanted, shared)


def secure(link: socket.socket, context: ssl.SSLContext, host: str, deadline: net.Deadline) -> ssl.SSLSocket:
    """Speak TLS over ``link``. Raises NoAnswer where the other side does not, or has the wrong certificate."""
    from . import tls

    try:
        return tls.secure(link, context, host, deadline)
    except OSError as error:
        raise NoAnswer(tls.words(error)) from error


@contextmanager
def spoken() -> Iterator[None]:
    """Turn errors of sockets, also that of a deadline, into NoAnswer."""
    try:
        yield
    except OSError as error:
        raise NoAnswer(net.words(error)) from error


def lost(words: str, deadline: net.Deadline) -> NoAnswer:
    """Return the error of a connection that ended: by our own deadline, else as the library's ``words`` say."""
    try:
        deadline.left()
    except socket.timeout as error:
        words = net.words(error)
    return NoAnswer(words or "the connection was closed without a word")


@contextmanager
def cut_off(link: socket.socket, deadline: net.Deadline) -> Iterator[None]:
    """End the connection at the deadline, so that whoever waits on it goes on; what it then raises becomes NoAnswer.

    A library's own timeouts count from the last byte: a server that drips would hold it for ever.
    """
    with spoken():
        guard = _Guard(link, deadline.left())
    try:
        yield
    except Exception as error:
        if guard.expired:
            raise lost("", deadline) from error
        raise
    finally:
        guard.close()


class _Guard:
    """Holds the connection by a descriptor of its own: TLS takes the first one away from the socket that we know."""

    def __init__(self, link: socket.socket, seconds: float) -> None:
        self.expired = False
        self._lock = threading.Lock()
        self._link: socket.socket | None = link.dup()
        self._timer = threading.Timer(seconds, self._end)
        self._timer.daemon = True
        self._timer.start()

    def _end(self) -> None:
        with self._lock:
            if self._link is None:
                return
            self.expired = True
            with suppress(OSError):  # the other side may have been faster
                self._link.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._timer.cancel()
        with self._lock:
            if self._link is not None:
                self._link.close()
            self._link = None
