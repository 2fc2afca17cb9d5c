# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the agent costs, how fast it answers, and how soon it sees a crash, beside Patroni's API and node_exporter under the same load.

A benchmark: a target that is missed is told, and only a measurement that fails ends it with status 1.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "collections"))
sys.path.insert(0, str(ROOT))

from tests.bench import peers, resident  # noqa: E402
from tests.bench.load import Generator, Load  # noqa: E402
from tests.unit.agent.running import BEARER, Running, make_certificates, wait  # noqa: E402

OUTPUT = ROOT / "tests" / "output" / "bench" / "agent"
SERVER, CLIENT = 0, 1
ANEW = "a connection each"
MOST_CPU, MOST_MEMORY, LEAST_RATE, MOST_P99 = 0.01, 45e6, 1500.0, 0.020
# The agent's memory may grow by so much between the first and the last quarter of a long run.
FLAT = 1e6
# Beyond this share of waiting for the processor a latency says more about the machine than about the agent.
BUSY = 0.05


@dataclass(frozen=True)
class Row:
    """One server under load; ``waited`` is the share of the time in which others had its processor."""

    server: str
    path: str
    condition: str
    load: Load
    size: int = 0
    waited: float = 0.0


def main(argv: Sequence[str] | None = None) -> int:
    """Measure what was asked for."""
    options = _parser().parse_args(argv)
    OUTPUT.mkdir(parents=True, exist_ok=True)
    print(f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}, Python {sys.version.split()[0]}; notes in {OUTPUT}\n", flush=True)
    found: dict[str, Any] = {}
    if "cost" in options.parts:
        found["cost"] = _cost(options.minutes)
    if "answers" in options.parts:
        found["answers"] = [asdict(row) for row in _answers(options.seconds, options.connections)]
    if "crash" in options.parts:
        found["crash"] = _crash(options.crashes)
    (OUTPUT / "result.json").write_text(json.dumps(found, indent=1), encoding="utf-8")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="tests/bench/agent.py", description=__doc__)
    parser.add_argument("--parts", type=lambda text: text.split(","), default=["cost", "answers", "crash"], help="cost,answers,crash")
    parser.add_argument("--minutes", type=float, default=1.0, help="how long the cost is measured; 30 shows flat memory (default: 1)")
    parser.add_argument("--seconds", type=int, default=5, help="seconds of load for each row (default: 5)")
    parser.add_argument("--connections", type=int, default=16, help="clients at a time (default: 16)")
    parser.add_argument("--crashes", type=int, default=5, help="how many crashes are timed (default: 5)")
    return parser


