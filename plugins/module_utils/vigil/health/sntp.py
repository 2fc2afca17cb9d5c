# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ask time servers how far off this clock is: SNTP version 4 (RFC 4330; the packet is that of RFC 5905, 7.3)."""

from __future__ import annotations

import os
import select
import socket
import struct
from collections.abc import Sequence
from dataclasses import dataclass

from ..system import System
from .stuck import Stuck, within

_SIZE = 48
_ASK = 0x23  # no leap warning, version 4, mode 3 (client)
_SERVER, _NO_CLOCK = 4, 3
_EPOCH = 2_208_988_800  # 1900 to 1970, in seconds
_TURN = 2**64


@dataclass(frozen=True)
class Answer:
    """What a server said. ``offset`` is its time less ours, ``delay`` the way there and back, in seconds; or ``error`` says why not."""

    server: str
    offset: float = 0.0
    delay: float = 0.0
    error: str = ""


@dataclass(frozen=True)
class _Sent:
    server: str
    link: socket.socket
    nonce: bytes
    wall: float
    at: float


def ask(servers: Sequence[str], port: int, timeout: float, system: System) -> list[Answer]:
    """Ask all servers at once and return an answer for each within ``timeout`` seconds, names resolved in that time too. Never raises."""
    deadline = system.monotonic() + timeout
    answers: list[Answer] = []
    sent: list[_Sent] = []
    try:
        for index, server in enumerate(servers):
            share = (deadline - system.monotonic()) / (len(servers) - index + 1)
            try:
                sent.append(_send(server, port, share, system))
            except (OSError, Stuck, UnicodeError) as error:
                answers.append(Answer(server, error=f"{server}: {getattr(error, 'strerror', None) or error}"))
        return answers + _collect(sent, deadline, system)
    finally:
        for one in sent:
            one.link.close()


def parse(packet: bytes, nonce: bytes, wall: float, elapsed: float, server: str = "") -> Answer:
    """Read an answer to a question sent at ``wall`` (epoch) with ``nonce`` as its time, received ``elapsed`` seconds later. Pure.

    Refused are answers that RFC 4330, 5 tells a client to discard. offset = ((T2 - T1) + (T3 - T4)) / 2, delay = (T4 - T1) - (T3 - T2);
    the differences are taken in whole turns of 2**32 seconds, so that 2036 is a year like any other.
    """
    if len(packet) < _SIZE:
        return Answer(server, error=f"{server}: an answer of {len(packet)} bytes, expected {_SIZE}")
    first, stratum = packet[0], packet[1]
    if packet[24:32] != nonce or first & 7 != _SERVER:
        return Answer(server, error=f"{server}: an answer to somebody else's question")
    if stratum == 0:
        return Answer(server, error=f"{server} refuses: {packet[12:16].decode('ascii', 'replace')} (kiss of death, RFC 4330, 8)")
    received, transmitted = struct.unpack("!QQ", packet[32:48])
    if first >> 6 == _NO_CLOCK or stratum > 15 or not transmitted:
        return Answer(server, error=f"{server} is not synchronized itself")
    there = _difference(received, _stamp(wall))
    back = _difference(transmitted, _stamp(wall + elapsed))
    return Answer(server, (there + back) / 2, max(0.0, elapsed - _difference(transmitted, received)))


def _send(server: str, port: int, seconds: float, system: System) -> _Sent:
    found = within(f"the name service for {server}", seconds, lambda: socket.getaddrinfo(server, port, type=socket.SOCK_DGRAM))
    family, kind, protocol, _name, address = found[0]
    link = socket.socket(family, kind, protocol)
    try:
        link.setblocking(False)
        link.connect(address)
        nonce = os.urandom(8)
        one = _Sent(server, link, nonce, system.now(), system.monotonic())
        link.send(struct.pack("!B39x", _ASK) + nonce)
    except OSError:
        link.close()
        raise
    return one


def _collect(sent: Sequence[_Sent], deadline: float, system: System) -> list[Answer]:
    waiting = {one.link: one for one in sent}
    answers = []
    while waiting:
        left = deadline - system.monotonic()
        ready = select.select(list(waiting), [], [], left)[0] if left > 0 else []
        if not ready:
            break
        answers += [_receive(waiting.pop(link), system) for link in ready]
    return answers + [Answer(one.server, error=f"{one.server}: no answer in time") for one in waiting.values()]


def _receive(one: _Sent, system: System) -> Answer:
    try:
        packet = one.link.recv(512)
    except OSError as error:
        return Answer(one.server, error=f"{one.server}: {error.strerror}")
    return parse(packet, one.nonce, one.wall, system.monotonic() - one.at, one.server)


def _stamp(wall: float) -> int:
    return int((wall + _EPOCH) * 2**32) % _TURN


def _difference(later: int, earlier: int) -> float:
    """Seconds between two stamps, the shorter way round."""
    apart = (later - earlier) % _TURN
    return (apart - _TURN if apart >= _TURN // 2 else apart) / 2**32
