# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""MySQL and MariaDB by PyMySQL: a session that ends at the deadline.

PyMySQL's timeouts are for one read of the socket, so the connection is ours, and is cut off when the time is up.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..kind import Package, Shared
from ..model import CannotTell
from . import net
from .library import load
from .link import NoAnswer, cut_off, dial, lost, tls_context
from .peer import known_as

if TYPE_CHECKING:
    from .tls import Tls

PACKAGE = Package("pymysql", "python3-pymysql", "python3-PyMySQL")
_ACCOUNT = "Create the account, or set its password: see the text of the kind mysql for the statements."
_GRANT = "Grant what is missing: see the text of the kind mysql for the statements."
# Error numbers of MySQL and MariaDB that are about the checker's account or its host, not about the service.
_CHECKER = {
    1044: _GRANT, 1045: _ACCOUNT, 1129: "On the server, once the cause is known: mysqladmin flush-hosts", 1130: _ACCOUNT, 1142: _GRANT,
    1143: _GRANT,
    1203: "Give the account of the check room: ALTER USER ... WITH MAX_USER_CONNECTIONS 5;",
    1226: _ACCOUNT, 1227: _GRANT,
    1251: _ACCOUNT, 1396: _ACCOUNT, 1698: _ACCOUNT, 1820: _ACCOUNT, 1862: _ACCOUNT, 2059: _ACCOUNT, 3118: _ACCOUNT, 4151: _ACCOUNT,
}
_ADVICE = {
    1040: "See who holds them; one more may always come in as an administrator: SHOW PROCESSLIST;",
    1049: "List what is there: SHOW DATABASES;",
}
# What is said before the handshake: old versions of PyMySQL cut its first letters off.
_WORDS = {1040: "too many connections", 1129: "this host is blocked after many broken connections",
          1130: "this host is not allowed to connect"}
NOT_ALLOWED = (1142, 1143, 1227)
_SYNTAX = 1064


@dataclass(frozen=True)
class Account:
    """Where the server is, who asks, and how to speak TLS. ``host`` may be the path of a socket."""

    host: str
    port: int
    user: str
    password: str
    database: str | None
    tls: Tls | None


class Refused(Exception):
    """What the server said to a statement. ``code`` is its error number."""

    def __init__(self, code: int, words: str) -> None:
        super().__init__(" ".join(words.split())[:300])
        self.code = code


class Session:
    """A connection on which one statement at a time is asked."""

    def __init__(self, connection: Any, library: Any, deadline: net.Deadline) -> None:
        self._connection, self._library, self._deadline = connection, library, deadline

    def rows(self, sql: str) -> list[dict[str, Any]]:
        """Return the rows of a statement. Raises Refused with the server's words, NoAnswer where the connection is lost."""
        try:
            with self._connection.cursor(self._library.cursors.DictCursor) as cursor:
                cursor.execute(sql)
                return list(cursor.fetchall())
        except self._library.err.MySQLError as error:
            code, words = _said(error)
            if code < 1000 or 2000 <= code < 3000:
                raise lost(words, self._deadline) from error
            raise Refused(code, words) from error

    @property
    def version(self) -> str:
        """Return the server's version, as it greets with it."""
        return str(self._connection.server_version)


@contextmanager
def connect(account: Account, deadline: net.Deadline, shared: Shared) -> Iterator[Session]:
    """Open a session until the end of the ``with`` statement.

    Raises CannotTell where the library is missing or the account is refused, NoAnswer where the server does not answer, Refused else.
    """
    library = load(PACKAGE)
    context = tls_context(account.tls, shared)
    with known_as(account.user, account.host):
        link = dial(account.host, account.port, deadline)
    connection = None
    try:
        with cut_off(link, deadline):
            connection = _log_in(library, account, context, link)
            yield Session(connection, library, deadline)
    finally:
        link.close()
        if connection is not None:
            connection._force_close()  # close() would wait for a server that may be stopped


def _log_in(library: Any, account: Account, context: Any, link: Any) -> Any:
    connection = library.connections.Connection(
        host=account.host, port=account.port, user=account.user, password=account.password, database=account.database,
        charset="utf8mb4", autocommit=None, ssl=context, ssl_disabled=context is None, defer_connect=True, program_name="vigil",
    )
    if account.host.startswith("/"):
        connection._secure = True  # PyMySQL knows this only of a socket that it opened by itself
    try:
        connection.connect(link)
    except library.err.MySQLError as error:
        cause = getattr(error, "original_exception", None)
        if context is not None and isinstance(cause, OSError):
            from . import tls

            raise NoAnswer(tls.words(cause)) from error
        raise _refusal(*_said(error)) from error
    except RuntimeError as error:  # the package cryptography is missing, which passwords need that are sent without TLS
        raise CannotTell(f"the password cannot be sent: {error}", "Set tls: true, or install python3-cryptography on this host.") from error
    if context is not None and not connection._secure:
        connection._force_close()
        raise NoAnswer("the server speaks no TLS")
    return connection


def _refusal(code: int, words: str) -> Exception:
    if code in _CHECKER:
        return CannotTell(f"the server does not let this check in: {words}", _CHECKER[code])
    return Refused(code, words) if code in _ADVICE else NoAnswer(words)


def advice(code: int) -> str:
    """Return what to do about an error number, or nothing."""
    return _ADVICE.get(code, "")


def query_refusal(error: Refused) -> dict[str, str]:
    """Return ``refused``, the server's words about an operator's query. Raises CannotTell where it cannot be asked."""
    if error.code in NOT_ALLOWED or error.code in _CHECKER:
        raise CannotTell(f"the query may not be asked: {error}", "Grant the account what the query reads: GRANT SELECT ON ...")
    if error.code == _SYNTAX:
        raise CannotTell(f"the query cannot be asked: {error}", "Write one SELECT that changes nothing.")
    return {"refused": str(error)}


def _said(error: Any) -> tuple[int, str]:
    """Return number and words; number 0 where the library found what it did not understand."""
    if len(error.args) >= 2 and isinstance(error.args[0], int):
        return error.args[0], _WORDS.get(error.args[0], str(error.args[1]))
    return 0, str(error) or "the connection ended without a word"
