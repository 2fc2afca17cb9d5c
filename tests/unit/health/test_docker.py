# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kind docker: the real SDK against an engine of ours that speaks the API on a socket."""

from __future__ import annotations

import json
import os
import socketserver
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.kind import Look
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.kinds import KINDS
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.look import look_at
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.model import Result
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.spec import parse
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.system import System

pytest.importorskip("docker")


class Engine(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    """What Docker 20.10 answers, as far as the kind asks."""

    daemon_threads = True

    def __init__(self, path: Path) -> None:
        super().__init__(str(path), Handler)
        self.known: dict[str, dict[str, Any]] = {}
        self.hang = threading.Event()
        self.status = 200

    def add(self, name: str, restarts: int = 0, **state: Any) -> None:
        base = {"Status": "running", "Running": True, "ExitCode": 0, "OOMKilled": False, "Error": "",
                "StartedAt": "2026-01-02T03:04:05.050320062Z", "FinishedAt": "0001-01-01T00:00:00Z"}
        self.known[name] = {"Id": f"id-of-{name}", "Name": f"/{name}", "RestartCount": restarts, "State": {**base, **state},
                            "Config": {"Image": "nginx:1.27", "Env": ["PASSWORD=s3cret"], "Labels": {"app": "shop"}}}


class Handler(BaseHTTPRequestHandler):
    """One request."""

    server: Engine

    def do_GET(self) -> None:
        if self.server.hang.is_set():
            time.sleep(2)
        path = unquote(self.path)
        known = self.server.known
        if path.endswith("/version"):
            self.reply(200, {"ApiVersion": "1.41", "MinAPIVersion": "1.12"})
        elif "/containers/json" in path:
            self.reply(self.server.status, [{"Id": name} for name in known] if '"app=shop"' in path else [])
        else:
            name = path.split("/")[-2]
            self.reply(self.server.status if name in known else 404, known.get(name) or {"message": f"No such container: {name}"})

    def reply(self, status: int, body: Any) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def address_string(self) -> str:
        return ""


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    server = Engine(tmp_path / "docker.sock")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def looked(socket: str | Path, remembered: Mapping[str, Any] | None = None, timeout: float = 5.0, **options: Any) -> tuple[Result, Any]:
    chosen = {} if "label" in options else {"container": "web"}
    check = parse([{"name": "check", "kind": "docker", "socket": str(socket), **chosen, **options}], KINDS)[0]
    return look_at(check, KINDS["docker"], Look(System(), timeout, remembered or {}))


def path_of(engine: Engine) -> str:
    return str(engine.server_address)


def test_a_container_that_runs(engine: Engine) -> None:
    engine.add("web", Health={"Status": "healthy", "Log": [{"Output": "ok"}]})
    result, memory = looked(path_of(engine), image="nginx:*")
    assert result.state == "pass" and "is running, for" in result.summary
    assert memory == {"restarts": {"id-of-web": 0}}
    assert "s3cret" not in repr(result)


def test_one_that_is_not_there_fails(engine: Engine) -> None:
    assert looked(path_of(engine))[0].summary == "there is no container web"


def test_one_that_ended(engine: Engine) -> None:
    engine.add("web", Status="exited", Running=False, ExitCode=137, FinishedAt="2026-01-02T03:04:05Z")
    result, _memory = looked(path_of(engine))
    assert result.state == "fail" and "exited with code 137" in result.summary


def test_its_own_health_check(engine: Engine) -> None:
    engine.add("web", Health={"Status": "unhealthy", "Log": [{"Output": "old"}, {"Output": "curl: (7)\nrefused"}]})
    assert looked(path_of(engine))[0].summary == "container web calls itself unhealthy: curl: (7) refused"


@pytest.mark.parametrize(("before", "after", "seen"), [(0, 0, 0), (1, 4, 3), (4, 1, 1)])
def test_restarts_since_the_last_look(engine: Engine, before: int, after: int, seen: int) -> None:
    engine.add("web", before)
    first, memory = looked(path_of(engine))
    engine.add("web", after)
    assert first.values["containers"][0]["restarts"] is None
    assert looked(path_of(engine), memory)[0].values["containers"][0]["restarts"] == seen


def test_all_with_a_label(engine: Engine) -> None:
    engine.add("web")
    engine.add("db", Status="exited", Running=False, ExitCode=1)
    result, _memory = looked(path_of(engine), label="app=shop", count=2)
    assert result.state == "fail" and "container db" in result.summary
    assert looked(path_of(engine), label="app=other")[0].state == "fail"


def test_no_socket_is_unknown(tmp_path: Path) -> None:
    result, _memory = looked(tmp_path / "none.sock")
    assert result.state == "unknown" and result.summary.endswith("none.sock: No such file or directory")
    assert "systemctl status docker" in result.advice


def test_a_socket_that_refuses_is_unknown(tmp_path: Path) -> None:
    Engine(tmp_path / "dead.sock").server_close()
    assert "Connection refused" in looked(tmp_path / "dead.sock")[0].summary


def test_a_socket_of_others_is_unknown(engine: Engine) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may use every socket")
    Path(path_of(engine)).chmod(0)
    result, _memory = looked(path_of(engine))
    assert result.state == "unknown" and "Permission denied" in result.summary


def test_an_engine_that_hangs_is_unknown_in_time(engine: Engine) -> None:
    engine.hang.set()
    began = time.monotonic()
    result, _memory = looked(path_of(engine), timeout=0.3)
    assert time.monotonic() - began < 1
    assert result.state == "unknown" and "did not answer in time" in result.summary


def test_an_engine_that_breaks_is_unknown(engine: Engine) -> None:
    engine.add("web")
    engine.status = 500
    assert looked(path_of(engine))[0].state == "unknown"


def test_without_the_library_it_is_unknown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "docker", None)
    result, _memory = looked(tmp_path / "x")
    assert result.state == "unknown" and "python3-docker" in result.advice
