# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``dns``: does a name server, or the host's own resolver, know a name, and is the answer the right one?"""

from __future__ import annotations

import ipaddress
import re
import socket
from collections.abc import Mapping
from typing import Any

from ..clients import dns, dns_wire, net
from ..kind import Kind, Look, Option, Options
from ..model import CannotTell, Finding, Limits, Observation
from ..thresholds import demand, judge

_SYSTEM = "system"
_MOST = 100
_OPTIONS = (
    Option("query", "str", "The name that is asked for; with PTR also an address.", required=True),
    Option("type", "str", "The type of record that is asked for.", default="A", choices=tuple(dns_wire.TYPES)),
    Option("server", "str", "Name server to ask; without it the first of /etc/resolv.conf; `system` asks as programs of the host do, "
           "/etc/hosts included.", default=""),
    Option("port", "int", "Port of the name server.", default=53),
    Option("expect", "list", "Records that have to be in the answer, written as `dig +short` does, without the last dot.", default=()),
    Option("only", "bool", "Whether the answer may have no other records than `expect`.", default=False),
    Option("pattern", "regex", "Pattern that one of the records has to match.", default=""),
    Option("tcp", "bool", "Whether to ask by TCP at once; an answer that is too long for UDP is asked for by TCP anyway.", default=False),
    Option("latency", "limits", "Time until the answer is there.", unit="s", default=Limits()),
)
_ADVICE = "Ask it yourself: dig @SERVER NAME TYPE; see whether the name server runs and whether port 53 is open, UDP and TCP."
_CODES = {
    "NXDOMAIN": ("there is no such name", "See the zone: was the record removed, or never made? dig NAME SOA shows its serial."),
    "SERVFAIL": ("the server cannot get an answer (SERVFAIL)", "See the server's log: a dead upstream server, or a DNSSEC "
                 "signature that is no longer valid (dig +cd)."),
    "REFUSED": ("the server does not serve us (REFUSED)", "See the server's access list."),
}


def refuse(options: Options) -> str | None:
    """Refuse names that are none, and what the host's own resolver cannot do."""
    try:
        dns_wire.question(0, _query(options), options["type"])
    except ValueError:
        return f"query: {options['query']!r} was found, expected a name such as www.example.org."
    if options["server"] == _SYSTEM and options["type"] not in ("A", "AAAA"):
        return f"server: {_SYSTEM} knows A and AAAA, not {options['type']}; name a server."
    if options["only"] and not options["expect"]:
        return "only without expect was found: name the records."
    return None if 0 < options["port"] < 65536 else f"port is {options['port']}, expected 1 to 65535."


def _query(options: Options) -> str:
    return dns_wire.asked_name(options["query"], options["type"])


def observe(options: Options, look: Look) -> Observation:
    """Ask once; over UDP as often as fits into the timeout."""
    deadline = net.Deadline(look.system.monotonic, look.timeout)
    server = options["server"] or _first(look)
    try:
        values = _by_system(options, deadline) if server == _SYSTEM else _by_server(server, options, deadline)
    except OSError as error:
        values = {"error": net.words(error)}
    except ValueError as error:
        values = {"error": str(error)}
    return Observation({"server": server, "latency": deadline.spent(), **values})


def _first(look: Look) -> str:
    server = dns.first_server((look.system.read("/etc/resolv.conf") or b"").decode(errors="replace"))
    if not server:
        raise CannotTell("/etc/resolv.conf names no server", "Name one in `server`, or ask the host's own resolver: server: system.")
    return server


def _by_server(server: str, options: Options, deadline: net.Deadline) -> dict[str, Any]:
    found = dns.ask(server, options["port"], _query(options), options["type"], deadline, tcp=options["tcp"])
    return {"code": found.code, "records": sorted(set(found.records))[:_MOST]}


def _by_system(options: Options, deadline: net.Deadline) -> dict[str, Any]:
    family = socket.AF_INET if options["type"] == "A" else socket.AF_INET6
    try:
        found = net.resolve(options["query"], 0, deadline)
    except socket.gaierror as error:
        if error.errno in (socket.EAI_NONAME, getattr(socket, "EAI_NODATA", -5)):
            return {"code": "NXDOMAIN", "records": []}
        raise
    return {"code": "NOERROR", "records": sorted({str(entry[4][0]) for entry in found if entry[0] == family})[:_MOST]}


def decide(options: Options, values: Mapping[str, Any]) -> list[Finding]:
    """Did it answer, with records, the right ones, in time?"""
    what = f"{options['type']} of {options['query']}"
    place = "this host's resolver" if values["server"] == _SYSTEM else values["server"]
    if "error" in values:
        sentence = f"no answer from {place} for {what}: {values['error']}"
        return [demand("answered", False, values["error"], "an answer", sentence, advice=_ADVICE)]
    records = values["records"]
    if values["code"] != "NOERROR" or not records:
        words, advice = _CODES.get(values["code"], (f"the server answers {values['code']}", _ADVICE))
        if values["code"] == "NOERROR":
            words, advice = f"the name has no record of this type ({options['type']})", _CODES["NXDOMAIN"][1]
        return [demand("records", False, values["code"], "a record", f"{place} knows no {what}: {words}", advice=advice)]
    findings = [_expected(options, records, f"{place} says {what} is {', '.join(records[:5])}")]
    return [*findings, judge("latency", values["latency"], options["latency"], "s", name=f"time of {place} to answer", advice=_ADVICE)]


def _expected(options: Options, records: list[str], sentence: str) -> Finding:
    known, wanted = {_same(record) for record in records}, {_same(record): record for record in options["expect"]}
    missing = [record for same, record in wanted.items() if same not in known]
    others = [record for record in records if options["only"] and _same(record) not in wanted]
    unmatched = options["pattern"] and not any(re.search(options["pattern"], record) for record in records)
    wrong = [f"{', '.join(missing)} is missing"] * bool(missing) + [f"{', '.join(others[:5])} should not be there"] * bool(others)
    wrong += [f"nothing matches {options['pattern']!r}"] * bool(unmatched)
    expected = ", ".join([*options["expect"], *([f"what matches {options['pattern']!r}"] if options["pattern"] else [])]) or "a record"
    shown = ", ".join(records)[:200]
    return demand("records", not wrong, shown, expected, "; ".join([sentence, *wrong]), advice=_CODES["NXDOMAIN"][1])


def _same(record: str) -> str:
    """Return a form in which equal records are equal: addresses, and names in any case, with or without the last dot."""
    try:
        return str(ipaddress.ip_address(record))
    except ValueError:
        return record.rstrip(".").lower()


KIND = Kind(
    name="dns",
    text="Asks a name server, or the host's own resolver, for a name, and compares the records.",
    options=_OPTIONS,
    observe=observe,
    decide=decide,
    refuse=refuse,
    example="""\
- name: address of the database
  kind: dns
  query: db.example.org
  server: 10.0.0.53
  expect: [10.0.0.21]
  latency: {warn: 100ms, fail: 1s}
""",
)
