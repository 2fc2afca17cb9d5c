# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``redis``: does the server answer, in its role, linked to its primary, with room, and with its data on disk?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .. import database
from ..clients import redis
from ..clients.link import NoAnswer
from ..clients.net import Deadline
from ..kind import Kind, Look, Option, Options
from ..model import FAIL, WARN, Finding, Limits, Observation
from ..thresholds import demand, judge
from ..units import BYTES, PERCENT, SECONDS, words

# A primary speaks at least this often (repl-ping-replica-period); a shorter silence is no lag.
_PING_PERIOD = 10
_OPTIONS = (
    *database.server(6379),
    Option("user", "str", "User of the access list (ACL). Empty: the default user.", default=""),
    *database.password("of the user"),
    *database.TLS,
    Option("cert", "path", "File of a client certificate.", default=None),
    Option("key", "path", "File of its key.", default=None),
    database.LATENCY, database.ROLE, database.LAG, database.LAG_BYTES, database.STANDBYS, database.STANDBY_LAG, database.STANDBY_LAG_BYTES,
    Option("memory", "limits", "Memory in use, of maxmemory. Not given: 80% warns and 95% fails where the server evicts nothing "
           "(noeviction); where it evicts keys it may be full.", unit=PERCENT, default=None),
    database.CONNECTIONS,
    Option("rejected", "limits", "Connections that were rejected since the last look, for want of room.", default=Limits(1.0)),
    Option("blocked", "limits", "Clients that wait in a blocking command.", default=Limits()),
    Option("persistence", "bool", "The last save and the last write of the append-only file have to be good.", default=True),
    Option("unsaved", "limits", "Age of the last save (RDB), while there are changes since.", unit=SECONDS, default=Limits()),
)
_SEE = "See its log: journalctl -u 'redis*' -n 50, or the logfile of its configuration."
_DISK = "See its log for why, and the room on the disk of its folder: CONFIG GET dir; df -h"
_NUMBERS = (
    "connected_clients", "maxclients", "blocked_clients", "rejected_connections", "used_memory", "maxmemory", "loading_eta_seconds",
    "rdb_changes_since_last_save", "rdb_last_save_time", "master_link_down_since_seconds", "master_last_io_seconds_ago",
    "master_repl_offset", "slave_repl_offset", "slave_read_repl_offset",
)
_TEXTS = ("redis_version", "maxmemory_policy", "rdb_last_bgsave_status", "aof_last_write_status", "aof_last_bgrewrite_status",
          "master_host", "master_link_status", "master_sync_in_progress", "aof_enabled")


def observe(options: Options, look: Look) -> Observation:
    """Ask for the figures, then ping: while it loads it refuses to, and the library drops the connection."""
    deadline = Deadline(look.system.monotonic, look.timeout)
    account = _account(options, look)
    try:
        with redis.connect(account, deadline, look.shared) as session:
            seen = parse(session.ask("INFO"))
            values = {"latency": deadline.spent(), "now": look.system.now(), **seen, "ping": _ping(session)}
    except NoAnswer as error:
        return Observation({**database.NOTHING, "error": str(error)}, look.memory)
    except redis.Refused as error:
        return Observation({**database.NOTHING, "error": str(error)}, look.memory)
    before, now = look.memory.get("rejected"), values["rejected_connections"]
    values["rejected"] = None if before is None or now is None else now - before if now >= before else now
    return Observation({**values, **place_in(values)}, {"rejected": now})


def _account(options: Options, look: Look) -> redis.Account:
    secret = database.secret(options, look)
    return redis.Account(options["host"], options["port"], options["user"], secret, database.tls(options))


def _ping(session: redis.Session) -> str:
    """Return why PING is refused, empty where it is not: a server that cannot save refuses it and still answers INFO."""
    try:
        session.ask("PING")
        return ""
    except redis.Refused as error:
        return str(error)


