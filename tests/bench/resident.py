# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An agent as a benchmark needs it: bound to a processor, with so many checks, and what it costs read from /proc."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.kinds import KINDS

from tests.unit.agent.running import BEARER, Running, make_certificates, wait

TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")
FULL = 1000.0


@dataclass(frozen=True)
class Cost:
    """Processor seconds of a process and of the programs it ran; its memory in bytes."""

    cpu: float
    memory: int


def cost(pid: int) -> Cost:
    """Read what a process cost so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return Cost(sum(map(int, fields[11:15])) / TICKS, int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * PAGE)


def kept_waiting(pid: int) -> float:
    """Seconds for which the main thread of a process could have run and others had its processor (schedstat, Linux)."""
    try:
        return int(Path(f"/proc/{pid}/task/{pid}/schedstat").read_text().split()[1]) / 1e9
    except OSError:
        return 0.0


def mixed_checks(count: int, port: int, log: Path, interval: int = 10) -> list[dict[str, Any]]:
    """So many checks of the kinds that a host has most, all of which pass; ``port`` is the agent's own."""
    log.touch()
    templates: list[dict[str, Any]] = [
        {"kind": "load", "per_cpu": {"fail": FULL}}, {"kind": "memory", "available": {"fail": "0.1%"}},
        {"kind": "disk", "paths": ["/"], "used": {"fail": "100%"}}, {"kind": "tcp", "port": port},
        {"kind": "http", "url": f"http://127.0.0.1:{port}/health/live"}, {"kind": "process", "pattern": "vigil.agent", "min": 1},
        {"kind": "port", "port": port}, {"kind": "file", "path": "/etc/passwd"}, {"kind": "log", "path": str(log), "patterns": ["ERROR"]},
        {"kind": "command", "argv": ["true"]},
    ]
    if Path("/run/systemd/system").exists():
        templates.append({"kind": "systemd", "unit": "systemd-journald"})
    usable = [one for one in templates if one["kind"] in KINDS]
    return [{"name": f"check {number:03d}", "interval": interval, **usable[number % len(usable)]} for number in range(count)]


def cheap_checks(count: int) -> list[dict[str, Any]]:
    """So many checks that cost next to nothing: what is measured then are the answers."""
    return [{"name": f"check {number:03d}", "kind": "load", "per_cpu": {"fail": FULL}} for number in range(count)]


@contextlib.contextmanager
def agent(folder: Path, cpu: int | None, *, tls: bool = False, **options: Any) -> Iterator[tuple[Running, ssl.SSLContext | None]]:
    """Run an agent with these options, on one processor, until the block ends."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    context = make_certificates(folder) if tls else None
    files = {"tls": {"cert": "host.crt", "key": "host.key"}} if tls else {}
    prefix = ("taskset", "-c", str(cpu)) if cpu is not None else ()
    one = Running(folder, {"metrics": "public", **files, **options}, {}, prefix)
    try:
        yield one.start(), context
    finally:
        one.stop()


@contextlib.contextmanager
def hanging_port() -> Iterator[int]:
    """A port whose server accepts and then says nothing: a check that expects a word of it hangs to its deadline."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as server:
        yield server.getsockname()[1]


@contextlib.contextmanager
def slow_clients(port: int, count: int) -> Iterator[None]:
    """Hold ``count`` connections, each with half a request that goes on by a byte a second; one that is closed is opened anew."""
    stop = threading.Event()

    def hold() -> None:
        links: list[socket.socket] = []
        while not stop.wait(0.5):
            links = [link for link in links if _trickles(link)]
            while len(links) < count:
                links.append(_half(port))
        for link in links:
            link.close()

    thread = threading.Thread(target=hold)
    thread.start()
    time.sleep(1.5)
    try:
        yield
    finally:
        stop.set()
        thread.join(10)


def _half(port: int) -> socket.socket:
    link = socket.create_connection(("127.0.0.1", port), timeout=5)
    link.sendall(b"GET /health HTTP/1.1\r\nHost: x\r\nX-Slow: ")
    return link


def _trickles(link: socket.socket) -> bool:
    try:
        link.sendall(b"a")
        link.setblocking(False)
        return bool(link.recv(1000)) and False
    except BlockingIOError:
        link.setblocking(True)
        return True
    except OSError:
        link.close()
        return False


def started(one: Running, context: ssl.SSLContext | None = None) -> None:
    """Wait until every check has told something."""
    wait(lambda: one.get("/health/startup", BEARER, context=context).status == 200, 30)
