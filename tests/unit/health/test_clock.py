# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The clock, beside a small SNTP server on the loopback, programs that say what chronyc and timedatectl say, and a clock that jumps."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import pytest
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.bounded import Ended
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health import sntp
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.kind import Look
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.kinds import clock
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.look import look_at
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.model import Result
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.spec import parse
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.system import System

EPOCH = 2_208_988_800
SYNCED = "A9FEA97B,169.254.169.123,4,1700000000.0,0.000021,0.00001,0.00002,-9.1,0.0,0.1,0.0003,0.0005,64.2,Normal\n"
UNSYNCED = "00000000,,0,0.0,0.0,0.0,0.0,0.0,0.0,0.0,1.0,1.0,0.0,Not synchronised\n"
Reply = Callable[[bytes], bytes]


def stamp(wall: float) -> int:
    return int((wall + EPOCH) * 2**32) % 2**64


def right(ahead: float = 0.0, first: int = 0x24, stratum: int = 2, origin: bytes | None = None, refid: bytes = b"LOCL") -> Reply:
    """A server whose clock is that many seconds ahead."""
    def reply(packet: bytes) -> bytes:
        now = stamp(time.time() + ahead)
        return struct.pack("!BBbb8x4s8x8sQQ", first, stratum, 6, -20, refid, origin or packet[40:48], now, now)
    return reply


@contextmanager
def serving(reply: Reply | None, host: str = "127.0.0.1", port: int = 0) -> Iterator[tuple[int, list[bytes]]]:
    """An SNTP server; its port, and what it was asked. None: it never answers."""
    seen: list[bytes] = []
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as link:
        link.bind((host, port))

        def serve() -> None:
            while True:
                packet, peer = link.recvfrom(512)
                if packet == b"stop":
                    return
                seen.append(packet)
                if reply:
                    link.sendto(reply(packet), peer)

        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield link.getsockname()[1], seen
        finally:
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
                last.sendto(b"stop", link.getsockname())
            thread.join(5)


class Host(System):
    """A machine whose clocks are set and whose programs say what is written here."""

    def __init__(self, programs: Mapping[str, Ended] | None = None, wall: float = 0.0, up: float = 0.0, boot: str = "b1") -> None:
        self.programs, self.wall, self.up, self.boot = programs or {}, wall, up, boot
        self.ran: list[str] = []

    def bounded_run(self, argv: Sequence[str], timeout: float, env: Mapping[str, str] | None = None, cwd: str | None = None,
                    keep: int = 0) -> Ended:
        self.ran.append(argv[0])
        return self.programs.get(argv[0]) or Ended(tuple(argv), None, problem=f"{argv[0]} could not be started", missing=argv[0])

    def read(self, path: str) -> bytes | None:
        return self.boot.encode()

    def now(self) -> float:
        return self.wall

    def uptime(self) -> float:
        return self.up


def said(out: str, rc: int = 0) -> Ended:
    return Ended((), rc, out)


def look(system: System, options: dict[str, Any], kept: Mapping[str, Any] | None = None, timeout: float = 5.0) -> tuple[Result, Any]:
    check = parse([{"name": "x", "kind": "clock", **options}], {"clock": clock.KIND})[0]
    return look_at(check, clock.KIND, Look(system, timeout, kept or {}))


@pytest.mark.parametrize(("ahead", "state"), [(0.0, "pass"), (0.5, "warn"), (-2.0, "fail"), (600.0, "fail")])
def test_the_offset_to_a_server(ahead: float, state: str) -> None:
    with serving(right(ahead)) as (port, seen):
        result, _kept = look(System(), {"servers": ["127.0.0.1"], "port": port})
    assert result.state == state
    assert result.values["offset"] == pytest.approx(ahead, abs=0.05)
    assert (len(seen), len(seen[0]), seen[0][0]) == (1, 48, 0x23)


@pytest.mark.parametrize(("reply", "words"), [
    (right(stratum=0, refid=b"RATE"), "refuses: RATE (kiss of death"),
    (right(first=0xE4), "is not synchronized itself"),
    (right(stratum=16), "is not synchronized itself"),
    (right(first=0x23), "somebody else's question"),
    (right(origin=b"12345678"), "somebody else's question"),
    (lambda packet: b"short", "an answer of 5 bytes"),
    (None, "no answer in time"),
])
def test_an_answer_that_cannot_be_used_is_unknown(reply: Reply | None, words: str) -> None:
    with serving(reply) as (port, _seen):
        start = time.monotonic()
        result, _kept = look(System(), {"servers": ["127.0.0.1"], "port": port}, timeout=0.3)
        assert time.monotonic() - start < 0.3
    assert (result.state, words in result.summary) == ("unknown", True), result.summary


