# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The agent as a process: what it answers, what it keeps, what ends it and what does not."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.unit.agent.running import BEARER, LOAD, PACKAGE, TOKEN, Running, make_certificates, running, wait

# A port that nothing listens on: this check fails, and asks for two looks before it says so.
CLOSED: dict[str, Any] = {"name": "closed", "kind": "tcp", "port": 1, "interval": 1, "fall": 2}


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[Running]:
    with running(tmp_path) as one:
        yield one


def kept(agent: Running) -> Any:
    return json.loads((agent.folder / "state.json").read_text())["checks"]


def test_the_endpoints(agent: Running) -> None:
    wait(lambda: agent.get("/health/ready").status == 200)
    assert agent.get("/health/live").data == {"status": "pass"}
    assert agent.get("/health/startup").status == 200
    assert "checks" not in agent.get("/health").data
    whole = agent.get("/health", BEARER)
    assert whole.data["checks"]["load"][0]["state"] == "pass"
    assert whole.headers["content-type"] == "application/health+json"
    assert int(whole.headers["age"]) <= 2 and re.fullmatch(r"private, max-age=[01]", whole.headers["cache-control"])
    assert agent.get("/health/load", BEARER).data["serviceId"] == "web1"
    assert agent.get("/health/nothing").status == 404
    assert agent.get("/primary").status == 503
    assert b"agent" in agent.get("/").body


def test_head_and_options_and_other_methods(agent: Running) -> None:
    head, get = agent.get("/health/live", method="HEAD"), agent.get("/health/live")
    assert (head.status, head.body, head.headers["content-length"]) == (200, b"", str(len(get.body)))
    assert agent.get("/health", method="OPTIONS").headers["allow"] == "GET, HEAD, OPTIONS"
    assert agent.get("/health", method="DELETE").status == 405
    assert agent.get("/metrics", {**BEARER, "Content-Length": "0"}, method="POST").status == 405


def test_a_wrong_token_gets_nothing(agent: Running) -> None:
    for wrong in ("Bearer wrong", f"Bearer {TOKEN}x", f"Basic {TOKEN}", "Bearer", "\xff"):
        for path in ("/health", "/metrics", "/health/load"):
            reply = agent.get(path, {"Authorization": wrong})
            assert (reply.status, reply.headers["www-authenticate"]) == (401, "Bearer"), (path, wrong)
            assert b"load" not in reply.body
    assert agent.get("/metrics").status == 401
    assert agent.get("/metrics", BEARER).status == 200


def test_metrics_and_details_can_be_public(tmp_path: Path) -> None:
    with running(tmp_path, metrics="public", details="public", token_file=None) as agent:
        page = agent.get("/metrics")
        assert (page.status, page.headers["content-type"]) == (200, "text/plain; version=0.0.4; charset=utf-8")
        assert b'vigil_check_state{check="load",kind="load",state="pass"} ' in page.body
        assert "checks" in agent.get("/health").data


@pytest.mark.parametrize("path", ["/../../etc/passwd", "/health/../../etc/passwd", "/health/%2e%2e%2f%2e%2e%2fetc/passwd", "//etc/passwd"])
def test_a_path_out_of_the_tree_is_not_found(agent: Running, path: str) -> None:
    reply = agent.get(path, BEARER)
    assert reply.status == 404
    assert b"root:" not in reply.body


def test_it_ends_within_two_seconds_and_keeps_counts(tmp_path: Path) -> None:
    with running(tmp_path, checks=[LOAD, {**CLOSED, "fall": 1}]) as agent:
        wait(lambda: agent.metric("vigil_agent_looks_total") >= 4)
        link = agent.connect()  # a client that idles does not delay the end
        began = time.monotonic()
        assert agent.stop() == 0
        assert time.monotonic() - began < 2
        link.close()
        assert stat.S_IMODE(os.stat(tmp_path / "state.json").st_mode) == 0o600
        assert kept(agent)["closed"]["streak"]["held"] == "fail"


def test_counts_survive_a_kill(tmp_path: Path) -> None:
    with running(tmp_path, checks=[CLOSED], state_interval=1) as agent:
        wait(lambda: kept(agent)["closed"]["streak"]["held"] == "fail" if (tmp_path / "state.json").exists() else False)
        since = kept(agent)["closed"]["streak"]["since"]
        agent.signal(signal.SIGKILL)
        assert agent.process is not None
        agent.process.wait(5)
        agent.start()
        wait(lambda: agent.get("/health/closed", BEARER).status == 503)
        agent.stop()
        assert kept(agent)["closed"]["streak"]["since"] == since


FOREIGN = b'{"form":1,"checks":{"load":{"memory":{},"streak":{"held":3}}}}'


@pytest.mark.parametrize("content", [b"", b"{", b"[]", FOREIGN, b"\xff" * 99, b"[" * 100000])
def test_a_broken_state_file_is_set_aside(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "state.json").write_bytes(content)
    with running(tmp_path) as agent:
        wait(lambda: agent.get("/health/ready").status == 200)
        assert "was set aside" in agent.log
        assert (tmp_path / "state.json.broken").read_bytes() == content


