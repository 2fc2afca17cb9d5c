# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What PostgreSQL and libpq say when they refuse: does the server fail, or can the checker not look? Pure."""

from __future__ import annotations

import re

from ..model import CannotTell

_ACCOUNT = ("Let the user in, by pg_hba.conf and with its password: CREATE ROLE vigil LOGIN PASSWORD '...'; GRANT pg_monitor TO vigil; "
            "then see pg_hba.conf and the server's log.")
# Words of a refusal that is about the checker: its account, its files, its rights.
_CHECKER = (
    (r"authentication failed|no password supplied|no pg_hba\.conf entry|is not permitted to log in|fe_sendauth"
     r"|authentication method .* not supported|role \".*\" does not exist|permission denied for database", _ACCOUNT),
    (r"too many connections for role", "Give the user of the check room: ALTER ROLE ... CONNECTION LIMIT 5."),
    (r"Permission denied", "Let this process reach the socket: see the rights of its folder (unix_socket_permissions)."),
    (r"root certificate file .* does not exist|could not read root certificate|certificate file|private key file"
     r"|weak sslmode|sslmode value .* invalid", "See the option ca: is the file there, readable, and a certificate?"),
    (r"unsupported startup parameter", "Connect to the server itself, not to a pool of connections."),
)
_ADVICE = (
    (r"starting up|in recovery mode|not yet accepting|not accepting connections|shutting down",
     "Wait, and follow its log: it says how far it has come."),
    (r"too many clients|remaining connection slots|too many connections",
     "See who holds them, as a superuser: SELECT usename, application_name, count(*) FROM pg_stat_activity GROUP BY 1, 2 ORDER BY 3 DESC;"),
    (r"database \".*\" does not exist", "List what is there: psql -l"),
    (r"server does not support SSL|certificate verify|does not match host",
     "See its certificate: openssl s_client -starttls postgres -connect HOST:5432 </dev/null"),
)
_PREFIX = re.compile(r"^(connection to server .*? failed|could not connect to server): ")
_LEVEL = re.compile(r"^(FATAL|ERROR|PANIC):\s+")


def refusal(text: str, code: str = "") -> dict[str, str]:
    """Return ``error`` and perhaps ``advice`` where the server fails. Raises CannotTell where the checker is not let in.

    ``code`` is the SQLSTATE, known only after the connection stood: 42501 is a missing right.
    """
    words = short(text)
    for pattern, advice in _CHECKER:
        if re.search(pattern, text):
            raise CannotTell(f"the server does not let this check in: {words}", advice)
    if code == "42501":
        raise CannotTell(f"the server does not let this check look: {words}", "As a superuser: GRANT pg_monitor TO the user of the check;")
    if code.startswith("42"):
        raise CannotTell(f"the server does not know what was asked: {words}", "PostgreSQL 10 or newer was expected.")
    advice = next((advice for pattern, advice in _ADVICE if re.search(pattern, text)), "")
    return {"error": words, **({"advice": advice} if advice else {})}


def query_refusal(text: str, code: str) -> dict[str, str]:
    """Return ``refused``, the server's words about an operator's query. Raises CannotTell where it cannot be asked."""
    if code == "42501":
        raise CannotTell(f"the query may not be asked: {short(text)}", "Grant the user what the query reads: GRANT SELECT ON ...")
    if code in ("42601", "34000", "25006"):
        raise CannotTell(f"the query cannot be asked: {short(text)}", "Write one SELECT that changes nothing.")
    return {"refused": short(text)}


def short(text: str) -> str:
    """Return the server's words without where they come from, and without the hints below them."""
    first = (text.strip().splitlines() or [""])[0]
    words = " ".join(_LEVEL.sub("", _PREFIX.sub("", first, count=1)).split())
    return words[:300] or "the connection ended without a word"
