# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``mysql``: does a MySQL or MariaDB server answer, in its role, close to its source, and far from its limits?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .. import database
from ..clients import mysql, mysql_queries
from ..clients.link import NoAnswer
from ..clients.net import Deadline
from ..kind import Kind, Look, Option, Options
from ..model import FAIL, UNKNOWN, WARN, Finding, Limits, Observation
from ..thresholds import demand, judge
from ..units import BYTES, SECONDS

_OPTIONS = (
    *database.server(3306),
    Option("user", "str", "User to connect as.", default="vigil"),
    *database.password("of the user"),
    Option("database", "str", "Database to connect to. Empty: none.", default=""),
    *database.TLS,
    database.LATENCY, database.ROLE,
    Option("role_by", "str", "What makes a primary: it replicates from nobody and can be written to, or it can be written to.",
           default="replication", choices=("replication", "read_only")),
    Option("read_only", "bool", "Whether the server has to be read-only. Not given: it is not looked at.", default=None),
    database.LAG, database.LAG_BYTES, database.STANDBYS, database.CONNECTIONS, database.TRANSACTION, database.IDLE_TRANSACTION,
    Option("galera_size", "limits", "Members of the Galera cluster; the fewer the worse.", worse="below", default=Limits()),
    database.QUERY, database.EXPECT, database.VALUE,
)
_SEE = "See its log: journalctl -u 'mysql*' -u 'mariadb*' -n 50"
_HIDDEN = ("the account of the check lacks the right", "GRANT PROCESS ON *.* TO the account; and REPLICA MONITOR (MariaDB) "
           "or REPLICATION CLIENT (MySQL).")
_SYNCED, _DONOR = 4, 2


def observe(options: Options, look: Look) -> Observation:
    """Ask the server over one connection."""
    deadline = Deadline(look.system.monotonic, look.timeout)
    account = _account(options, look)
    try:
        with mysql.connect(account, deadline, look.shared) as session:
            latency = deadline.spent()
            values = {"latency": latency, **mysql_queries.server(session), **mysql_queries.sessions(session)}
            values["sources"] = mysql_queries.sources(session)
            return Observation({**values, **place_in(values, options["role_by"]), **_own(options, session)})
    except NoAnswer as error:
        return Observation({**database.NOTHING, "error": str(error)})
    except mysql.Refused as error:
        return Observation({**database.NOTHING, "error": str(error), "advice": mysql.advice(error.code)})


def _account(options: Options, look: Look) -> mysql.Account:
    secret = database.secret(options, look)
    return mysql.Account(options["host"], options["port"], options["user"], secret, options["database"] or None, database.tls(options))


def _own(options: Options, session: mysql.Session) -> dict[str, Any]:
    if not options["query"]:
        return {}
    try:
        return {"answer": mysql_queries.own(session, options["query"])}
    except mysql.Refused as error:
        return mysql.query_refusal(error)
    except NoAnswer as error:
        return {"refused": str(error)}


def place_in(values: Mapping[str, Any], role_by: str) -> dict[str, Any]:
    """Return role, lag and lag_bytes. A server that is read-only and replicates from nobody has no role that could be told."""
    sources, writable = values["sources"], not values["read_only"]
    if role_by == "read_only":
        role = database.PRIMARY if writable else database.STANDBY
    elif sources:
        role = database.STANDBY
    else:
        role = database.PRIMARY if writable and sources is not None else database.NO_ROLE
    return {"role": role, "lag": _most(sources, "seconds"), "lag_bytes": _most(sources, "bytes")}


def _most(sources: list[dict[str, Any]] | None, key: str) -> float | None:
    """Return the greatest figure of all sources: 0 without a source, None where one cannot be told."""
    figures = None if sources is None else [source[key] for source in sources]
    return None if figures is None or None in figures else max(figures, default=0.0)


def decide(options: Options, values: Mapping[str, Any]) -> list[Finding]:
    """Reached, in its role, close behind, and far from its limits?"""
    if "error" in values:
        return database.unreachable(options, values, _SEE)
    findings = [database.answered(options, values, _SEE)]
    if values["sources"] is not None or options["role_by"] == "read_only":
        findings += database.as_expected(options, values, "See SHOW ALL SLAVES STATUS (MySQL: SHOW REPLICA STATUS), SELECT @@read_only;")
    findings += _read_only(options, values) + _replication(options, values) + _standbys(options, values) + _galera(options, values)
    findings.append(database.connections(options, values, "See who holds them: SHOW PROCESSLIST;"))
    advice = "See what it does, end it with KILL pid: SELECT * FROM information_schema.innodb_trx ORDER BY trx_started;"
    findings += database.transactions(options, values, advice, _HIDDEN)
    return findings + database.returned(options, values)


