# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real agent as a process of its own, on loopback, and a raw client that can be as rude as a test needs."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.certificates import x509

PACKAGE = Path(__file__).resolve().parents[3] / "plugins" / "module_utils"
TOKEN = "a-token-of-the-tests-0123456789"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
LOAD: dict[str, Any] = {"name": "load", "kind": "load", "interval": 1, "per_cpu": {"fail": 100000}}


def wait(wanted: Callable[[], Any], seconds: float = 10.0, words: Callable[[], object] = lambda: "") -> Any:
    """Return what ``wanted`` gives as soon as it is true."""
    end = time.monotonic() + seconds
    while True:
        found = wanted()
        if found:
            return found
        assert time.monotonic() < end, f"this did not come true within {seconds:g} s. {words()}"
        time.sleep(0.02)


@dataclass
class Reply:
    """An HTTP answer."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def data(self) -> Any:
        return json.loads(self.body)


def read_reply(link: socket.socket, head: bool = False) -> Reply:
    """Read one answer, no more."""
    data = b""
    while b"\r\n\r\n" not in data:
        more = link.recv(1)
        if not more:
            raise ConnectionError(f"closed after {data!r}")
        data += more
    lines = data.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _colon, value in (line.partition(":") for line in lines[1:] if line)}
    left = 0 if head else int(headers.get("content-length", 0))
    body = b""
    while len(body) < left:
        more = link.recv(left - len(body))
        if not more:
            raise ConnectionError("closed within the body")
        body += more
    return Reply(int(lines[0].split()[1]), headers, body)


@dataclass
class Running:
    """An agent that runs in ``folder`` by ``options`` (over good ones)."""

    folder: Path
    options: dict[str, Any] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    prefix: tuple[str, ...] = ()
    process: subprocess.Popen[bytes] | None = None
    manager: socket.socket | None = None
    port: int = 0

    @property
    def config(self) -> Path:
        return self.folder / "agent.json"

    @property
    def log(self) -> str:
        path = self.folder / "log"
        return path.read_text(errors="replace") if path.exists() else ""

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def write(self, **options: Any) -> None:
        """Write the configuration, and the files that it names."""
        self.options.update(options)
        (self.folder / "token").write_text(f"{TOKEN}\n")
        whole = {"host": "web1", "listen": ["127.0.0.1:0"], "token_file": "token", "state_file": str(self.folder / "state.json"),
                 "checks": [LOAD], **self.options}
        self.config.write_text(json.dumps(whole))

    def start(self, ready: bool = True) -> Running:
        """Start it, and wait until it says that it is ready."""
        self.write()
        address = self.folder / "notify"
        with contextlib.suppress(FileNotFoundError):
            address.unlink()
        self.manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.manager.bind(str(address))
        self.manager.settimeout(0.05)
        environment = {**os.environ, "PYTHONPATH": str(PACKAGE), "NOTIFY_SOCKET": str(address), **self.environment}
        with (self.folder / "log").open("wb") as log:
            argv = [*self.prefix, sys.executable, "-m", "vigil.agent", "--config", str(self.config)]
            self.process = subprocess.Popen(argv, cwd=self.folder, env=environment, stderr=log, stdout=log)
        if ready:
            self.expect("READY=1")
            self.port = int(re.findall(r"listening on \S+?:(\d+)", self.log)[-1])
        return self

    def expect(self, line: str, seconds: float = 15.0) -> str:
        """Wait until the manager is told ``line``; return the whole message."""
        def told() -> str:
            assert self.manager is not None and self.process is not None
            assert self.process.poll() is None, self.log
            try:
                message = self.manager.recv(65536).decode()
            except socket.timeout:
                return ""
            return message if line in message.split("\n") else ""
        return str(wait(told, seconds, lambda: self.log))

    def signal(self, number: int) -> None:
        assert self.process is not None
        self.process.send_signal(number)

    def stop(self) -> int:
        """End it as a service manager would; return the exit status."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGCONT)
            self.process.terminate()
        try:
            return self.process.wait(5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        finally:
            if self.manager is not None:
                self.manager.close()

    def connect(self, timeout: float = 10.0, context: ssl.SSLContext | None = None) -> socket.socket:
        link = socket.create_connection(("127.0.0.1", self.port), timeout=timeout)
        return context.wrap_socket(link, server_hostname="127.0.0.1") if context else link

    def get(self, path: str, headers: Mapping[str, str] | None = None, method: str = "GET", context: ssl.SSLContext | None = None) -> Reply:
        """Ask over a connection of its own."""
        lines = [f"{method} {path} HTTP/1.1", "Host: x", *(f"{name}: {value}" for name, value in (headers or {}).items())]
        with self.connect(context=context) as link:
            link.sendall("\r\n".join([*lines, "", ""]).encode())
            return read_reply(link, head=method == "HEAD")

    def metric(self, name: str) -> float:
        """Return the one sample of a metric (``name`` with its labels, as it stands in the page)."""
        page = self.get("/metrics", BEARER).body.decode()
        return next(float(line.rpartition(" ")[2]) for line in page.splitlines() if line.startswith(f"{name} "))


@contextlib.contextmanager
def running(
    folder: Path, *, environment: Mapping[str, str] | None = None, prefix: tuple[str, ...] = (), **options: Any,
) -> Iterator[Running]:
    """Run an agent, and end it."""
    agent = Running(folder, dict(options), environment or {}, prefix)
    try:
        yield agent.start()
    finally:
        agent.stop()


def make_certificates(folder: Path, days: float = 1.0) -> ssl.SSLContext:
    """Write host.crt and host.key; return what trusts them."""
    now = time.time()
    authority = x509.make_authority("test", now, now + 86400 * days)
    host = x509.issue("web1", ("IP:127.0.0.1", "DNS:web1"), now, now + 86400 * days, authority)
    (folder / "host.crt").write_bytes(host.certificate)
    (folder / "host.key").write_bytes(host.key)
    context = ssl.create_default_context(cadata=authority.certificate.decode())
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
