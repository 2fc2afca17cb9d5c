# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kind icmp on loopback, its packets, and what it says where it may not send."""

from __future__ import annotations

import socket
import struct
import threading
import time

import pytest
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.clients import icmp, net

from tests.unit.health.serving import descriptors, left_open, look


def may_send(family: int) -> bool:
    """May this process ping? As a user, that depends on the machine it runs on."""
    protocol = socket.IPPROTO_ICMP if family == socket.AF_INET else socket.IPPROTO_ICMPV6
    for kind in (socket.SOCK_DGRAM, socket.SOCK_RAW):
        try:
            with socket.socket(family, kind, protocol) as link:
                link.connect(("127.0.0.1" if family == socket.AF_INET else "::1", 0))
                return True
        except OSError:
            continue
    return False


@pytest.mark.parametrize(("family", "address"), [(socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1")])
def test_loopback(family: int, address: str) -> None:
    before = descriptors()
    result = look("icmp", host=address, count=3, interval_between="10ms")
    if may_send(family):
        assert result.state == "pass" and result.values["received"] == 3 and 0 < result.values["latency"] < 0.5, result.summary
    else:
        assert result.state in ("unknown", "fail"), result.summary
    assert left_open(before) == 0


@pytest.mark.skipif(not may_send(socket.AF_INET), reason="this process may not send ICMP")
def test_one_that_never_replies_has_no_more_than_the_timeout() -> None:
    began = time.monotonic()
    result = look("icmp", 0.5, host="240.0.0.1", count=5)
    assert result.state == "fail" and time.monotonic() - began < 0.9, result.summary


def test_a_name_that_is_not_there() -> None:
    result = look("icmp", 1, host="nobody.invalid")
    assert result.state == "fail" and "name" in result.summary


def test_replies_that_are_late_doubled_or_missing() -> None:
    """The same requests over UDP to a server of ours: it needs no right, and answers as one wants."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as link:
        server.bind(("127.0.0.1", 0))
        never = threading.Event()

        def answer() -> None:
            asked = [server.recvfrom(2048) for _number in range(4)]
            never.wait(0.06)
            for data, peer in asked[:3]:
                said = b"\0" + data[1:]
                for part in (data, said[:8] + b"x" * 16, said, said):
                    server.sendto(part, peer)
        thread = threading.Thread(target=answer, daemon=True)
        thread.start()
        deadline = net.Deadline(time.monotonic, 0.5)
        times = icmp.Round(link, server.getsockname(), socket.AF_INET, 4).run(0.02, deadline)
        thread.join()
    assert [seconds is not None for seconds in times] == [True, True, True, False]
    assert times[0] is not None and 0.11 < times[0] < 0.5, "the first reply came after the last request"


MARK = bytes(range(16))


def test_a_request_has_the_checksum_of_the_rfc() -> None:
    packet = icmp.request(socket.AF_INET, 0x1234, 7, MARK)
    assert packet[:2] == b"\x08\x00" and packet[4:8] == b"\x12\x34\x00\x07" and packet[8:] == MARK
    assert icmp.checksum(packet) == 0, "the sum over a packet with its checksum is zero"
    assert icmp.checksum(bytes.fromhex("0001f203f4f5f6f7")) == 0x220D, "the example of RFC 1071"
    assert icmp.checksum(b"\x01") == 0xFEFF


def reply(kind: int, number: int, mark: bytes = MARK) -> bytes:
    return struct.pack("!BBHHH", kind, 0, 0, 1, number) + mark


def test_replies() -> None:
    raw_header = b"\x45" + b"\0" * 19
    assert icmp.reply_to(reply(0, 5), socket.AF_INET, MARK) == 5
    assert icmp.reply_to(raw_header + reply(0, 6), socket.AF_INET, MARK) == 6
    assert icmp.reply_to(b"\x46" + b"\0" * 23 + reply(0, 6), socket.AF_INET, MARK) == 6
    assert icmp.reply_to(reply(129, 7), socket.AF_INET6, MARK) == 7


@pytest.mark.parametrize("data", [b"", b"\x45", b"\x00", reply(8, 5), reply(3, 5), reply(0, 5, b"x" * 16), reply(0, 5)[:-1]])
def test_what_is_no_reply_to_us(data: bytes) -> None:
    assert icmp.reply_to(data, socket.AF_INET, MARK) is None
    assert icmp.reply_to(b"\x45" + b"\0" * 19 + data, socket.AF_INET, MARK) is None
