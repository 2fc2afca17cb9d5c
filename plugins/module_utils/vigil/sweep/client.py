# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One question to one agent: a minimal HTTP/1.1 client on asyncio's streams. No redirect, no compression, one total deadline."""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from ..addresses import endpoint
from .model import Target
from .resolve import Resolver
from .response import Reader

_PIECE = 16 * 1024
# An answer beyond this many bytes waits for one of a few places: two hundred of the largest at once would fill the memory.
LARGE, PLACES = 256 * 1024, 16
# How far a question came when its time was over; what to do next depends on it.
CONNECTING = "the connection was not answered"
HANDSHAKE = "the connection was made, the TLS handshake was not answered"


@dataclass(frozen=True)
class Question:
    """What every agent is asked. ``timeout`` (s) holds from the name's look-up to the last byte of the answer; ``limit`` is in bytes."""

    path: str = "/health"
    token: str = field(default="", repr=False)
    context: ssl.SSLContext | None = None
    timeout: float = 5.0
    limit: int = 1024 * 1024


@dataclass(frozen=True)
class Raw:
    """An HTTP answer as it came."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Late(Exception):
    """The deadline passed; the text says during what."""


class Shared:
    """What the questions of one sweep share: the look-ups of names, and the places for large answers."""

    def __init__(self, places: int = PLACES) -> None:
        self.resolver = Resolver()
        self.large = asyncio.Semaphore(places)


@dataclass
class Stage:
    """How far a question came."""

    name: str = "its name was not found in that time"


def trust(authority: str) -> ssl.SSLContext:
    """Return the one TLS context that all questions share: certificates must be signed by the authority in this file, names must fit.

    Raises OSError where the file cannot be read, ssl.SSLError where it is no certificate.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_verify_locations(cafile=authority)
    return context


async def ask(target: Target, question: Question, shared: Shared) -> Raw:
    """Ask an agent once. Raises Late, BadAnswer, ssl.SSLError and OSError."""
    stage = Stage()
    try:
        return await asyncio.wait_for(_ask(target, question, shared, stage), question.timeout)
    except asyncio.TimeoutError:
        raise Late(stage.name) from None


async def _ask(target: Target, question: Question, shared: Shared, stage: Stage) -> Raw:
    deadline = time.monotonic() + question.timeout
    addresses = await shared.resolver.look_up(target.address, target.port)
    stage.name = CONNECTING
    connection = await _connect(addresses, target.port, deadline)
    name = target.address.strip("[]").rstrip(".") if question.context else None
    stage.name = HANDSHAKE if question.context else stage.name
    reader, writer = await asyncio.open_connection(sock=connection, ssl=question.context, server_hostname=name, limit=_PIECE)
    try:
        stage.name = "the connection was made, the question was not answered"
        writer.write(request(target, question))
        parser = Reader(question.limit)
        if not await _read(reader, parser, stage, LARGE):
            async with shared.large:
                await _read(reader, parser, stage, question.limit)
        return Raw(parser.status, parser.headers, bytes(parser.body))
    finally:
        # The answer is whole or worthless: a farewell over TLS would only cost both sides a round.
        writer.transport.abort()


async def _connect(addresses: list[str], port: int, deadline: float) -> socket.socket:
    """Try the addresses in turn, each with its share of the time that is left. Raises what the last one gave."""
    for place, address in enumerate(addresses):
        rest = len(addresses) - place
        try:
            share = max(0.01, deadline - time.monotonic()) / rest if rest > 1 else None
            return await asyncio.wait_for(_connected(address, port), share) if share else await _connected(address, port)
        except (asyncio.TimeoutError, OSError):
            if rest == 1:
                raise
    raise OSError("the name has no address")


async def _connected(address: str, port: int) -> socket.socket:
    made = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM)
    try:
        made.setblocking(False)
        await asyncio.get_running_loop().sock_connect(made, (address, port))
    except BaseException:
        made.close()
        raise
    return made


def request(target: Target, question: Question) -> bytes:
    """Return the bytes of the question."""
    lines = [
        f"GET {question.path} HTTP/1.1", f"Host: {endpoint(target.address, target.port)}", "User-Agent: vigil-sweep",
        "Accept: application/health+json", "Accept-Encoding: identity", "Connection: close",
        *([f"Authorization: Bearer {question.token}"] if question.token else []),
    ]
    return "\r\n".join([*lines, "", ""]).encode("latin-1", "replace")


async def _read(reader: asyncio.StreamReader, parser: Reader, stage: Stage, enough: int) -> bool:
    """Read until the answer is whole, or more than ``enough`` bytes of its body are there; return whether it is whole."""
    whole = False
    while not whole and len(parser.body) <= enough:
        data = await reader.read(_PIECE)
        stage.name = "the answer did not end" if data else stage.name
        whole = parser.feed(data) if data else parser.end()
    return whole
