# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``postgresql``: does the server answer, in its role, close to its primary, and far from its limits?"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from .. import database
from ..clients import postgresql, postgresql_queries, postgresql_words
from ..clients.link import NoAnswer
from ..clients.net import Deadline
from ..kind import Kind, Look, Option, Options
from ..model import Finding, Limits, Observation
from ..thresholds import demand, judge
from ..units import BYTES, PERCENT, SECONDS

_SSL = ("disable", "allow", "prefer", "require", "verify-ca", "verify-full")
_OPTIONS = (
    *database.server(5432),
    Option("database", "str", "Database to connect to.", default="postgres"),
    Option("user", "str", "User to connect as. Empty: the name of the user this runs as, which fits peer authentication.", default=""),
    *database.password("of the user"),
    Option("passfile", "path", "A libpq password file (.pgpass), in place of password.", default=None),
    Option("sslmode", "str", "How libpq uses TLS; verify-full where ca is given, else prefer.", default=None, choices=_SSL),
    Option("ca", "path", "File of the authorities that the server's certificate has to come from.", default=None),
    database.LATENCY, database.ROLE, database.LAG, database.LAG_BYTES,
    Option("receiver", "bool", "A standby has to be connected to its primary. Say false where it is fed from an archive.", default=True),
    database.STANDBYS, database.STANDBY_LAG, database.STANDBY_LAG_BYTES,
    Option("inactive_slots", "limits", "On a primary: replication slots that nobody reads: they keep WAL until the disk is full.",
           default=Limits(1.0)),
    Option("slot_bytes", "limits", "On a primary: WAL that is kept for the slot that is furthest behind.", unit=BYTES,
           default=Limits(10.0 * 2**30)),
    database.CONNECTIONS,
    database.TRANSACTION, database.IDLE_TRANSACTION,
    Option("wraparound", "limits", "Age of the oldest unfrozen transaction, of the 2^31 at which the server stops writing.",
           unit=PERCENT, default=Limits(50.0, 85.0)),
    database.QUERY, database.EXPECT, database.VALUE,
)
_HORIZON = 2.0**31
_SEE = "See its log: journalctl -u 'postgresql*' -n 50, or pg_lsclusters and the log file it names."
_GRANT = "As a superuser: GRANT pg_monitor TO {user};"
_HIDDEN = "the user {user} may not see the sessions of others"


def observe(options: Options, look: Look) -> Observation:
    """Ask the server in one transaction that can only read."""
    deadline = Deadline(look.system.monotonic, look.timeout)
    settings = _settings(options, look)
    try:
        with postgresql.connect(settings, deadline) as session:
            latency = deadline.spent()
            return _seen(options, session, deadline, latency, look.memory)
    except NoAnswer as error:
        return Observation({**database.NOTHING, "error": str(error)}, look.memory)
    except postgresql.Refused as error:
        return Observation({**database.NOTHING, **postgresql_words.refusal(str(error), error.code)}, look.memory)


def _settings(options: Options, look: Look) -> dict[str, str | int | None]:
    sslmode = options["sslmode"] or ("verify-full" if options["ca"] else None)
    return {
        "host": options["host"], "port": options["port"], "dbname": options["database"], "user": options["user"],
        "password": database.secret(options, look),
        "passfile": options["passfile"], "sslmode": sslmode, "sslrootcert": options["ca"], "application_name": "vigil",
    }


def _seen(
    options: Options, session: postgresql.Session, deadline: Deadline, latency: float, memory: Mapping[str, Any]
) -> Observation:
    begin = postgresql_queries.BEGIN.format(milliseconds=max(1, int(deadline.left() * 1000)))
    values = {**json.loads(session.ask(begin + postgresql_queries.SERVER) or "{}"), "latency": latency}
    values["role"] = database.STANDBY if values["standby"] else database.PRIMARY
    more = json.loads(session.ask(postgresql_queries.STANDBY if values["standby"] else postgresql_queries.PRIMARY) or "{}")
    if values["standby"]:
        values.update(more, lag=lag(more, memory), lag_bytes=behind(more))
        memory = {"at": more["now"], "end": more["end"]} if streams(more) else memory
    else:
        values.update(more, lag=0.0, lag_bytes=0)
        memory = {}
    return Observation({**values, **_own(options, session)}, memory)


def _own(options: Options, session: postgresql.Session) -> dict[str, Any]:
    if not options["query"]:
        return {}
    try:
        return {"answer": session.ask(postgresql_queries.OWN.format(query=options["query"].strip().rstrip(";")))}
    except postgresql.Refused as error:
        return postgresql_words.query_refusal(str(error), error.code)
    except NoAnswer as error:
        return {"refused": str(error)}


def streams(seen: Mapping[str, Any]) -> bool:
    """Whether a WAL receiver is connected; its status is hidden from one who is no member of pg_monitor."""
    receiver = seen["receiver"]
    return receiver is not None and receiver["status"] in ("streaming", None)


def behind(seen: Mapping[str, Any]) -> float | None:
    """Return the bytes that are known to exist and are not replayed; None before anything was received."""
    if seen["end"] is None or seen["replayed"] is None:
        return None
    return float(max(0, seen["end"] - seen["replayed"]))


def lag(seen: Mapping[str, Any], memory: Mapping[str, Any]) -> float | None:
    """Return the seconds that a standby is behind; None where nobody can tell.

    Replayed all while connected: 0, for how old the last transaction is only tells how idle the primary is. Else the age of the last
    replayed transaction, but no more than the time since the last connected look where all that was known then is replayed now.
    """
    bytes_behind, age = behind(seen), seen["replayed_age"]
    if streams(seen) and bytes_behind == 0:
        return 0.0
    bounds = [] if age is None else [float(age)]
    if memory.get("end") is not None and seen["replayed"] is not None and seen["replayed"] >= memory["end"]:
        bounds.append(float(seen["now"] - memory["at"]))
    return max(0.0, min(bounds)) if bounds else None


