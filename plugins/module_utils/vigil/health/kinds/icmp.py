# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``icmp``: does a host answer a ping, how fast, and how often not?"""

from __future__ import annotations

import socket
from collections.abc import Mapping
from typing import Any

from ..clients import icmp, net
from ..kind import Kind, Look, Option, Options
from ..model import Finding, Limits, Observation
from ..thresholds import demand, judge

_FAMILIES = {"any": socket.AF_UNSPEC, "ipv4": socket.AF_INET, "ipv6": socket.AF_INET6}
_OPTIONS = (
    Option("host", "str", "Name or address to ping.", required=True),
    Option("family", "str", "Kind of address to ping; `any` takes the first one of the name.", default="any", choices=tuple(_FAMILIES)),
    Option("count", "int", "Requests of one look.", default=3),
    Option("interval_between", "duration", "Time between two requests; shortened where the timeout does not hold them all.", default=0.2),
    Option("latency", "limits", "Time until a reply, on average.", unit="s", default=Limits()),
    Option("loss", "limits", "Share of requests without a reply within the timeout. A host that never replies always fails.", unit="%",
           default=Limits(50.0, 100.0)),
)
_ADVICE = "See whether the host is up and the way to it: ping HOST; ip route get ADDRESS; mtr HOST. Some firewalls drop ICMP on purpose."


def refuse(options: Options) -> str | None:
    """Refuse a flood, and no request at all."""
    if not 1 <= options["count"] <= 100:
        return f"count is {options['count']}, expected 1 to 100."
    if options["interval_between"] < 0.01:
        return f"interval_between is {options['interval_between']:g} s, expected 10ms or more."
    return None


def observe(options: Options, look: Look) -> Observation:
    """Send the requests and wait for the replies, within the timeout. Raises CannotTell where this process may not send."""
    deadline = net.Deadline(look.system.monotonic, look.timeout)
    try:
        family, address = _address(options, deadline)
        # Half of the time is left for the last replies.
        interval = min(options["interval_between"], deadline.left() / 2 / options["count"])
        times = icmp.ping(address, family, options["count"], interval, deadline)
    except OSError as error:
        return Observation({"error": net.words(error)})
    known = [seconds for seconds in times if seconds is not None]
    latency = {"latency": sum(known) / len(known), "slowest": max(known)} if known else {}
    return Observation({"sent": len(times), "received": len(known), **latency})


def _address(options: Options, deadline: net.Deadline) -> tuple[int, net.Address]:
    wanted = _FAMILIES[options["family"]]
    for family, _kind, _protocol, _name, address in net.resolve(options["host"], 0, deadline, socket.SOCK_DGRAM):
        if family in (wanted, wanted or family):
            return family, address
    raise OSError(f"{options['host']} has no address of {options['family']}")


def decide(options: Options, values: Mapping[str, Any]) -> list[Finding]:
    """Did it reply, often enough, fast enough?"""
    host = options["host"]
    if "error" in values:
        return [demand("answered", False, values["error"], "a reply", f"{host} cannot be pinged: {values['error']}", advice=_ADVICE)]
    sent, received = values["sent"], values["received"]
    if not received:
        return [demand("answered", False, "no reply", "a reply", f"{host} did not reply to {sent} requests", advice=_ADVICE)]
    name = f"loss on the way to {host} ({sent - received} of {sent} requests)"
    return [
        judge("loss", 100.0 * (sent - received) / sent, options["loss"], "%", name=name, advice=_ADVICE),
        judge("latency", values["latency"], options["latency"], "s", name=f"time until {host} replies", advice=_ADVICE),
    ]


KIND = Kind(
    name="icmp",
    text="Pings a host, and judges how long it takes and how many requests get no reply.",
    options=_OPTIONS,
    observe=observe,
    decide=decide,
    refuse=refuse,
    capabilities=("CAP_NET_RAW",),
    example="""\
- name: way to the gateway
  kind: icmp
  host: 10.0.0.1
  count: 5
  latency: {warn: 20ms, fail: 200ms}
  loss: {warn: 20%, fail: 60%}
""",
)