def parse(info: str) -> dict[str, Any]:
    """Return what this kind looks at of the text that INFO answers with; figures that a version does not tell are None."""
    pairs = dict(line.split(":", 1) for line in info.splitlines() if ":" in line and not line.startswith("#"))
    values: dict[str, Any] = {name: _number(pairs.get(name)) for name in _NUMBERS}
    values.update({name: pairs.get(name, "") for name in _TEXTS})
    standbys = [_standby(pairs[f"slave{index}"], values) for index in range(100) if f"slave{index}" in pairs]
    return {**values, "loading": pairs.get("loading") == "1", "says": pairs.get("role", ""), "standbys": standbys}


def _number(text: str | None) -> float | None:
    try:
        return float(text or "")
    except ValueError:
        return None


def _standby(text: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """Read ``ip=...,port=...,state=online,offset=...,lag=...``: lag is seconds since it last said how far it is."""
    pairs = dict(pair.split("=", 1) for pair in text.split(",") if "=" in pair)
    offset, end = _number(pairs.get("offset")), values["master_repl_offset"]
    return {
        "name": f"{pairs.get('ip')}:{pairs.get('port')}", "state": pairs.get("state", ""), "seconds": _number(pairs.get("lag")),
        "bytes": None if offset is None or end is None else max(0.0, end - offset),
    }


def place_in(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return role, lag and lag_bytes. A silence of the primary that is shorter than its pings is no lag."""
    if values["loading"] or values["says"] not in ("master", "slave"):
        return dict(database.NOTHING, lag_bytes=None)
    if values["says"] == "master":
        return {"role": database.PRIMARY, "lag": 0.0, "lag_bytes": 0.0}
    silence = values["master_last_io_seconds_ago"]
    if values["master_link_status"] != "up":
        down = values["master_link_down_since_seconds"]
        lag = None if down is None or down < 0 else down
    else:
        lag = 0.0 if silence is not None and 0 <= silence <= _PING_PERIOD else silence
    got, done = values["slave_read_repl_offset"], values["slave_repl_offset"]
    return {"role": database.STANDBY, "lag": lag, "lag_bytes": None if got is None or done is None else max(0.0, got - done)}


def decide(options: Options, values: Mapping[str, Any]) -> list[Finding]:
    """Reached, in its role, linked, with room, and with its data on disk?"""
    if "error" in values:
        return database.unreachable(options, values, _SEE)
    if values["loading"]:
        return [_loading(values["loading_eta_seconds"])]
    findings = [database.answered(options, values, _SEE)]
    if values["ping"]:
        findings.append(demand("ping", False, values["ping"], "PONG", f"PING was refused: {values['ping']}", advice=_SEE))
    findings += database.as_expected(options, values, "Ask the server: ROLE; was there a failover?")
    findings += _standby_findings(options, values) if values["role"] == database.STANDBY else _primary(options, values)
    return findings + _room(options, values) + (_persistence(values) if options["persistence"] else []) + _unsaved(options, values)


def _loading(left: float | None) -> Finding:
    sentence = "the server loads its data from disk" + ("" if left is None else f", {words(left, SECONDS)} are left")
    advice = "Wait; INFO persistence says how far it is."
    return demand("loading", False, "loading", "its data in memory", sentence, state=WARN, advice=advice)


def _primary(options: Options, values: Mapping[str, Any]) -> list[Finding]:
    online = [one for one in values["standbys"] if one["state"] == "online"]
    return database.standbys(options, {"standbys": online}, "Compare: INFO replication; then see the log of the replica.")


def _standby_findings(options: Options, values: Mapping[str, Any]) -> list[Finding]:
    up, syncs = values["master_link_status"] == "up", values["master_sync_in_progress"] == "1"
    state = "up" if up else "down, a full copy is on its way" if syncs else "down"
    sentence = f"the link to the primary {values['master_host']} is {state}"
    advice = "See its log, and whether masterauth and masteruser are right: journalctl -u 'redis*' -n 50"
    findings = [demand("link", up, values["master_link_status"] or "down", "up", sentence, advice=advice)]
    none = ("the link has never been up", "See the log of the replica for why.")
    findings += database.within("lag", values["lag"], options["lag"], SECONDS, "time since the primary spoke", advice=advice, blind=none)
    old = ("this version does not tell it", "Redis 7 or newer was expected; take lag_bytes away.")
    name = "data that is received and not applied"
    return findings + database.within("lag_bytes", values["lag_bytes"], options["lag_bytes"], BYTES, name, advice=advice, blind=old)


def _room(options: Options, values: Mapping[str, Any]) -> list[Finding]:
    findings = []
    if values["maxmemory"]:
        limits = options["memory"] or (Limits(80.0, 95.0) if values["maxmemory_policy"] == "noeviction" else Limits())
        used, most = words(values["used_memory"], BYTES), words(values["maxmemory"], BYTES)
        name = f"memory in use ({used} of {most}, {values['maxmemory_policy']})"
        findings.append(judge("memory", 100.0 * values["used_memory"] / values["maxmemory"], limits, PERCENT, name=name,
                              advice="See what fills it: MEMORY STATS; redis-cli --bigkeys; or raise maxmemory."))
    if values["maxclients"]:
        seen = {"connections": int(values["connected_clients"] or 0), "max_connections": int(values["maxclients"])}
        findings.append(database.connections(options, seen, "See who holds them: CLIENT LIST"))
    advice = "See: INFO clients; CLIENT LIST; CONFIG GET maxclients"
    for what, value, name in (("rejected", values["rejected"], "connections rejected since the last look"),
                              ("blocked", values["blocked_clients"], "blocked clients")):
        if value is not None:
            findings.append(judge(what, value, options[what], name=f"number of {name}", advice=advice))
    return findings


def _persistence(values: Mapping[str, Any]) -> list[Finding]:
    saved = values["rdb_last_bgsave_status"]
    findings = [demand("save", saved in ("ok", ""), saved, "ok", f"the last save to disk is {saved or 'not told'}", advice=_DISK)]
    if values["aof_enabled"] == "1":
        for what, key, state in (("write", "aof_last_write_status", FAIL), ("rewrite", "aof_last_bgrewrite_status", WARN)):
            said = values[key]
            sentence = f"the last {what} of the append-only file is {said}"
            findings.append(demand(what, said in ("ok", ""), said, "ok", sentence, advice=_DISK, state=state))
    return findings


def _unsaved(options: Options, values: Mapping[str, Any]) -> list[Finding]:
    changes, saved = values["rdb_changes_since_last_save"], values["rdb_last_save_time"]
    if changes is None or saved is None:
        return []
    age = max(0.0, values["now"] - saved) if changes else 0.0
    name = f"age of the last save, with {changes:.0f} changes since,"
    return [judge("unsaved", age, options["unsaved"], SECONDS, name=name, advice=_DISK)]


def refuse(options: Options) -> str | None:
    """Refuse options that contradict each other."""
    if bool(options["cert"]) != bool(options["key"]):
        return "cert and key have to be given together."
    if options["user"] and not (options["password"] or options["password_file"]):
        return "user needs password or password_file."
    return database.refuse(options)


KIND = Kind(
    name="redis",
    text="""\
Redis 5 or newer (and Valkey): whether it answers, its role, the link to its primary, replicas, memory, connections, and whether its
data reaches the disk. While it loads its data the check warns. A user that may do no more than look suffices (Redis 6 or newer):

    ACL SETUSER vigil on '>...' +ping +info

A replica applies at once what it receives: its lag is the time for which it has heard nothing, 0 within the 10 s between two pings.
Sentinel and Cluster are not asked.""",
    options=_OPTIONS,
    observe=observe,
    decide=decide,
    refuse=refuse,
    packages=(redis.PACKAGE,),
    example="""\
- name: cache
  kind: redis
  password_file: /etc/vigil/redis.password
  role: primary
  standbys: {warn: 1}
  memory: {warn: 85%, fail: 95%}
""",
)
