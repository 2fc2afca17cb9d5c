# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A fleet of agents on loopback: one asyncio server, an address of 127.0.0.0/8 each, real certificates of an authority made for it.

As a program it prints where its agents are, as JSON, and serves until its standard input ends.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import socket
import ssl
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "plugins" / "module_utils"))

from vigil.certificates.authority import DAY, Policy
from vigil.certificates.keep import keep_store
from vigil.certificates.store import Store
from vigil.certificates.values import Host
from vigil.health.document import MEDIA_TYPE, to_document
from vigil.health.model import FAIL, PASS, WARN, Result

GOOD, HANGS, REFUSES, UNTRUSTED, EXPIRED, MISNAMED = "good", "hangs", "refuses", "untrusted", "expired", "misnamed"
BAD_CERTIFICATES = (UNTRUSTED, EXPIRED, MISNAMED)
TOKEN = "a-token-of-the-bench"
# As many agents share a certificate as still make one of ordinary size, and a listening socket.
SHARED = 20


@dataclass(frozen=True)
class Agent:
    """One agent of the fleet: where it is, and how it behaves."""

    host: str
    address: str
    port: int
    behaviour: str


def behaviours(count: int, share: float = 0.01) -> list[str]:
    """The behaviour of each agent: ``share`` of them hang, as many refuse, as many have a bad certificate; spread over the fleet."""
    odd = round(count * share)
    bad = [BAD_CERTIFICATES[place % 3] for place in range(odd)]
    others = [HANGS] * odd + [REFUSES] * odd + bad
    found = [GOOD] * count
    for place, behaviour in enumerate(others):
        found[(place * count) // len(others)] = behaviour
    return found


def address(number: int) -> str:
    """Return the address of the agent with this number."""
    return f"127.{10 + number // 62500}.{number // 250 % 250}.{1 + number % 250}"


def document(host: str, state: str, checks: int) -> bytes:
    """Return what an agent says that has this many checks, the first of which is in ``state``."""
    at = time.time()
    results = [Result(f"check-{number}", "tcp", PASS, f"port {9000 + number} took 1.2 ms to connect, below 500 ms", 0.0012, "s",
                      "below 500 ms", at=at, duration=0.002, tags=("network",)) for number in range(checks)]
    if state != PASS:
        results[0] = replace(results[0], state=state, summary="port 9000 refused the connection", observed="refused",
                             advice="systemctl status service-9000")
    told = to_document(host, results, at, release="0.1.0")
    return json.dumps({**told, "interval": 10.0}).encode()


class Answering(asyncio.Protocol):
    """Answers one request with the document, or 401 to another token."""

    def __init__(self, bodies: dict[str, bytes]) -> None:
        self._bodies, self._buffer = bodies, b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if b"\r\n\r\n" not in self._buffer:
            return
        here = self._transport.get_extra_info("sockname")[0]
        right = f"Authorization: Bearer {TOKEN}".encode() in self._buffer
        body, status = (self._bodies[here], b"200 OK") if right else (b"{}", b"401 Unauthorized")
        head = b"HTTP/1.1 %s\r\nContent-Type: %s\r\nAge: 1\r\nContent-Length: %d\r\nConnection: close\r\n\r\n"
        self._transport.write(head % (status, MEDIA_TYPE.encode(), len(body)) + body)
        self._transport.close()


class Hanging(asyncio.Protocol):
    """Takes a connection and says nothing."""


def make_certificates(folder: Path, groups: dict[str, list[str]]) -> Path:
    """Make an authority in ``folder`` and a certificate a group, valid for the group's addresses; return the authority's file."""
    now, policy = time.time(), Policy()
    hosts = {name: Host(name, names[0], tuple(names[1:])) for name, names in groups.items()}
    old = [host for name, host in hosts.items() if name.startswith(EXPIRED)]
    keep_store(Store(str(folder / "good")), old, [], policy, now - 400 * DAY)
    for kind in BAD_CERTIFICATES:
        fits = [host for name, host in hosts.items() if name.startswith(kind)]
        if kind == UNTRUSTED:
            keep_store(Store(str(folder / "other")), fits, [], policy, now)
        if kind == MISNAMED:
            keep_store(Store(str(folder / "good")), [Host(host.name, "192.0.2.1") for host in fits], [], policy, now)
    keep_store(Store(str(folder / "good")), [host for name, host in hosts.items() if name.startswith(GOOD)], [], policy, now)
    return folder / "good" / "ca.crt"


def context(folder: Path, group: str) -> ssl.SSLContext:
    """Return the server's side of TLS for a group."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    pair = folder / ("other" if group.startswith(UNTRUSTED) else "good") / "hosts" / group
    made.load_cert_chain(pair / "host.crt", pair / "host.key")
    return made


class Fleet:
    """Serves a fleet in the running event loop. ``checks`` is how many each agent has; every 50th agent that answers fails or warns."""

    def __init__(self, folder: Path, wanted: Sequence[str], checks: int = 20, tls: bool = True) -> None:
        self._folder, self._wanted, self._checks, self._tls = folder, wanted, checks, tls
        self._servers: list[asyncio.AbstractServer] = []
        self._closed: list[socket.socket] = []
        self.authority = folder / "good" / "ca.crt"

    async def start(self) -> list[Agent]:
        """Start to serve and return the agents in their order."""
        groups: dict[str, list[int]] = {}
        for number, behaviour in enumerate(self._wanted):
            same = sum(name.startswith(behaviour) for name in groups)
            last = f"{behaviour}-{same}"
            if same == 0 or len(groups[last]) >= SHARED:
                last = f"{behaviour}-{same + 1}"
            groups.setdefault(last, []).append(number)
        if self._tls:
            secure = {name: [address(number) for number in numbers] for name, numbers in groups.items() if name[:4] not in ("hang", "refu")}
            make_certificates(self._folder, secure)
        ports = {name: await self._serve(name, numbers) for name, numbers in groups.items()}
        where = {number: ports[name] for name, numbers in groups.items() for number in numbers}
        return [Agent(f"host{number:05}", address(number), where[number], behaviour) for number, behaviour in enumerate(self._wanted)]

    async def _serve(self, group: str, numbers: list[int]) -> int:
        if group.startswith(REFUSES):
            # Bound and not listening: nobody else takes the port, and a connection is refused.
            taken = socket.socket()
            taken.bind(("0.0.0.0", 0))
            self._closed.append(taken)
            return int(taken.getsockname()[1])
        loop = asyncio.get_running_loop()
        states = {number: FAIL if number % 100 == 7 else WARN if number % 100 == 57 else PASS for number in numbers}
        bodies = {address(number): document(f"host{number:05}", state, self._checks) for number, state in states.items()}
        hangs = group.startswith(HANGS)
        secure = context(self._folder, group) if self._tls and not hangs else None
        factory = Hanging if hangs else lambda: Answering(bodies)
        server = await loop.create_server(factory, "0.0.0.0", 0, ssl=secure, backlog=512)
        self._servers.append(server)
        return int(server.sockets[0].getsockname()[1])

    def stop(self) -> None:
        """Stop to serve."""
        for server in self._servers:
            server.close()
        for taken in self._closed:
            taken.close()


async def serve(folder: Path, wanted: Sequence[str], checks: int, tls: bool) -> None:
    """Serve until standard input ends."""
    fleet = Fleet(folder, wanted, checks, tls)
    agents = await fleet.start()
    print(json.dumps({"authority": str(fleet.authority), "agents": [asdict(agent) for agent in agents]}), flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    fleet.stop()


def main() -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--agents", type=int, default=200)
    parser.add_argument("--share", type=float, default=0.01, help="hang, refuse, and have a bad certificate, each (default: 0.01)")
    parser.add_argument("--checks", type=int, default=20)
    parser.add_argument("--plain", action="store_true", help="no TLS")
    parser.add_argument("folder", type=Path, help="where its certificates are made")
    options = parser.parse_args()
    asyncio.run(serve(options.folder, behaviours(options.agents, options.share), options.checks, not options.plain))


if __name__ == "__main__":
    main()
