# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``tcp``: does a port answer, how fast, and with what?"""

from __future__ import annotations

import socket
from collections.abc import Mapping
from typing import Any

from ..clients import net
from ..kind import Kind, Look, Option, Options
from ..model import Finding, Limits, Observation
from ..pattern import search
from ..thresholds import demand, judge

_READ_LIMIT = 64 * 1024
_OPTIONS = (
    Option("host", "str", "Name or address to connect to.", default="127.0.0.1"),
    Option("port", "int", "Port to connect to.", required=True),
    Option("send", "str", "Text that is sent at once; line ends need double quotes. Not for servers that greet first, as SMTP does: expect "
           "the greeting.", default=""),
    Option("expect", "regex", "Pattern that the answer has to contain within the timeout. Empty: connecting is enough.", default=""),
    Option("latency", "limits", "Time until the connection stands.", unit="s", default=Limits()),
)
_ADVICE = "See whether the service runs and listens there (ss -ltnp), and whether a firewall stands between."


def refuse(options: Options) -> str | None:
    """Refuse a port that is none."""
    return None if 0 < options["port"] < 65536 else f"port is {options['port']}, expected 1 to 65535."


def observe(options: Options, look: Look) -> Observation:
    """Connect, send, and read until the pattern is there."""
    deadline = net.Deadline(look.system.monotonic, look.timeout)
    try:
        with net.connect(options["host"], options["port"], deadline) as link:
            latency = deadline.spent()
            return Observation({"latency": latency, "answer": _talk(net.Stream(link, deadline, _READ_LIMIT), options)})
    except OSError as error:
        return Observation({"error": net.words(error)})


def _talk(stream: net.Stream, options: Options) -> str:
    """Return what is answered until the pattern is there, the deadline or the other side ends it, or it is more than is read."""
    answer, part = b"", bytearray(4096)
    try:
        if options["send"]:
            stream.sendall(options["send"].encode())
        while options["expect"] and not search(options["expect"], answer.decode(errors="replace")):
            got = stream.receive_into(part)
            if not got:
                break
            answer += part[:got]
    except (socket.timeout, net.TooMuch, ConnectionError):
        pass
    return answer.decode(errors="replace")


def decide(options: Options, values: Mapping[str, Any]) -> list[Finding]:
    """Connected, in time, and with the right answer?"""
    place = f"{options['host']}:{options['port']}"
    if "error" in values:
        return [demand("connected", False, values["error"], "a connection", f"no connection to {place}: {values['error']}", advice=_ADVICE)]
    findings = [judge("latency", values["latency"], options["latency"], "s", name=f"time to connect to {place}", advice=_ADVICE)]
    if options["expect"]:
        found = search(options["expect"], values["answer"]) is not None
        shown = values["answer"][:100].strip() or "nothing"
        sentence = f"{place} answered {shown!r}" + ("" if found else f", which does not match {options['expect']!r}")
        findings.append(demand("answer", found, shown, f"an answer that matches {options['expect']!r}", sentence, advice=_ADVICE))
    return findings


KIND = Kind(
    name="tcp",
    text="Connects to a TCP port. It can send a text and wait for an answer that matches a pattern.",
    options=_OPTIONS,
    observe=observe,
    decide=decide,
    refuse=refuse,
    example="""\
- name: mail
  kind: tcp
  port: 25
  expect: '^220 '
  latency: {warn: 200ms, fail: 1s}
""",
)
