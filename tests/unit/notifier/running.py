# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real notifier as a process of its own, on loopback."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.unit.agent.running import BEARER, PACKAGE, TOKEN, Reply, read_reply, wait

PROGRAM = Path(__file__).with_name("process.py")
FAST = {"first": "100ms", "most": "300ms", "deadline": "60s"}
STARTS = "2025-01-31T12:00:00.5Z"


def alert(name: str = "InstanceDown", status: str = "firing", fingerprint: str = "", **labels: str) -> dict[str, Any]:
    """An alert as Alertmanager posts it."""
    whole = {"alertname": name, "severity": "critical", "instance": "web1", **labels}
    return {"status": status, "labels": whole, "annotations": {"summary": f"{name} on {whole['instance']}"}, "startsAt": STARTS,
            "endsAt": STARTS, "generatorURL": "http://p:9090/graph", "fingerprint": fingerprint or f"{name}{whole['instance']}"}


def webhook(*alerts: Mapping[str, Any]) -> bytes:
    """A webhook as Alertmanager posts it."""
    return json.dumps({"version": "4", "groupKey": "g", "receiver": "vigil", "status": "firing", "alerts": list(alerts)}).encode()


@dataclass
class Running:
    """A notifier that runs in ``folder`` by ``options`` (over good ones)."""

    folder: Path
    options: dict[str, Any] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None
    port: int = 0
    starts: int = 0

    @property
    def log(self) -> str:
        return "".join(path.read_text(errors="replace") for path in sorted(self.folder.glob("log*")))

    def channel(self, name: str, **options: Any) -> dict[str, Any]:
        return {"kind": "probe", "settings": {"folder": str(self.folder), "name": name}, "retry": FAST,
                "rate": {"count": 100000, "per": "1s"}, "recipient_rate": {"count": 100000, "per": "1s"}, **options}

    def write(self, **options: Any) -> None:
        """Write the configuration, and the files that it names."""
        self.options.update(options)
        token = self.folder / "token"
        token.write_text(f"{TOKEN}\n")
        token.chmod(0o600)
        whole = {"name": "mon1", "listen": ["127.0.0.1:0"], "token_file": "token", "journal": "journal.db", "group_wait": "50ms",
                 "channels": {"main": self.channel("main"), "other": self.channel("other")},
                 "routes": [{"name": "all", "targets": [{"channel": "main", "recipients": ["ops"]}]}],
                 "alarm": [{"channel": "main", "recipients": ["ops"]}, {"channel": "other"}], **self.options}
        (self.folder / "notifier.json").write_text(json.dumps(whole))

    def argv(self, *words: str) -> list[str]:
        return [sys.executable, str(PROGRAM), "--config", str(self.folder / "notifier.json"), *words]

    def start(self) -> Running:
        """Start it, and wait until it listens."""
        self.write()
        self.starts += 1
        environment = {**os.environ, "PYTHONPATH": str(PACKAGE), **self.environment}
        path = self.folder / f"log{self.starts}"
        with path.open("wb") as log:
            self.process = subprocess.Popen(self.argv(), cwd=self.folder, env=environment, stderr=log, stdout=log)
        self.port = int(wait(self._listening, 15, lambda: self.log))
        return self

    def _listening(self) -> str:
        assert self.process is not None and self.process.poll() is None, self.log
        found = re.findall(r"listening on \S+?:(\d+)", (self.folder / f"log{self.starts}").read_text())
        return found[-1] if found else ""

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a command of the operator's."""
        environment = {**os.environ, "PYTHONPATH": str(PACKAGE), **self.environment}
        return subprocess.run(self.argv(*words), env=environment, capture_output=True, text=True, timeout=60, check=False)

    def kill(self) -> None:
        """End it as a power cut would."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(10)

    def stop(self) -> int:
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(15)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise

    def ask(self, method: str, path: str, body: bytes = b"", headers: Mapping[str, str] = BEARER,
            link: socket.socket | None = None) -> Reply:
        """Ask over a connection of its own, or one that is there."""
        given = [f"{key}: {item}" for key, item in headers.items()]
        lines = [f"{method} {path} HTTP/1.1", "Host: x", f"Content-Length: {len(body)}", *given]
        data = "\r\n".join([*lines, "", ""]).encode() + body
        if link is not None:
            link.sendall(data)
            return read_reply(link)
        with self.connect() as own:
            own.sendall(data)
            return read_reply(own, head=method == "HEAD")

    def connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=20)

    def post(self, *alerts: Mapping[str, Any]) -> Reply:
        return self.ask("POST", "/alerts", webhook(*alerts))

    def do(self, name: str, **what: Any) -> None:
        """Let a channel behave in this way from now on."""
        draft = self.folder / f"{name}.draft"
        draft.write_text(json.dumps(what))
        draft.replace(self.folder / f"{name}.do")

    def lines(self, name: str = "main") -> list[dict[str, Any]]:
        """What a channel sent."""
        path = self.folder / f"{name}.lines"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def until(self, count: int, name: str = "main", seconds: float = 15.0) -> list[dict[str, Any]]:
        """Wait until a channel sent so many messages."""
        wait(lambda: len(self.lines(name)) >= count, seconds, lambda: f"{self.lines(name)} {self.log}")
        return self.lines(name)

    def metric(self, name: str) -> float:
        page = self.ask("GET", "/metrics").body.decode()
        return next(float(line.rpartition(" ")[2]) for line in page.splitlines() if line.startswith(f"vigil_notifier_{name} "))


@contextlib.contextmanager
def running(folder: Path, environment: Mapping[str, str] | None = None, **options: Any) -> Iterator[Running]:
    """Run a notifier, and end it."""
    notifier = Running(folder, dict(options), environment or {})
    try:
        yield notifier.start()
    finally:
        notifier.stop()
