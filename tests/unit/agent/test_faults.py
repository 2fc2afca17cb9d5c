# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What strangers, disks and clocks do to an agent, and that it answers through all of it."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.agent.config import read_config
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.agent.credentials import Credentials
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.agent.manager import Manager
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.agent.resident import Agent

from tests.unit.agent.running import BEARER, LOAD, TOKEN, Running, make_certificates, read_reply, running, wait

# An answer on a busy machine; without the fault it takes a millisecond.
SOON = 1.0


@contextlib.contextmanager
def silent_server() -> Iterator[int]:
    """A port that accepts and never says a word."""
    with socket.create_server(("127.0.0.1", 0), backlog=100) as server:
        yield server.getsockname()[1]


def timed(agent: Running, path: str = "/health/live", **options: Any) -> float:
    began = time.monotonic()
    assert agent.get(path, **options).status == 200
    return time.monotonic() - began


def test_a_check_that_hangs_delays_nobody(tmp_path: Path) -> None:
    with silent_server() as port:
        hung = [{"name": f"hung{number}", "kind": "tcp", "port": port, "expect": "x", "interval": 3, "timeout": 3} for number in range(6)]
        with running(tmp_path, checks=[*hung, LOAD], pool=8) as agent:
            looks = agent.metric("vigil_agent_looks_total")
            assert timed(agent) < SOON
            wait(lambda: agent.get("/health/load", BEARER).status == 200, 2)
            wait(lambda: agent.metric("vigil_agent_looks_total") > looks + 1, 2.9)
            assert timed(agent) < SOON
            wait(lambda: agent.get("/health/hung0", BEARER).status == 503)


def test_slow_clients_delay_nobody(tmp_path: Path) -> None:
    with running(tmp_path) as agent, contextlib.ExitStack() as stack:
        slow = [stack.enter_context(agent.connect()) for _number in range(200)]
        for link in slow:
            link.sendall(b"GET /health HTTP/1.1\r\nHost:")
        assert timed(agent) < SOON
        assert agent.metric("vigil_agent_connections") >= 200
        assert read_reply(slow[0]).status == 408
        wait(lambda: agent.metric("vigil_agent_connections") < 10)


