# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``port``: who listens on a port, where, and as whom; or that nobody does."""

from __future__ import annotations

import ipaddress
import pwd
from collections.abc import Mapping
from typing import Any

from ..kind import Kind, Look, Option, Options
from ..model import FAIL, PASS, UNKNOWN, CannotTell, Finding, Observation
from ..proc_table import UNIT, read_entry, read_root
from ..sockets import Listener, holders, read_listeners, same_address
from ..thresholds import demand
from ..wanted import FRESH

_OPTIONS = (
    Option("port", "int", "The port.", required=True),
    Option("proto", "str", "The protocol.", default="tcp", choices=("tcp", "udp")),
    Option("expect", "str", "Whether somebody has to listen, or nobody may.", default="open", choices=("open", "closed")),
    Option("address", "str", "Where: loopback (nowhere else), any (all addresses), or one address; empty: somewhere.", default=""),
    Option("program", "str", "The program that has to listen, as ps -o comm shows it; this takes the capabilities above.", default=""),
    Option("unit", "str", "The unit that has to listen; a name without a type is a service; this takes them too.", default=""),
    Option("user", "str", "Name or number of the user who opened the socket.", default=""),
)
_GRANT = "Let the watcher look into the processes: CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH in its unit (AmbientCapabilities)."


def refuse(options: Options) -> str | None:
    """Refuse a port or an address that is none, and an owner of what must be closed."""
    if not 0 < options["port"] < 65536:
        return f"port is {options['port']}, expected 1 to 65535."
    if options["address"] not in ("", "loopback", "any"):
        try:
            ipaddress.ip_address(options["address"])
        except ValueError:
            return f"address is {options['address']!r}, expected loopback, any, or an IP address."
    owner = [name for name in ("address", "program", "unit", "user") if options[name]]
    return f"expect is closed, so {owner[0]} says nothing; take one of them away." if options["expect"] == "closed" and owner else None


def observe(options: Options, look: Look) -> Observation:
    """Read the kernel's table; look for the processes where somebody asks for them, or where the port should be closed."""
    proto = options["proto"]
    table = look.shared.get(f"listeners {proto}", FRESH, lambda: read_listeners(proto))
    if table is None:
        raise CannotTell(f"/proc/net/{proto} is not there", "This kind needs a Linux host with /proc mounted.")
    found = [listener for listener in table if listener.port == options["port"]]
    inodes = {listener.inode for listener in found}
    memory = look.memory if set(look.memory.get("inodes", ())) == inodes else {}
    asked = bool(options["program"] or options["unit"])
    if not inodes or not (asked or "pids" not in memory):
        return Observation(_values(found, memory.get("held", {}), False), memory)
    held, closed = holders(inodes, memory.get("pids", ()))
    named = {str(inode): [_owner(pid) for pid in pids] for inode, pids in held.items()}
    pids = sorted({pid for some in held.values() for pid in some})
    return Observation(_values(found, named, closed), {"inodes": sorted(inodes), "pids": pids, "held": named})


def _values(found: list[Listener], held: Mapping[str, Any], closed: bool) -> dict[str, Any]:
    listeners = [
        {"address": one.address, "loopback": one.is_loopback, "any": one.is_any, "user": one.user, "user_name": _user_name(one.user),
         "owners": held.get(str(one.inode), [])}
        for one in found
    ]
    return {"listeners": listeners, "closed": closed}


def _owner(pid: int) -> dict[str, Any]:
    try:
        entry = read_entry(pid, {UNIT}, root=read_root())
    except PermissionError:
        entry = None
    return {"pid": pid, "program": entry.name if entry else "", "unit": (entry.unit if entry else "") or ""}


def _user_name(user: int) -> str:
    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return str(user)


