# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ask a DNS server over UDP, and over TCP where the answer does not fit."""

from __future__ import annotations

import os
import re
import socket
import struct

from . import dns_wire, net

# One lost packet is no failure: the question is sent this often within the deadline.
_TRIES = 3
_UDP_LIMIT = 4096


def first_server(resolv_conf: str) -> str | None:
    """Return the first name server of a resolv.conf. Pure."""
    found = re.search(r"^\s*nameserver\s+(\S+)", resolv_conf, re.M)
    return found.group(1) if found else None


def ask(server: str, port: int, name: str, kind: str, deadline: net.Deadline, *, tcp: bool = False) -> dns_wire.Answer:
    """Ask one server. Raises OSError where it does not answer, ValueError where its answer cannot be read."""
    identity = int.from_bytes(os.urandom(2), "big")
    packet = dns_wire.question(identity, name, kind)
    if not tcp:
        found = _udp(server, port, packet, (identity, name, kind), deadline)
        if not found.truncated:
            return found
    with net.connect(server, port, deadline) as link:
        stream = net.Stream(link, deadline, 2 + 65535)
        stream.sendall(struct.pack("!H", len(packet)) + packet)
        (length,) = struct.unpack("!H", stream.exactly(2))
        return dns_wire.answer(stream.exactly(length), identity, name, kind)


def _udp(server: str, port: int, packet: bytes, asked: tuple[int, str, str], deadline: net.Deadline) -> dns_wire.Answer:
    family, kind, protocol, _name, address = net.resolve(server, port, deadline, socket.SOCK_DGRAM)[0]
    with socket.socket(family, kind, protocol) as link:
        # Connected, so that packets of others are not seen, and a closed port is told.
        link.connect(address)
        wait = deadline.left() / _TRIES
        while True:
            link.settimeout(deadline.left())
            link.send(packet)
            found = _await(link, asked, deadline, net.Deadline(deadline.clock, wait))
            if found:
                return found


def _await(link: socket.socket, asked: tuple[int, str, str], deadline: net.Deadline, turn: net.Deadline) -> dns_wire.Answer | None:
    """Return the answer that comes in this turn. What answers another question, or none, is passed over: anyone can send it."""
    broken: list[ValueError] = []
    while True:
        try:
            link.settimeout(min(deadline.left(), turn.left()))
            return dns_wire.answer(link.recv(_UDP_LIMIT), *asked)
        except socket.timeout:
            if broken:
                raise broken[-1] from None
            deadline.left()
            return None
        except ValueError as error:
            broken.append(error)
