# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kind tcp against real servers on loopback."""

from __future__ import annotations

import socket
import struct
import time

from tests.unit.health.serving import descriptors, left_open, look, serve


def mail(link: socket.socket) -> None:
    link.sendall(b"220 mail")
    link.sendall(b" ready\r\n")
    if link.recv(100) == b"QUIT\r\n":
        link.sendall(b"221 bye\r\n")


def test_a_greeting_and_a_talk() -> None:
    with serve(mail) as port:
        assert look("tcp", port=port).state == "pass"
        assert look("tcp", port=port, expect="^220 .*ready").state == "pass"
        assert look("tcp", port=port, send="QUIT\r\n", expect="221 bye").state == "pass"
        other = look("tcp", 0.3, port=port, expect="^554")
    assert other.state == "fail" and "answered '220 mail ready', which does not match '^554'" in other.summary


def test_connecting_is_enough() -> None:
    with serve(lambda link: time.sleep(1)) as port:
        result = look("tcp", port=port)
    assert result.state == "pass" and result.duration < 0.5


def test_a_server_that_says_nothing_or_drips_has_no_more_than_the_timeout() -> None:
    def drip(link: socket.socket) -> None:
        while True:
            link.sendall(b"x")
            time.sleep(0.05)
    before = descriptors()
    for answer in (lambda link: time.sleep(1), drip):
        with serve(answer) as port:
            began = time.monotonic()
            result = look("tcp", 0.4, port=port, expect="never")
            assert result.state == "fail" and 0.3 < time.monotonic() - began < 0.8
    assert left_open(before) == 0


def test_an_endless_answer_is_cut() -> None:
    def flood(link: socket.socket) -> None:
        while True:
            link.sendall(b"x" * 65536)
    with serve(flood) as port:
        result = look("tcp", port=port, expect="never", timeout=10)
    assert result.state == "fail" and result.duration < 5 and len(result.values["answer"]) < 128 * 1024


def test_a_server_that_takes_nothing() -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(1)
        result = look("tcp", 0.4, port=listener.getsockname()[1], send="x" * 20_000_000, expect="x")
    assert result.state == "fail" and result.duration < 1


def test_a_connection_that_is_reset() -> None:
    def reset(link: socket.socket) -> None:
        link.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    with serve(reset) as port:
        result = look("tcp", port=port, expect="x")
    assert result.state == "fail" and result.duration < 1


def test_nobody_listens_and_a_name_that_is_not_there() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        refused = look("tcp", port=taken.getsockname()[1])
    assert refused.state == "fail" and "connection refused" in refused.summary
    unknown = look("tcp", 1, port=25, host="nobody.invalid")
    assert unknown.state == "fail" and "name" in unknown.summary
