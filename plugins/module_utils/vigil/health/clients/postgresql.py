# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PostgreSQL by psycopg2, or psycopg 3: a session of which every step ends at the deadline.

libpq's connect_timeout counts whole seconds and does not cover queries, so both libraries are used without blocking, over ``poll``.
psycopg2 comes first: it is half as heavy as the other (2.5 MB against 14 MB of memory in an agent, 7 ms against 80 ms to load).
"""

from __future__ import annotations

import select
from collections.abc import Mapping
from typing import Any

from ..kind import Package
from . import net
from .library import load
from .link import spoken
from .peer import known_as

PACKAGES = (Package("psycopg2", "python3-psycopg2", "python3-psycopg2"), Package("psycopg", "python3-psycopg", "python3-psycopg3"))
_READ, _WRITE = select.POLLIN, select.POLLOUT


class Refused(Exception):
    """What the server or libpq said. ``code`` is the SQLSTATE, empty while connecting: libpq does not tell it then."""

    def __init__(self, words: str, code: str = "") -> None:
        super().__init__(words)
        self.code = code


class Session:
    """A connection on which one query at a time is asked. Use it in a ``with`` statement."""

    def __init__(self, driver: _Two | _Three, deadline: net.Deadline) -> None:
        self._driver, self._deadline = driver, deadline

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: object) -> None:
        self._driver.close()

    def ask(self, sql: str) -> str | None:
        """Return the first column of the first row of the last statement as text; None where it is NULL, or there is no row.

        Raises Refused with the server's words, NoAnswer where the deadline passes.
        """
        self._driver.send(sql)
        with spoken():
            _wait(self._driver, self._driver.working, self._deadline)
        return self._driver.answer()


def connect(settings: Mapping[str, str | int | None], deadline: net.Deadline) -> Session:
    """Open a session by libpq's ``settings`` (host, port, dbname, user, password, ...); those that are None or empty are left to libpq.

    Raises CannotTell where no library is there, Refused with libpq's words, NoAnswer where the deadline passes.
    """
    library = load(*PACKAGES)
    with spoken():
        settings = {**settings, **_addresses(str(settings["host"]), deadline)}
    dsn = " ".join(f"{name}={_quoted(str(value))}" for name, value in settings.items() if value not in (None, ""))
    with known_as(str(settings.get("user") or ""), str(settings["host"])):
        return Session(_opened(_Three(library, dsn) if library.__name__ == "psycopg" else _Two(library, dsn), deadline), deadline)


def _opened(driver: _Two | _Three, deadline: net.Deadline) -> _Two | _Three:
    try:
        with spoken():
            _wait(driver, driver.connecting, deadline)
    except BaseException:
        driver.close()
        raise
    return driver


def _addresses(host: str, deadline: net.Deadline) -> dict[str, str]:
    """Resolve a name within the deadline: libpq would wait for the resolver without end. The name stays, for the certificate."""
    if host.startswith("/"):
        return {}
    found = list(dict.fromkeys(str(found[-1][0]) for found in net.resolve(host, 0, deadline)))[:4]
    return {"host": ",".join([host] * len(found)), "hostaddr": ",".join(found)}


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


def _wait(driver: _Two | _Three, step: Any, deadline: net.Deadline) -> None:
    """Take one step after another, each when the socket is ready for it."""
    while True:
        wanted = step()
        if not wanted:
            return
        poll = select.poll()
        poll.register(driver.fileno(), wanted)
        poll.poll(deadline.left() * 1000)
        deadline.left()


class _Two:
    """psycopg2's asynchronous connection."""

    def __init__(self, library: Any, dsn: str) -> None:
        self._library = library
        try:
            self._connection = library.connect(dsn, async_=1)
        except library.Error as error:
            raise Refused(str(error)) from error
        self._events = {library.extensions.POLL_READ: _READ, library.extensions.POLL_WRITE: _WRITE, library.extensions.POLL_OK: 0}
        self._cursor: Any = None

    def fileno(self) -> int:
        return int(self._connection.fileno())

    def connecting(self) -> int:
        try:
            return self._events[self._connection.poll()]
        except self._library.Error as error:
            raise Refused(_primary(error), error.pgcode or "") from error

    working = connecting

    def send(self, sql: str) -> None:
        try:
            self._cursor = self._connection.cursor()
            self._cursor.execute(sql)
        except self._library.Error as error:
            raise Refused(_primary(error), error.pgcode or "") from error

    def answer(self) -> str | None:
        row = self._cursor.fetchone() if self._cursor.description else None
        if not row or row[0] is None:
            return None
        return "ft"[row[0]] if isinstance(row[0], bool) else str(row[0])

    def close(self) -> None:
        self._connection.close()


def _primary(error: Any) -> str:
    return str(error.diag.message_primary or error)


class _Three:
    """psycopg 3's view of libpq itself."""

    def __init__(self, library: Any, dsn: str) -> None:
        self._library, self._pq = library, library.pq
        self._begun = False
        self._value: str | None = None
        self._connection = self._pq.PGconn.connect_start(dsn.encode())
        self._refuse_if(self._connection.status == self._pq.ConnStatus.BAD)

    def fileno(self) -> int:
        return int(self._connection.socket)

    def connecting(self) -> int:
        if not self._begun:  # libpq wants the socket to be writable before the first step
            self._begun = True
            return _WRITE
        status, states = self._connection.connect_poll(), self._pq.PollingStatus
        self._refuse_if(status == states.FAILED)
        if status == states.OK:
            self._connection.nonblocking = 1
            return 0
        return _READ if status == states.READING else _WRITE

    def send(self, sql: str) -> None:
        self._value = None
        try:
            self._connection.send_query(sql.encode())
        except self._library.Error as error:
            raise Refused(str(error)) from error

    def working(self) -> int:
        """Take in results until more has to come: libpq would wait for the next one without end."""
        try:
            unsent = self._connection.flush()
            self._connection.consume_input()
            while not self._connection.is_busy():
                result = self._connection.get_result()
                if result is None:
                    return 0
                self._take(result)
        except self._library.Error as error:
            raise Refused(str(error)) from error
        return _READ | (_WRITE if unsent else 0)

    def _take(self, result: Any) -> None:
        if result.status == self._pq.ExecStatus.FATAL_ERROR:
            raise self._refusal(result)
        if result.status == self._pq.ExecStatus.TUPLES_OK:
            found = result.get_value(0, 0) if result.ntuples else None
            self._value = None if found is None else found.decode(errors="replace")

    def answer(self) -> str | None:
        return self._value

    def close(self) -> None:
        self._connection.finish()

    def _refusal(self, result: Any) -> Refused:
        field = self._pq.DiagnosticField
        words, code = result.error_field(field.MESSAGE_PRIMARY), result.error_field(field.SQLSTATE)
        return Refused((words or result.error_message or b"").decode(errors="replace"), (code or b"").decode())

    def _refuse_if(self, failed: bool) -> None:
        if failed:
            raise Refused(self._connection.error_message.decode(errors="replace"))