def decide(options: Options, values: Mapping[str, Any]) -> list[Finding]:
    """Reached, in its role, close behind, and far from its limits?"""
    if "error" in values:
        return database.unreachable(options, values, _SEE)
    findings = [database.answered(options, values, _SEE)]
    findings += database.as_expected(options, values, "Ask the server: SELECT pg_is_in_recovery(); was there a failover?")
    findings += _standby(options, values) if values["role"] == database.STANDBY else _primary(options, values)
    advice = "See who holds them: SELECT usename, application_name, state, count(*) FROM pg_stat_activity GROUP BY 1, 2, 3 ORDER BY 4 DESC;"
    findings.append(database.connections(options, values, advice))
    return findings + _transactions(options, values) + [_wraparound(options, values)] + database.returned(options, values)


def _standby(options: Options, values: Mapping[str, Any]) -> list[Finding]:
    findings, advice = [], "See its log for why it cannot connect: primary_conninfo, pg_hba.conf of the primary, a missing slot or WAL."
    if options["receiver"]:
        found = (values["receiver"] or {"status": "missing"})["status"] or "connected"
        sentence = f"the WAL receiver is {found}" + ("" if streams(values) else ", expected streaming from the primary")
        findings.append(demand("receiver", streams(values), found, "streaming", sentence, advice=advice))
    if values["paused"]:
        findings.append(demand("replay", False, "paused", "running", "replay is paused", state="warn",
                               advice="Go on with: SELECT pg_wal_replay_resume();"))
    slow = "See what it replays, and what holds it: SELECT * FROM pg_stat_wal_receiver; pg_stat_activity for long queries on the standby."
    none = ("nothing was replayed yet", "Wait for the first transaction of the primary.")
    findings += database.within("lag", values["lag"], options["lag"], SECONDS, "lag behind the primary", advice=slow, blind=none)
    return findings + database.within("lag_bytes", values["lag_bytes"], options["lag_bytes"], BYTES, "lag behind the primary",
                                      advice=slow, blind=none)


def _primary(options: Options, values: Mapping[str, Any]) -> list[Finding]:
    seen = [{**one, "seconds": 0.0 if one["bytes"] == 0 else one["seconds"]} for one in values["standbys"]]
    advice = "Compare: SELECT * FROM pg_stat_replication; then see the log of the standby."
    findings = database.standbys(options, {"standbys": seen}, advice, _blind(values))
    idle = [slot for slot in values["slots"] if not slot["active"]]
    names = ", ".join(slot["name"] for slot in idle[:3]) + (", ..." if len(idle) > 3 else "")
    drop = "Bring its standby back, or drop it: SELECT pg_drop_replication_slot('NAME');"
    name = "number of replication slots that nobody reads" + (f" ({names})" if idle else "")
    findings.append(judge("inactive_slots", len(idle), options["inactive_slots"], name=name, advice=drop))
    for slot in [slot for slot in values["slots"] if slot["bytes"] is not None][:1]:
        name = f"WAL kept for the slot {slot['name']}"
        findings.append(judge("slot_bytes", max(0, slot["bytes"]), options["slot_bytes"], BYTES, name=name, advice=drop))
    return findings


def _transactions(options: Options, values: Mapping[str, Any]) -> list[Finding]:
    advice = "See what it does, end it by pg_terminate_backend(pid): SELECT * FROM pg_stat_activity ORDER BY xact_start; pg_prepared_xacts"
    oldest = max(filter(None, (values["transaction"], values["prepared"])), key=lambda one: float(one["age"]), default=None)
    return database.transactions(options, {**values, "transaction": oldest}, advice, _blind(values))


def _wraparound(options: Options, values: Mapping[str, Any]) -> Finding:
    frozen = values["frozen"]
    name = f"age of the oldest unfrozen transaction (database {frozen['database']}, {frozen['age']} of 2^31)"
    advice = "Let vacuum work: end old transactions, drop dead slots, then VACUUM (FREEZE) the tables with the highest age(relfrozenxid)."
    return judge("wraparound", 100.0 * frozen["age"] / _HORIZON, options["wraparound"], PERCENT, name=name, advice=advice)


def _blind(values: Mapping[str, Any]) -> tuple[str, str]:
    if values["monitor"]:
        return "the server has no figure yet", "Look again in a minute."
    return _HIDDEN.format(user=values["user"]), _GRANT.format(user=values["user"])


def refuse(options: Options) -> str | None:
    """Refuse options that contradict each other."""
    if options["passfile"] and (options["password"] or options["password_file"]):
        return "passfile is given beside a password, expected one of them."
    return database.refuse(options)


KIND = Kind(
    name="postgresql",
    text="""\
PostgreSQL 10 or newer: whether it answers, its role, replication lag on a standby, standbys and slots on a primary, connections,
old transactions, and how far transaction numbers are from their end. A user that may do no more than look suffices. With peer
authentication over the unix socket (host: /var/run/postgresql) it needs no password:

    CREATE ROLE vigil LOGIN;
    GRANT pg_monitor TO vigil;

A standby that is connected and has replayed all has a lag of 0, however idle its primary is. Its messages are understood where the
server speaks English (lc_messages).""",
    options=_OPTIONS,
    observe=observe,
    decide=decide,
    refuse=refuse,
    packages=postgresql.PACKAGES[:1],
    example="""\
- name: database
  kind: postgresql
  host: /var/run/postgresql
  user: vigil
  role: primary
  standbys: {warn: 1, fail: 0}
  connections: {warn: 70%, fail: 90%}
""",
)