def test_ten_thousand_connections(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    wanted = min(10_000, hard - 500)
    links = []
    try:
        with running(tmp_path, max_connections=500) as agent:
            slowest = 0.0
            for number in range(wanted):
                links.append(agent.connect())
                if number % 1000 == 0:
                    slowest = max(slowest, timed(agent))
            assert slowest < 2 * SOON and timed(agent) < SOON
            assert agent.metric("vigil_agent_connections") <= 501
            assert agent.metric("process_open_fds") < 900
            assert agent.metric("process_resident_memory_bytes") < 60e6
    finally:
        for link in links:
            link.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_fewer_descriptors_than_connections_asked_for(tmp_path: Path) -> None:
    with running(tmp_path, max_connections=5000, prefix=("prlimit", "--nofile=400:400")) as agent:
        links = [agent.connect() for _number in range(800)]
        assert timed(agent) < SOON
        assert "raise LimitNOFILE" in agent.log or "set LimitNOFILE" in agent.log
        for link in links:
            link.close()


def test_a_header_of_a_megabyte(tmp_path: Path) -> None:
    with running(tmp_path) as agent, agent.connect() as link:
        link.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nA: " + b"b" * 1_000_000 + b"\r\n\r\n")
        assert read_reply(link).status == 431
        assert timed(agent) < SOON


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    place = tmp_path / "small"
    place.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8k", "tmpfs", str(place)], capture_output=True, check=False)
    if mounted.returncode:
        pytest.skip("a small disk needs the right to mount one")
    yield place
    subprocess.run(["umount", str(place)], check=True)


def test_a_full_disk_under_the_state_file(tmp_path: Path, small_disk: Path) -> None:
    state = small_disk / "state.json"
    with running(tmp_path, state_file=str(state), state_interval=1) as agent:
        wait(state.exists)
        before = state.read_bytes()
        filler = small_disk / "filler"
        with contextlib.suppress(OSError), filler.open("wb", buffering=0) as handle:
            while True:
                handle.write(b"x" * 512)
        agent.write(checks=[{**LOAD, "name": f"load{number}"} for number in range(100)])
        agent.signal(signal.SIGHUP)
        wait(lambda: agent.metric("vigil_agent_state_write_errors_total") >= 1)
        assert "No space left" in agent.get("/health", BEARER).data["checks"]["vigil-agent"][0]["output"]
        assert agent.get("/health/ready").status == 200
        assert state.read_bytes() == before
        assert sorted(path.name for path in small_disk.iterdir()) == ["filler", "state.json"]


def test_new_certificates_are_served_without_a_reload(tmp_path: Path) -> None:
    old = make_certificates(tmp_path)
    environment = {"WATCHDOG_USEC": "500000"}
    with running(tmp_path, tls={"cert": "host.crt", "key": "host.key"}, environment=environment) as agent:
        assert agent.get("/health/live", context=old).status == 200
        new = make_certificates(tmp_path)

        def served() -> bool:
            with contextlib.suppress(OSError):
                return agent.get("/health/live", context=new).status == 200
            return False
        wait(served)
        (tmp_path / "host.key").write_text("broken")
        wait(lambda: "The old ones are used on." in agent.log)
        assert served()


def test_a_renewed_token_is_read_and_a_broken_one_is_not(tmp_path: Path) -> None:
    Running(tmp_path, {}).write()
    kept = Credentials(read_config(str(tmp_path / "agent.json")))
    assert (kept.token, kept.renew()) == (TOKEN, False)
    (tmp_path / "token").write_text("short")
    assert (kept.renew(), kept.token, "5 characters" in kept.trouble) == (False, TOKEN, True)
    (tmp_path / "token").write_text("a-new-token-that-is-long\n")
    assert (kept.renew(), kept.token, kept.trouble) == (True, "a-new-token-that-is-long", "")


def test_the_watchdog_is_not_fed_when_the_loop_stands_still(tmp_path: Path) -> None:
    Running(tmp_path, {}).write()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.setblocking(False)
        agent = Agent(str(tmp_path / "agent.json"), Manager({"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "2000000"}))
        agent._tick()
        with pytest.raises(BlockingIOError):
            systemd.recv(1000)
        agent._watcher.turn()
        agent._tick()
        assert b"WATCHDOG=1" in systemd.recv(1000)
        agent._tick()
        with pytest.raises(BlockingIOError):
            systemd.recv(1000)


@pytest.mark.parametrize(("environment", "seconds"), [
    ({"WATCHDOG_USEC": "30000000"}, 30.0), ({}, 0.0), ({"WATCHDOG_USEC": "x"}, 0.0),
    ({"WATCHDOG_USEC": "1", "WATCHDOG_PID": "1"}, 0.0), ({"WATCHDOG_USEC": "5000000", "WATCHDOG_PID": str(os.getpid())}, 5.0),
])
def test_the_watchdog_of_the_environment(environment: dict[str, str], seconds: float) -> None:
    assert Manager(environment).watchdog == seconds


def test_many_reloads_in_a_row(tmp_path: Path) -> None:
    with running(tmp_path) as agent:
        failures: list[object] = []
        stop = threading.Event()

        def ask() -> None:
            while not stop.is_set():
                if agent.get("/health/ready").status != 200:
                    failures.append(1)

        wait(lambda: agent.get("/health/ready").status == 200)
        asking = threading.Thread(target=ask)
        asking.start()
        for number in range(30):
            agent.write(checks=[LOAD, {**LOAD, "name": f"other{number}"}])
            agent.signal(signal.SIGHUP)
            agent.expect("READY=1")
        stop.set()
        asking.join(10)
        assert not failures
        wait(lambda: agent.get("/health/other29", BEARER).status == 200)


def test_a_crowd_over_tls_takes_little_memory(tmp_path: Path) -> None:
    context = make_certificates(tmp_path)
    with running(tmp_path, tls={"cert": "host.crt", "key": "host.key"}, metrics="public") as agent, contextlib.ExitStack() as stack:
        for _number in range(400):
            stack.enter_context(agent.connect(context=context))
        page = agent.get("/metrics", context=context).body.decode().splitlines()
        memory = next(float(line.split()[1]) for line in page if line.startswith("process_resident_memory_bytes "))
        assert memory < 55e6


def test_a_manager_that_does_not_read_stops_nothing(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as deaf:
        deaf.bind(str(tmp_path / "notify"))
        manager = Manager({"NOTIFY_SOCKET": str(tmp_path / "notify")})
        for _number in range(20):
            manager.tell("STATUS=" + "x" * 60_000)  # the queue of a datagram socket is short: some of these do not fit
        began = time.monotonic()
        manager.tell("WATCHDOG=1")
        assert time.monotonic() - began < 2