def test_nobody_listens() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as link:
        link.bind(("127.0.0.1", 0))
        port = link.getsockname()[1]
    result, _kept = look(System(), {"servers": ["127.0.0.1"], "port": port})
    assert (result.state, "Connection refused" in result.summary) == ("unknown", True)


def test_one_liar_among_three_is_outvoted() -> None:
    with serving(right(3600.0)) as (port, _seen):  # noqa: SIM117 - pylint does not see that the port is known by then
        with serving(right(0.2), "127.0.0.2", port), serving(right(-7200.0), "127.0.0.3", port):
            result, _kept = look(System(), {"servers": ["127.0.0.1", "127.0.0.2", "127.0.0.3"], "port": port})
    assert (result.state, result.values["answers"], result.values["source"]) == ("warn", 3, "127.0.0.2")


def test_a_server_that_cannot_be_found_does_not_matter() -> None:
    with serving(right(0.2)) as (port, _seen):
        result, _kept = look(System(), {"servers": ["127.0.0.1", "a..b"], "port": port}, timeout=2)
    assert (result.state, result.values["answers"]) == ("warn", 1)


def test_across_the_turn_of_2036() -> None:
    turn = 2**32 - EPOCH
    packet = struct.pack("!BBbb8x4s8x8sQQ", 0x24, 2, 6, -20, b"LOCL", b"n" * 8, stamp(turn + 1.0), stamp(turn + 1.5))
    answer = sntp.parse(packet, b"n" * 8, turn - 1.0, 1.0)
    assert (answer.offset, answer.delay, answer.error) == (pytest.approx(1.75), pytest.approx(0.5), "")


def test_chrony() -> None:
    result, _kept = look(Host({"chronyc": said(SYNCED)}), {})
    assert (result.state, result.values["offset"], result.values["synchronized"]) == ("pass", 0.000021, True)
    result, _kept = look(Host({"chronyc": said(UNSYNCED)}), {})
    assert (result.state, result.summary) == ("fail", "the clock is not synchronized, says chrony")


def test_without_chrony_systemd_is_asked() -> None:
    host = Host({"chronyc": said("506 Cannot talk to daemon\n", 1), "timedatectl": said("yes\n")})
    result, _kept = look(host, {})
    assert (result.state, result.values["synchronized"], host.ran) == ("pass", True, ["chronyc", "timedatectl"])
    result, _kept = look(host, {"source": "chrony"})
    assert (result.state, "506 Cannot talk to daemon" in result.summary) == ("unknown", True)


@pytest.mark.parametrize("programs", [{}, {"timedatectl": said("", 1)}, {"timedatectl": said("perhaps\n")}])
def test_no_source_is_unknown(programs: dict[str, Ended]) -> None:
    result, _kept = look(Host(programs), {})
    assert (result.state, "nobody can tell the right time" in result.summary) == ("unknown", True)


def test_the_source_is_asked_once_a_poll_and_after_a_jump() -> None:
    host, kept, asked = Host({"chronyc": said(SYNCED)}), None, []
    for host.up, host.wall in ((0, 1000), (10, 1010), (63, 1063), (64, 1064), (70, 1670), (80, 1680)):
        _result, kept = look(host, {}, kept)
        asked.append(len(host.ran))
    assert asked == [1, 1, 1, 2, 3, 3]


def test_a_jump_counts_for_its_window() -> None:
    host, kept, states = Host({"chronyc": said(SYNCED)}), None, []
    for host.up, host.wall in ((0, 1000), (10, 1010), (20, 420), (30, 430), (319, 719), (321, 721)):
        result, kept = look(host, {"jump_window": "5m"}, kept)
        states.append((result.state, result.values["jump"]))
    assert states == [("pass", 0), ("pass", 0), ("fail", -600), ("fail", -600), ("fail", -600), ("pass", 0)]


def test_slewing_and_a_restart_of_the_machine_are_no_jumps() -> None:
    host, kept, seen = Host({"chronyc": said(SYNCED)}), None, []
    looks = ((0, 0, "b1"), (1000, 1000.5, "b1"), (100000, 100050, "b1"), (30, 200000, "b2"), (40, 200010, "b2"))
    for host.up, host.wall, host.boot in looks:
        result, kept = look(host, {}, kept)
        seen.append(result.values["jump"])
    assert seen == [0, 0, 0, 0, 0]


def test_the_time_since_boot_of_this_machine() -> None:
    first = System().uptime()
    assert 0 < first <= System().uptime()
