# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the database kinds (postgresql, mysql, redis) share: options, and decisions over values. Pure.

Values: ``role`` is primary, standby or unknown; ``lag`` the seconds that this host is behind its primary, 0 on a primary, None where
nobody can tell; ``standbys`` a list of {name, seconds, bytes}.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from .clients.secret import read_secret
from .kind import Look, Option, Options
from .model import UNKNOWN, Finding, Limits
from .thresholds import demand, judge
from .units import BYTES, PERCENT, SECONDS, words

if TYPE_CHECKING:
    from .clients.tls import Tls

PRIMARY, STANDBY, NO_ROLE = "primary", "standby", "unknown"
NOTHING: Mapping[str, Any] = {"role": NO_ROLE, "lag": None}

LATENCY = Option("latency", "limits", "Time until the server answers, with connecting and authenticating.", unit=SECONDS, default=Limits())
ROLE = Option("role", "str", "The role that this server has to have.", default="any", choices=("any", PRIMARY, STANDBY))
LAG = Option("lag", "limits", "On a standby: seconds behind its primary; 0 where all that arrived is applied.", unit=SECONDS,
             default=Limits(30.0, 300.0))
LAG_BYTES = Option("lag_bytes", "limits", "On a standby: bytes that are known to be written on the primary and not applied here.",
                   unit=BYTES, default=Limits())
STANDBYS = Option("standbys", "limits", "On a primary: standbys that are connected; the fewer the worse, so {warn: 1, fail: 0}.",
                  worse="below", default=Limits())
STANDBY_LAG = Option("standby_lag", "limits", "On a primary: seconds that the slowest standby is behind.", unit=SECONDS,
                     default=Limits(60.0))
STANDBY_LAG_BYTES = Option("standby_lag_bytes", "limits", "On a primary: bytes that the slowest standby is behind.", unit=BYTES,
                           default=Limits())
CONNECTIONS = Option("connections", "limits", "Connections in use, of those that clients may have.", unit=PERCENT,
                     default=Limits(80.0, 95.0))
TRANSACTION = Option("transaction", "limits", "Age of the oldest open transaction of a client.", unit=SECONDS, default=Limits(4 * 3600.0))
IDLE_TRANSACTION = Option("idle_transaction", "limits", "Time for which a client has left a transaction open without a query.",
                          unit=SECONDS, default=Limits(600.0))
TLS = (
    Option("tls", "bool", "Speak TLS. It is spoken too where ca is given.", default=False),
    Option("ca", "path", "File of the authorities that the server's certificate has to come from; else the system's.", default=None),
    Option("verify", "bool", "Check the server's certificate and name.", default=True),
)
QUERY = Option("query", "str", "A query of your own, which changes nothing; the first column of its first row is looked at.", default="")
EXPECT = Option("expect", "str", "Text that the query has to return.", default=None)
VALUE = Option("value", "limits", "Limits of the number that the query returns.", default=None)


def server(port: int) -> tuple[Option, ...]:
    """Return the options that say where a server is and who asks."""
    return (
        Option("host", "str", "Name or address of the server; a path is a unix socket.", default="127.0.0.1"),
        Option("port", "int", "Port of the server.", default=port),
    )


def password(what: str) -> tuple[Option, ...]:
    """Return the options for a password, the option's own name first."""
    return (
        Option("password", "str", f"Password {what}. Better in password_file: then it is in no inventory.", default=None, secret=True),
        Option("password_file", "path", f"File with the password {what}, as one line.", default=None),
    )


def tls(options: Options) -> Tls | None:
    """Return how to speak TLS, None where it is not wanted."""
    if not (options["tls"] or options["ca"] or options.get("cert")):
        return None
    from .clients.tls import Tls

    return Tls(options["ca"], options.get("cert"), options.get("key"), options["verify"])


def secret(options: Options, look: Look) -> str:
    """Return the password, empty where there is none. Raises CannotTell where its file cannot be read."""
    return str(options["password"] or read_secret(look.system, options["password_file"], "the password file"))


def refuse(options: Options) -> str | None:
    """Refuse what contradicts itself in the shared options."""
    if not 0 < options["port"] < 65536:
        return f"port is {options['port']}, expected 1 to 65535."
    if options["password"] and options["password_file"]:
        return "password and password_file are both given, expected one of them."
    wanted = [name for name in ("expect", "value") if options.get(name) is not None]
    if "query" in options and bool(options["query"]) != bool(wanted):
        return "query needs expect or value." if options["query"] else f"{wanted[0]} needs a query."
    return None


