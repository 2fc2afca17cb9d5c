# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Echo requests of ICMP (RFC 792, RFC 4443), by the sockets that need no right first, by raw ones where those are not allowed."""

from __future__ import annotations

import os
import select
import socket
import struct
from collections.abc import Callable

from ..model import CannotTell
from . import net

_FORM = struct.Struct("!BBHHH")
# Request and reply of each family.
_TYPES = {socket.AF_INET: (8, 0), socket.AF_INET6: (128, 129)}
_PROTOCOLS = {socket.AF_INET: socket.IPPROTO_ICMP, socket.AF_INET6: socket.IPPROTO_ICMPV6}
_MARK = 16
_ADVICE = ("Allow the group of the checks to ping: sysctl -w net.ipv4.ping_group_range='0 2147483647' (kept in /etc/sysctl.d), "
           "or give the process CAP_NET_RAW.")


def ping(address: net.Address, family: int, count: int, interval: float, deadline: net.Deadline) -> list[float | None]:
    """Send ``count`` requests, ``interval`` seconds apart, and return the seconds until each one's reply, None for those without.

    Raises CannotTell where this process may not send, OSError where the network refuses.
    """
    with _open(family) as link:
        return Round(link, address, family, count).run(interval, deadline)


def _open(family: int) -> socket.socket:
    for kind in (socket.SOCK_DGRAM, socket.SOCK_RAW):
        try:
            return socket.socket(family, kind, _PROTOCOLS[socket.AddressFamily(family)])
        except PermissionError:
            continue
    raise CannotTell("this process may not send ICMP", _ADVICE)


def checksum(data: bytes) -> int:
    """Return the checksum of RFC 1071: the complement of the sum of all 16-bit words, carries added in."""
    total: int = sum(struct.unpack(f"!{(len(data) + 1) // 2}H", data + b"\0" * (len(data) % 2)))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return 0xFFFF - total


def request(family: int, identity: int, number: int, mark: bytes) -> bytes:
    """Return an echo request. The kernel fills in the checksum of ICMPv6, which covers addresses too."""
    kind = _TYPES[socket.AddressFamily(family)][0]
    total = checksum(_FORM.pack(kind, 0, 0, identity, number) + mark) if family == socket.AF_INET else 0
    return _FORM.pack(kind, 0, total, identity, number) + mark


def reply_to(data: bytes, family: int, mark: bytes) -> int | None:
    """Return the number of the request that this is the reply to; None where it is something else. ``mark`` is what all of ours carry."""
    if family == socket.AF_INET and data[:1] and data[0] >> 4 == 4 and (data[0] & 15) >= 5:
        # A raw socket of IPv4 shows the IP header too; no ICMP message begins with 0x45 and more.
        data = data[(data[0] & 15) * 4 :]
    if len(data) < _FORM.size + len(mark) or data[_FORM.size : _FORM.size + len(mark)] != mark:
        return None
    kind, _code, _sum, _identity, number = _FORM.unpack_from(data)
    return number if kind == _TYPES[socket.AddressFamily(family)][1] else None


class Round:
    """Some requests to one address, and the replies to them. A random mark tells ours from those of others."""

    def __init__(self, link: socket.socket, address: net.Address, family: int, count: int) -> None:
        self._link, self._address, self._family, self._count = link, address, family, count
        self._identity, self._mark = int.from_bytes(os.urandom(2), "big"), os.urandom(_MARK)
        self._sent: dict[int, float] = {}
        self._times: dict[int, float] = {}

    def run(self, interval: float, deadline: net.Deadline) -> list[float | None]:
        """Send and listen; see ``ping``."""
        clock = deadline.clock
        for number in range(self._count):
            self._send(number, clock, deadline)
            rest = number == self._count - 1
            until = deadline.left() if rest else min(interval, deadline.left())
            self._listen(clock, clock() + until, rest)
        return [self._times.get(number) for number in range(self._count)]

    def _send(self, number: int, clock: Callable[[], float], deadline: net.Deadline) -> None:
        self._link.settimeout(deadline.left())
        self._sent[number] = clock()
        try:
            self._link.sendto(request(self._family, self._identity, number, self._mark), self._address)
        except PermissionError:
            raise CannotTell("this host's packet filter does not let ICMP out", "See nft list ruleset, or iptables -L OUTPUT.")

    def _listen(self, clock: Callable[[], float], until: float, last: bool) -> None:
        """Take replies until then; after the last request, until all are there."""
        while clock() < until and not (last and len(self._times) == self._count):
            if not select.select([self._link], [], [], max(0.0, until - clock()))[0]:
                return
            data = self._link.recv(2048)
            now = clock()
            number = reply_to(data, self._family, self._mark)
            if number in self._sent and number not in self._times:
                self._times[number] = now - self._sent[number]