def _cost(minutes: float) -> dict[str, Any]:
    """An agent with 50 checks every 10 s: processor and memory over the time, its first seconds left out."""
    port = peers.free_port()
    checks = resident.mixed_checks(50, port, OUTPUT / "a.log")
    with resident.agent(OUTPUT / "cost", None, listen=[f"127.0.0.1:{port}"], checks=checks) as (agent, _context):
        resident.started(agent)
        states = {name: entry[0]["state"] for name, entry in agent.get("/health", BEARER).data["checks"].items()}
        time.sleep(10)
        began, first, memory = time.monotonic(), resident.cost(agent.pid), []
        while time.monotonic() - began < minutes * 60:
            time.sleep(min(5.0, minutes * 15))
            memory.append(resident.cost(agent.pid).memory)
        share = (resident.cost(agent.pid).cpu - first.cpu) / (time.monotonic() - began)
    quarter = max(1, len(memory) // 4)
    growth = sum(memory[-quarter:]) / quarter - sum(memory[:quarter]) / quarter
    kinds = sorted({check["kind"] for check in checks})
    print(f"cost: 50 checks every 10 s ({', '.join(kinds)}; {sum(state == 'pass' for state in states.values())} pass), {minutes:g} min")
    print(f"  processor {share:.2%} of one core, programs it ran included{_verdict(share < MOST_CPU, f'below {MOST_CPU:.0%}')}")
    print(f"  memory at most {max(memory) / 1e6:.1f} MB{_verdict(max(memory) < MOST_MEMORY, f'below {MOST_MEMORY / 1e6:.0f} MB')}, "
          f"grew by {growth / 1e6:+.2f} MB{_verdict(growth < FLAT, f'less than {FLAT / 1e6:.0f} MB')}\n", flush=True)
    return {"cpu": share, "memory": memory, "growth": growth, "kinds": kinds}


def _answers(seconds: int, connections: int) -> list[Row]:
    """Answers a second and latency, plain and over TLS, at rest and in trouble, and the peers under the same load."""
    programs = peers.peers()
    if programs.wrk is None or programs.ab is None:
        print("answers: wrk and ab are not here and apt-get could not bring them; left out\n")
        return []
    generator = Generator(programs.wrk, programs.ab, programs.environment, CLIENT, connections, seconds)
    print(f"answers, {connections} clients, server and clients on a processor each, 50 checks:", flush=True)
    rows = [*_node_rows(programs, generator), *_patroni_rows(programs, generator)]
    rows += _agent_rows(generator, tls=False) + _agent_rows(generator, tls=True)
    for row in rows:
        print(_told(row), flush=True)
    _ratios(rows, programs)
    return rows


def _equal_row(generator: Generator, size: int) -> Row:
    with resident.agent(OUTPUT / "equal", SERVER, checks=_checks_for(size)) as (agent, _context):
        resident.started(agent)
        load = generator.run(f"http://127.0.0.1:{agent.port}/metrics")
        return Row("agent", "/metrics", "of equal size", load, len(agent.get("/metrics").body))


def _checks_for(size: int) -> list[dict[str, Any]]:
    """As many checks as make the agent's page as long as the peer's."""
    with resident.agent(OUTPUT / "size", None, checks=resident.cheap_checks(20)) as (agent, _context):
        resident.started(agent)
        small = len(agent.get("/metrics").body)
        agent.write(checks=resident.cheap_checks(40))
        agent.signal(signal.SIGHUP)
        wait(lambda: agent.metric("vigil_agent_looks_total") >= 40)
        each = (len(agent.get("/metrics").body) - small) / 20
    return resident.cheap_checks(max(1, round(20 + (size - small) / each)))


def _agent_rows(generator: Generator, *, tls: bool) -> list[Row]:
    rows, checks = [], resident.cheap_checks(50)
    with resident.hanging_port() as hanging:
        hung = {"name": "hung", "kind": "tcp", "port": hanging, "expect": "x", "ready": False, "interval": 5, "timeout": 5}
        for condition, more, slow in (("at rest", [], 0), ("a check hangs", [hung], 0), ("200 slow clients", [], 200)):
            with resident.agent(OUTPUT / "answers", SERVER, tls=tls, checks=[*checks, *more]) as (agent, context):
                resident.started(agent, context)
                with resident.slow_clients(agent.port, slow) if slow else contextlib.nullcontext():
                    rows += _agent_loads(generator, agent, context, condition)
    return rows


def _agent_loads(generator: Generator, agent: Running, context: ssl.SSLContext | None, condition: str) -> list[Row]:
    server, url = ("agent, TLS", f"https://127.0.0.1:{agent.port}") if context else ("agent", f"http://127.0.0.1:{agent.port}")
    rows = []
    for path in ("/health/ready", "/metrics"):
        before = resident.kept_waiting(agent.pid)
        load = generator.run(url + path)
        waited = (resident.kept_waiting(agent.pid) - before) / generator.seconds
        rows.append(Row(server, path, condition, load, len(agent.get(path, context=context).body), waited))
    if condition == "at rest":
        rows.append(Row(server, "/health/ready", ANEW, generator.run_anew(f"{url}/health/ready")))
    return rows


def _patroni_rows(programs: peers.Peers, generator: Generator) -> Iterator[Row]:
    if programs.patroni is None:
        return
    make_certificates(OUTPUT)
    for server, scheme, files in (("Patroni", "http", ()), ("Patroni, TLS", "https", (str(OUTPUT / "host.crt"), str(OUTPUT / "host.key")))):
        port = peers.free_port()
        with peers.bound(peers.patroni_command(port, files), port, SERVER, programs.environment, OUTPUT / "patroni.log"):
            yield Row(server, "/liveness", ANEW, generator.run_anew(f"{scheme}://127.0.0.1:{port}/liveness"))


def _node_rows(programs: peers.Peers, generator: Generator) -> Iterator[Row]:
    if programs.node_exporter is None:
        return
    port = peers.free_port()
    command = peers.node_command(programs.node_exporter, port)
    with peers.bound(command, port, SERVER, {"GOMAXPROCS": "1"}, OUTPUT / "node_exporter.log"):
        url = f"http://127.0.0.1:{port}/metrics"
        size = peers.page_size(url)
        yield Row("node_exporter", "/metrics", "of equal size", generator.run(url), size)
    yield _equal_row(generator, size)


def _told(row: Row) -> str:
    size = f"{row.size / 1000:7.1f} kB" if row.size else " " * 10
    line = (f"  {row.server:14} {row.path:14} {row.condition:18}{size} {row.load.rate:9.0f}/s  median {row.load.median * 1e3:6.1f} ms  "
            f"p99 {row.load.p99 * 1e3:6.1f} ms  errors {row.load.errors}, not 2xx {row.load.refused}")
    if not row.server.startswith("agent"):
        return line
    if row.condition in (ANEW, "of equal size"):
        return line
    good = row.load.rate >= LEAST_RATE and row.load.p99 < MOST_P99
    note = f"; others had its processor for {row.waited:.0%} of the time" if row.waited > BUSY else ""
    return line + _verdict(good, f"{LEAST_RATE:.0f}/s, p99 below {MOST_P99 * 1e3:.0f} ms{note}")


def _ratios(rows: Sequence[Row], programs: peers.Peers) -> None:
    print(f"\nratios (Patroni {programs.patroni}: its RestApiServer before a database that always runs; node_exporter on one processor):")
    for server, path, peer, condition in (
        ("agent", "/health/ready", "Patroni", ANEW), ("agent, TLS", "/health/ready", "Patroni, TLS", ANEW),
        ("agent", "/metrics", "node_exporter", "of equal size"),
    ):
        ours = next((row for row in rows if (row.server, row.path, row.condition) == (server, path, condition)), None)
        theirs = next((row for row in rows if row.server == peer), None)
        if ours and theirs:
            print(f"  {server} {path} : {peer} {theirs.path} = {ours.load.rate / max(theirs.load.rate, 0.1):.1f} times the answers, "
                  f"p99 {ours.load.p99 * 1e3:.0f} : {theirs.load.p99 * 1e3:.0f} ms ({condition})")
    print()


def _crash(times: int) -> list[float]:
    """Kill a server and wait until the agent says so, with the default interval."""
    interval, delays = 10, []
    port = peers.free_port()
    check = {"name": "server", "kind": "tcp", "port": port, "interval": interval, "timeout": 5}
    with resident.agent(OUTPUT / "crash", None, checks=[check]) as (agent, _context):
        for number in range(times):
            server = _server(port)
            wait(lambda: agent.get("/health/server").status == 200, 30)
            # Not always at the same moment of the interval.
            time.sleep(interval * number / times)
            began = time.monotonic()
            server.kill()
            server.wait()
            wait(lambda: agent.get("/health/server").status == 503, 30)
            delays.append(time.monotonic() - began)
    print(f"crash: a server killed is in the snapshot after {', '.join(f'{one:.1f}' for one in delays)} s; at most {max(delays):.1f} s"
          f"{_verdict(max(delays) <= interval + 1, f'at most the interval of {interval} s and 1 s')}\n", flush=True)
    return delays


def _server(port: int) -> subprocess.Popen[bytes]:
    code = ("import socket; s = socket.socket(); s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); "
            f"s.bind(('127.0.0.1', {port})); s.listen(9)\nwhile True: s.accept()[0].close()")
    process = subprocess.Popen([sys.executable, "-c", code])
    wait(lambda: _accepts(port))
    return process


def _accepts(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def _verdict(good: bool, target: str) -> str:
    return f" [{'good' if good else 'MISSED'}: {target}]"


if __name__ == "__main__":
    sys.exit(main())
