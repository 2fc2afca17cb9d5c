# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Redis by redis-py: a connection that ends at the deadline, on which one command at a time is asked.

redis-py's timeouts are for one read of the socket, so the connection is ours, and is cut off when the time is up.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..kind import Package, Shared
from ..model import CannotTell
from . import net
from .library import load
from .link import cut_off, dial, lost, secure, tls_context

if TYPE_CHECKING:
    from .tls import Tls

PACKAGE = Package("redis", "python3-redis", "python3-redis")
_ACCOUNT = "Set password_file (and user). As an administrator: ACL SETUSER vigil on '>...' +ping +info"
# What is about the checker's account. Older versions of the library leave the first word where it was.
_CHECKER = (
    (r"NOAUTH|WRONGPASS|Authentication required|invalid username-password|invalid password|without any password configured", _ACCOUNT),
    (r"NOPERM|no permissions", _ACCOUNT),
    (r"protected mode", "Ask it over loopback or its socket, or give it a password (requirepass)."),
)
_LOADING = re.compile(r"LOADING|loading the dataset")


@dataclass(frozen=True)
class Account:
    """Where the server is, who asks, and how to speak TLS. ``host`` may be the path of a socket."""

    host: str
    port: int
    user: str
    password: str
    tls: Tls | None


class Refused(Exception):
    """What the server said to a command in place of an answer."""


class Session:
    """A connection on which one command at a time is asked."""

    def __init__(self, library: Any, connection: Any, deadline: net.Deadline) -> None:
        self._library, self._connection, self._deadline = library, connection, deadline

    def ask(self, *command: str) -> str:
        """Return the answer as text.

        Raises Refused with the server's words, NoAnswer where the connection is lost, CannotTell where the account is refused.
        """
        try:
            self._connection.send_command(*command)
            answer = self._connection.read_response()
        except self._library.exceptions.RedisError as error:
            raise self._refusal(error) from error
        return answer.decode(errors="replace") if isinstance(answer, bytes) else str(answer)

    def _refusal(self, error: Exception) -> Exception:
        words = " ".join(str(error).split())[:300]
        if isinstance(error, self._library.exceptions.BusyLoadingError) or _LOADING.search(words):
            return Refused(f"the server loads its data: {words}")
        for pattern, advice in _CHECKER:
            if re.search(pattern, words):
                return CannotTell(f"the server does not let this check in: {words}", advice)
        if isinstance(error, self._library.exceptions.ResponseError):
            return Refused(words)
        return lost(words, self._deadline)


@contextmanager
def connect(account: Account, deadline: net.Deadline, shared: Shared) -> Iterator[Session]:
    """Open a session until the end of the ``with`` statement, and log in where a password is given.

    Raises CannotTell where the library is missing or the account is refused, NoAnswer where the server does not answer.
    """
    library = load(PACKAGE)
    context = tls_context(account.tls, shared)
    link = dial(account.host, account.port, deadline)
    try:
        with cut_off(link, deadline):
            if context is not None:
                link = secure(link, context, account.host, deadline)
            session = Session(library, _connection(library, link, deadline), deadline)
            if account.password:
                session.ask("AUTH", *filter(None, (account.user, account.password)))
            yield session
    finally:
        link.close()


def _connection(library: Any, link: socket.socket, deadline: net.Deadline) -> Any:
    """Return the library's connection over ``link``. It is left to speak nothing by itself: no name, no version, no retry."""

    class Connection(library.connection.Connection):  # type: ignore[misc]
        def _connect(self) -> socket.socket:
            return link

    link.settimeout(None)
    connection = Connection(host="", redis_connect_func=lambda made: made._parser.on_connect(made))
    try:
        connection.connect()
    except library.exceptions.RedisError as error:
        raise lost(str(error), deadline) from error
    return connection