def test_a_state_file_that_cannot_be_written_warns_and_nothing_else(tmp_path: Path) -> None:
    with running(tmp_path, state_file=str(tmp_path / "missing" / "state.json"), state_interval=1) as agent:
        wait(lambda: agent.metric("vigil_agent_state_write_errors_total") >= 2)
        health = agent.get("/health", BEARER)
        assert (health.status, health.data["status"]) == (200, "warn")
        assert "cannot be written" in health.data["checks"]["vigil-agent"][0]["output"]
        assert agent.get("/health/ready").status == 200
        assert agent.log.count("cannot be written") == 1
        (tmp_path / "missing").mkdir()
        wait(lambda: agent.get("/health", BEARER).data["status"] == "pass")


def test_a_reload_takes_over_what_is_new_and_keeps_counts(tmp_path: Path) -> None:
    with running(tmp_path, checks=[LOAD, CLOSED]) as agent:
        wait(lambda: agent.get("/health/closed", BEARER).status == 503)
        agent.write(checks=[LOAD, {**CLOSED, "fall": 3, "ready": False}, {**LOAD, "name": "second"}])
        agent.signal(signal.SIGHUP)
        agent.expect("RELOADING=1")
        agent.expect("READY=1")
        wait(lambda: agent.get("/health/second", BEARER).status == 200)
        assert agent.get("/health/closed", BEARER).status == 503
        assert agent.get("/health/ready").status == 200
        assert agent.metric("vigil_agent_checks") == 3


@pytest.mark.parametrize("broken", ["{", '{"host": "web1", "checks": [{"name": "a", "kind": "lod"}]}', '{"host": "web1", "cheks": []}'])
def test_a_bad_reload_keeps_the_old_and_says_so(agent: Running, broken: str) -> None:
    agent.config.write_text(broken)
    agent.signal(signal.SIGHUP)
    agent.expect("READY=1")
    assert agent.metric("vigil_agent_config_last_reload_successful") == 0
    health = agent.get("/health", BEARER).data
    assert health["status"] == "warn"
    assert "the old one is used on" in health["checks"]["vigil-agent"][0]["output"]
    assert "the old one is used on" in agent.log
    assert health["checks"]["load"]
    agent.write()
    agent.signal(signal.SIGHUP)
    agent.expect("READY=1")
    assert agent.metric("vigil_agent_config_last_reload_successful") == 1
    assert "vigil-agent" not in agent.get("/health", BEARER).data["checks"]


def test_tls(tmp_path: Path) -> None:
    context = make_certificates(tmp_path)
    with running(tmp_path, tls={"cert": "host.crt", "key": "host.key"}) as agent:
        assert agent.get("/health/live", context=context).status == 200
        with agent.connect(context=context) as link:
            assert link.version() in ("TLSv1.2", "TLSv1.3")
        with agent.connect() as link, contextlib.suppress(ConnectionError):
            link.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n")
            assert b"HTTP/1.1 200" not in link.recv(1000)
        assert agent.get("/health/live", context=context).status == 200


def test_the_watchdog_is_fed_while_the_loop_passes(tmp_path: Path) -> None:
    with running(tmp_path, environment={"WATCHDOG_USEC": "1000000"}) as agent:
        for _number in range(3):
            assert "STATUS=" in agent.expect("WATCHDOG=1", 3)
        agent.signal(signal.SIGTERM)
        agent_told = agent.manager
        assert agent_told is not None
        wait(lambda: b"STOPPING=1" in agent_told.recv(65536))


def check(config: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "vigil.agent", "--check", "--config", str(config)], capture_output=True, text=True,
                          env={**os.environ, "PYTHONPATH": str(PACKAGE)}, timeout=30, check=False)


@pytest.mark.parametrize(("wrong", "words"), [
    ({"lisen": []}, "did you mean listen?"),
    ({"checks": [{"name": "a", "kind": "lod"}]}, "did you mean load?"),
    ({"listen": ["9890"]}, "expected an address and a port"),
    ({"tls": {"cert": "no.crt", "key": "no.key"}}, "no such file"),
    ({"token_file": "nowhere"}, "the token file"),
    ({"token_file": None}, "there is no token_file"),
    ({"pool": 0}, "from 1 to 256"),
    ({"metrics": "open"}, "expected token or public"),
    ({"checks": [{"name": "vigil-agent", "kind": "load"}]}, "the agent's own"),
])
def test_check_refuses_as_the_start_does(tmp_path: Path, wrong: dict[str, Any], words: str) -> None:
    agent = Running(tmp_path, wrong)
    agent.write()
    checked = check(agent.config)
    assert checked.returncode == 1
    assert words in checked.stderr.lower() if words == "no such file" else words in checked.stderr
    agent.start(ready=False)
    assert agent.process is not None
    assert agent.process.wait(10) == 1
    agent.stop()
    assert agent.log == checked.stderr


def test_check_says_what_is_good(tmp_path: Path) -> None:
    make_certificates(tmp_path)
    Running(tmp_path, {"tls": {"cert": "host.crt", "key": "host.key"}}).write()
    checked = check(tmp_path / "agent.json")
    assert (checked.returncode, checked.stderr) == (0, "")
    assert "1 checks of web1, 127.0.0.1:0, TLS on" in checked.stdout