def place(options: Options) -> str:
    """Return where the server is, in words."""
    return str(options["host"]) if options["host"].startswith("/") else f"{options['host']}:{options['port']}"


def unreachable(options: Options, values: Mapping[str, Any], advice: str) -> list[Finding]:
    """Return the finding for a server that refused, or did not answer."""
    error = values["error"]
    return [demand("connected", False, error, "an answer", f"{place(options)}: {error}", advice=values.get("advice") or advice)]


def answered(options: Options, values: Mapping[str, Any], advice: str) -> Finding:
    """Return the finding about the time that the answer took."""
    return judge("latency", values["latency"], options["latency"], SECONDS, name=f"time to an answer of {place(options)}", advice=advice)


def as_expected(options: Options, values: Mapping[str, Any], advice: str) -> list[Finding]:
    """Has the server the role that it should have?"""
    wanted, found = options["role"], values["role"]
    if wanted == "any":
        return []
    return [demand("role", found == wanted, found, wanted, f"the role is {found}, expected {wanted}", advice=advice)]


def within(
    what: str, value: float | None, limits: Limits | None, unit: str, name: str, *, advice: str, blind: tuple[str, str] = ("", "")
) -> list[Finding]:
    """Judge a value; where it is None and has a limit the finding is unknown, for the reason and with the advice in ``blind``."""
    if value is not None:
        return [judge(what, value, limits, unit, name=name, advice=advice)]
    if limits is None or (limits.warn is None and limits.fail is None):
        return []
    return [Finding(what, UNKNOWN, None, "", f"{name} cannot be told: {blind[0]}", advice=blind[1])]


def standbys(options: Options, values: Mapping[str, Any], advice: str, blind: tuple[str, str] = ("", "")) -> list[Finding]:
    """On a primary: are enough standbys there, and how far is the slowest behind?"""
    there = values["standbys"]
    findings = [judge("standbys", len(there), options["standbys"], name="number of standbys", advice=advice)]
    for what, key, unit in (("standby_lag", "seconds", SECONDS), ("standby_lag_bytes", "bytes", BYTES)):
        if there and what in options:
            slowest = max(there, key=lambda standby: (standby[key] is None, standby[key] or 0))
            name = f"lag of the standby {slowest['name']}"
            findings += within(what, slowest[key], options[what], unit, name, advice=advice, blind=blind)
    return findings


def connections(options: Options, values: Mapping[str, Any], advice: str) -> Finding:
    """Judge the share of the connections that are in use."""
    used, most = values["connections"], values["max_connections"]
    share = 100.0 * used / most if most > 0 else 100.0
    name = f"connections in use ({used} of {most})"
    return judge("connections", share, options["connections"], PERCENT, name=name, advice=advice)


def transactions(options: Options, values: Mapping[str, Any], advice: str, blind: tuple[str, str] = ("", "")) -> list[Finding]:
    """Judge the oldest transaction and the one that is idle longest: {age, pid or name, user}, None where there is none.

    ``values["monitor"]`` says whether the user of the check may see the sessions of others.
    """
    findings = []
    for what, title in (("transaction", "age of the oldest transaction"), ("idle_transaction", "time that a transaction is left idle")):
        one = values[what]
        who = f" ({'pid' if 'pid' in one else 'prepared'} {one.get('pid', one.get('name'))}, user {one['user']})" if one else ""
        age = max(0.0, float(one["age"])) if one else 0.0 if values["monitor"] else None
        findings += within(what, age, options[what], SECONDS, title + who, advice=advice, blind=blind)
    return findings


def returned(options: Options, values: Mapping[str, Any]) -> list[Finding]:
    """Compare what the operator's own query returned with what was expected."""
    if not options["query"]:
        return []
    found, advice = values.get("answer"), f"See what it returns: {options['query']}"
    if "refused" in values:
        sentence = f"the query was refused: {values['refused']}"
        return [demand("query", False, values["refused"], "an answer to the query", sentence, advice=advice)]
    findings = []
    if options["expect"] is not None:
        shown = "nothing" if found is None else repr(found)
        sentence = f"the query returned {shown}, expected {options['expect']!r}"
        findings.append(demand("query", found == options["expect"], found, repr(options["expect"]), sentence, advice=advice))
    if options["value"] is not None:
        findings.append(_number(found, options["value"], advice))
    return findings


def _number(found: str | None, limits: Limits, advice: str) -> Finding:
    try:
        return judge("value", float(found or ""), limits, name="what the query returned", advice=advice)
    except ValueError:
        return demand("value", False, found, "a number", f"the query returned {words(found, '')!r}, expected a number", advice=advice)