def _read_only(options: Options, values: Mapping[str, Any]) -> list[Finding]:
    wanted, found = options["read_only"], values["read_only"]
    if wanted is None:
        return []
    shown, expected = ("read-only" if flag else "writable" for flag in (found, wanted))
    advice = f"Decide who may write, then: SET GLOBAL read_only = {int(wanted)};"
    return [demand("read_only", found == wanted, shown, expected, f"the server is {shown}, expected {expected}", advice=advice)]


def _replication(options: Options, values: Mapping[str, Any]) -> list[Finding]:
    if values["sources"] is None:
        if options["role"] == "any":
            return []
        return [Finding("replication", UNKNOWN, None, "", f"replication cannot be seen: {_HIDDEN[0]}", advice=_HIDDEN[1])]
    findings = [finding for source in values["sources"] for finding in _threads(source)]
    if not values["sources"]:
        return findings
    stopped = ("replication does not run", "Start it once the cause is known: START REPLICA; (START SLAVE)")
    slow = "See what it applies: SHOW PROCESSLIST; and how busy its disk is."
    findings += database.within("lag", values["lag"], options["lag"], SECONDS, "lag behind the source", advice=slow, blind=stopped)
    other = ("the source has gone on to another log file", "Look again once it has caught up.")
    return findings + database.within("lag_bytes", values["lag_bytes"], options["lag_bytes"], BYTES, "log that is not applied",
                                      advice=slow, blind=other)


def _threads(source: Mapping[str, Any]) -> list[Finding]:
    findings = []
    for what, key, words in (("receiver", "io", "receiving from"), ("applier", "sql", "applying the log of")):
        good, said = source[key] == "Yes", source[f"{key}_error"]
        state = "runs" if good else "does not run" if source[key] == "No" else f"is {source[key].lower()}"
        sentence = f"{words} {source['name']} {state}" + (f": {said}" if said and not good else "")
        advice = "See Last_IO_Error and Last_SQL_Error: SHOW ALL SLAVES STATUS\\G (MySQL: SHOW REPLICA STATUS\\G)"
        findings.append(demand(what, good, source[key], "Yes", sentence, advice=advice))
    return findings


def _standbys(options: Options, values: Mapping[str, Any]) -> list[Finding]:
    if values["sources"]:
        return []
    there = len(values["standbys"]) if values["monitor"] else None
    return database.within("standbys", there, options["standbys"], "", "number of replicas", blind=_HIDDEN,
                           advice="See the log of the replica, and who is connected: SHOW PROCESSLIST;")


def _galera(options: Options, values: Mapping[str, Any]) -> list[Finding]:
    seen = values["galera"]
    if seen is None:
        return []
    good = seen["cluster"] == "Primary" and seen["ready"] and seen["state"] == _SYNCED
    state = WARN if seen["cluster"] == "Primary" and seen["state"] == _DONOR else FAIL
    sentence = f"this member of the Galera cluster is {seen['words']}, in a component that is {seen['cluster']}"
    advice = "See: SHOW GLOBAL STATUS LIKE 'wsrep%'; and the log for why it left."
    return [
        demand("galera", good, seen["words"], "Synced, in the Primary component", sentence, advice=advice, state=state),
        judge("galera_size", seen["size"], options["galera_size"], name="number of members of the cluster", advice=advice),
    ]


KIND = Kind(
    name="mysql",
    text="""\
MySQL 5.7 or newer and MariaDB 10.2 or newer: whether it answers, its role, the threads and the lag of replication, replicas,
connections, old transactions and, where it is used, Galera. An account that may do no more than look suffices:

    CREATE USER vigil@localhost IDENTIFIED BY '...';
    GRANT PROCESS, REPLICA MONITOR ON *.* TO vigil@localhost;       -- MariaDB 10.5.9 or newer
    GRANT PROCESS, REPLICATION CLIENT ON *.* TO vigil@localhost;    -- MySQL, and older MariaDB

The lag is Seconds_Behind: 0 where all that arrived is applied. A source that hangs without closing the connection shows only after
slave_net_timeout. Group replication is not looked at.""",
    options=_OPTIONS,
    observe=observe,
    decide=decide,
    refuse=database.refuse,
    packages=(mysql.PACKAGE,),
    example="""\
- name: database
  kind: mysql
  host: /run/mysqld/mysqld.sock
  password_file: /etc/vigil/mysql.password
  role: standby
  read_only: true
  lag: {warn: 10s, fail: 1m}
""",
)
