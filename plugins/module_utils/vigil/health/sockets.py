# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who listens, by the kernel's tables in /proc/net, and which processes hold a socket."""

from __future__ import annotations

import ipaddress
import os
import sys
from collections.abc import Collection, Iterable
from dataclasses import dataclass

_FILES = {"tcp": ("tcp", "tcp6"), "udp": ("udp", "udp6")}
# include/net/tcp_states.h: TCP_LISTEN is 10; a UDP socket that is bound and not connected shows 7 (TCP_CLOSE).
_LISTENING = {"tcp": "0A", "udp": "07"}
_CHUNK = 64 * 1024


@dataclass(frozen=True)
class Listener:
    """A socket that waits for others. ``address`` as written by a person, ``user`` the number of the user who made it."""

    address: str
    port: int
    user: int
    inode: int

    @property
    def is_loopback(self) -> bool:
        """Whether only this host can reach it."""
        return _plain(self.address).is_loopback

    @property
    def is_any(self) -> bool:
        """Whether every address of the host is meant."""
        return _plain(self.address).is_unspecified


def same_address(first: str, second: str) -> bool:
    """Return whether two addresses are one, however they are written. Raises ValueError for what is no address."""
    return _plain(first) == _plain(second)


def _plain(address: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """An IPv4 address that an IPv6 socket shows is what it stands for."""
    parsed = ipaddress.ip_address(address)
    return getattr(parsed, "ipv4_mapped", None) or parsed


def read_listeners(proto: str, proc: str = "/proc") -> tuple[Listener, ...] | None:
    """Return all sockets that listen by tcp or udp, None where /proc/net has no such table at all."""
    found: list[Listener] = []
    there = 0
    for name in _FILES[proto]:
        try:
            found += _parse(_lines(f"{proc}/net/{name}", proto), proto)
            there += 1
        except FileNotFoundError:  # a host without IPv6
            continue
    return tuple(found) if there else None


def _lines(path: str, proto: str) -> Iterable[str]:
    """Yield the lines of a table. The kernel lists what listens before what is connected, of which there may be a hundred thousand."""
    mark = f" {_LISTENING['tcp']} "
    with open(path, encoding="ascii", buffering=_CHUNK) as table:
        table.readline()
        while True:
            lines = table.readlines(_CHUNK)
            yield from lines
            if not lines or (proto == "tcp" and not any(mark in line for line in lines)):
                return


def _parse(lines: Iterable[str], proto: str) -> Iterable[Listener]:
    """proc(5): sl, local address, remote address, state, queues, timer, retransmits, user, timeout, inode."""
    for line in lines:
        fields = line.split()
        if len(fields) > 9 and fields[3] == _LISTENING[proto]:
            address, _colon, port = fields[1].partition(":")
            yield Listener(_address(address), int(port, 16), int(fields[7]), int(fields[9]))


def _address(text: str) -> str:
    """The kernel writes each 32-bit word in the processor's own byte order."""
    raw = bytes.fromhex(text)
    if sys.byteorder == "little":
        raw = b"".join(raw[at:at + 4][::-1] for at in range(0, len(raw), 4))
    return str(ipaddress.ip_address(raw))


def holders(inodes: Collection[int], first: Iterable[int] = (), proc: str = "/proc") -> tuple[dict[int, list[int]], bool]:
    """Return the processes that hold each socket, and whether some process could not be looked into.

    ``first`` are processes that held them last time: where these still hold all of them, nobody else is looked at.
    """
    wanted = {f"socket:[{inode}]": inode for inode in inodes}
    held: dict[int, list[int]] = {}
    for pid in first:
        _note(pid, wanted, held, proc)
    if set(held) == set(inodes):
        return held, False
    held, closed = {}, False
    for name in os.listdir(proc):
        if name.isdigit():
            closed = _note(int(name), wanted, held, proc) or closed
    return held, closed


def _note(pid: int, wanted: dict[str, int], held: dict[int, list[int]], proc: str) -> bool:
    """Add what the process holds; return whether it could not be looked into."""
    folder = f"{proc}/{pid}/fd"
    try:
        descriptors = os.listdir(folder)
    except PermissionError:
        return True
    except OSError:
        return False
    closed = False
    for descriptor in descriptors:
        try:
            inode = wanted.get(os.readlink(f"{folder}/{descriptor}"))
        except PermissionError:
            closed = True
            break
        except OSError:
            continue
        if inode is not None and pid not in held.setdefault(inode, []):
            held[inode].append(pid)
    return closed