def decide(options: Options, values: Mapping[str, Any]) -> list[Finding]:
    """Open or closed first; then where, by whom, and as whom."""
    listeners = values["listeners"]
    place = f"{options['proto']} port {options['port']}"
    if options["expect"] == "closed":
        who = "; ".join(map(_words, listeners)) or "nobody"
        return [demand("listening", not listeners, who, "nobody", f"on {place} listens {who}", advice=_who(options))]
    if not listeners:
        return [demand("listening", False, "nobody", "somebody", f"nobody listens on {place}", advice=_advice(options))]
    sentence = f"on {place} listens {'; '.join(map(_words, listeners))}"
    findings = [demand("listening", True, _words(listeners[0]), "somebody", sentence)]
    if options["address"]:
        findings.append(_where(options, listeners, sentence))
    if options["user"]:
        good = all(options["user"] in (one["user_name"], str(one["user"])) for one in listeners)
        findings.append(demand("user", good, listeners[0]["user_name"], options["user"],
                               sentence + ("" if good else f", expected user {options['user']}"), advice=_who(options)))
    expected = {"program": options["program"], "unit": _full(options["unit"])}
    return findings + [_owned(what, wanted, options, values, sentence) for what, wanted in expected.items() if wanted]


def _full(unit: str) -> str:
    return unit if not unit or "." in unit else f"{unit}.service"


def _words(one: Mapping[str, Any]) -> str:
    programs = sorted({owner["program"] for owner in one["owners"] if owner["program"]})
    pids = [str(owner["pid"]) for owner in one["owners"]]
    units = sorted({owner["unit"] for owner in one["owners"] if owner["unit"]})
    shown = ", ".join(pids[:3]) + (", ..." if len(pids) > 3 else "")
    who = f"{'/'.join(programs)} ({', '.join([f'pid {shown}', *units])})" if programs else "a process that cannot be seen"
    return f"{who} at {one['address']} as {one['user_name']}"


def _where(options: Options, listeners: list[Mapping[str, Any]], sentence: str) -> Finding:
    wanted = options["address"]
    if wanted == "loopback":
        good, expected = all(one["loopback"] for one in listeners), "loopback alone"
    elif wanted == "any":
        good, expected = any(one["any"] for one in listeners), "all addresses"
    else:
        good, expected = any(same_address(one["address"], wanted) for one in listeners), wanted
    wrong = [one["address"] for one in listeners if wanted != "loopback" or not one["loopback"]]
    return demand("address", good, (wrong or [listeners[0]["address"]])[0], expected,
                  sentence + ("" if good else f", expected {expected}"), advice=f"Correct the address that it binds to. {_who(options)}")


def _owned(what: str, wanted: str, options: Options, values: Mapping[str, Any], sentence: str) -> Finding:
    """Of several processes that hold one socket, one has to be the right one; each socket needs its own."""
    seen = [[owner[what] for owner in one["owners"]] for one in values["listeners"]]
    name = wanted.encode()[:15].decode(errors="ignore") if what == "program" else wanted
    if all(name in owners for owners in seen):
        return Finding(what, PASS, wanted, wanted, sentence)
    found = next((owner for owners in seen if name not in owners for owner in owners), None)
    if values["closed"] and any(not owners for owners in seen):
        sentence = f"who listens on {options['proto']} port {options['port']} cannot be told: others' processes may not be looked into"
        return Finding(what, UNKNOWN, None, wanted, sentence, advice=_GRANT)
    return Finding(what, FAIL, found, wanted, f"{sentence}, expected {what} {wanted}", advice=_who(options))


def _who(options: Options) -> str:
    return f"See who it is: ss -{options['proto'][0]}lnp 'sport = :{options['port']}'"


def _advice(options: Options) -> str:
    unit = options["unit"] or options["program"]
    return f"See whether the service runs and what it logs: journalctl -u {unit} -n 50" if unit else _who(options)


KIND = Kind(
    name="port",
    text="Who listens on a port of this host: the address, the user, and where the watcher may see it the program and the unit; or that "
         "nobody listens. It looks at the kernel's tables and connects to nothing.",
    options=_OPTIONS,
    observe=observe,
    decide=decide,
    refuse=refuse,
    capabilities=("CAP_SYS_PTRACE", "CAP_DAC_READ_SEARCH"),
    needs=lambda options: bool(options["program"] or options["unit"]),
    example="""\
- name: database port
  kind: port
  port: 5432
  address: loopback
  unit: postgresql@15-main
- name: no telnet
  kind: port
  port: 23
  expect: closed
""",
)
