# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kind dns against servers on loopback, its bytes against bytes of RFC 1035, and its decoder against noise."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.clients import dns_wire
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.clients.dns import first_server
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.health.serving import descriptors, left_open, look, serve

Answering = Callable[[bytes], "list[bytes]"]


@contextmanager
def dns_server(answer: Answering) -> Iterator[int]:
    """Serve over UDP on a free port of loopback: each question is answered by what ``answer`` returns."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as link:
        link.bind(("127.0.0.1", 0))

        def run() -> None:
            while True:
                data, peer = link.recvfrom(4096)
                if data == b"end":
                    return
                for part in answer(data):
                    link.sendto(part, peer)

        thread = threading.Thread(target=run, daemon=True)
        thread.start()
        yield link.getsockname()[1]
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as last:
            last.sendto(b"end", link.getsockname())
        thread.join()


def reply(question: bytes, *records: tuple[int, bytes], flags: int = 0x8180) -> bytes:
    """An answer with these records (type and data), each owned by a pointer to the question's name."""
    head = question[:2] + struct.pack("!5H", flags, 1, len(records), 0, 0)
    return head + question[12:] + b"".join(b"\xc0\x0c" + struct.pack("!HHIH", kind, 1, 60, len(data)) + data for kind, data in records)


def address(question: bytes) -> list[bytes]:
    return [reply(question, (1, bytes([10, 0, 0, 21])), (1, bytes([10, 0, 0, 22])))]


def test_an_address() -> None:
    with dns_server(address) as port:
        result = look("dns", query="db.example.org", server="127.0.0.1", port=port, expect=["10.0.0.22"])
        missing = look("dns", query="DB.example.org.", server="127.0.0.1", port=port, expect=["10.0.0.23"])
    assert result.state == "pass" and result.values["records"] == ["10.0.0.21", "10.0.0.22"]
    assert missing.state == "fail" and "10.0.0.23 is missing" in missing.summary


@pytest.mark.parametrize(("code", "words"), [(2, "SERVFAIL"), (3, "there is no such name"), (5, "REFUSED"), (0, "no record of this type")])
def test_codes(code: int, words: str) -> None:
    with dns_server(lambda question: [reply(question, flags=0x8180 | code)]) as port:
        result = look("dns", query="db.example.org", server="127.0.0.1", port=port)
    assert result.state == "fail" and words in result.summary


def test_a_black_hole_has_no_more_than_the_timeout() -> None:
    asked: list[bytes] = []
    before = descriptors()
    with dns_server(lambda question: asked.append(question) or []) as port:  # type: ignore[func-returns-value]
        began = time.monotonic()
        result = look("dns", 0.6, query="db.example.org", server="127.0.0.1", port=port)
        spent = time.monotonic() - began
    assert result.state == "fail" and "no answer in time" in result.summary and 0.5 < spent < 0.9
    assert len(asked) == 3, "a packet that is lost is sent again"
    assert left_open(before) == 0


def test_one_lost_packet_is_no_failure() -> None:
    asked: list[bytes] = []

    def answer(question: bytes) -> list[bytes]:
        asked.append(question)
        return address(question) if len(asked) > 1 else []
    with dns_server(answer) as port:
        assert look("dns", 0.6, query="db.example.org", server="127.0.0.1", port=port).state == "pass"


def test_answers_to_other_questions_are_passed_over() -> None:
    def answer(question: bytes) -> list[bytes]:
        other = bytes([question[0] ^ 1]) + question[1:]
        stranger = question[:12] + b"\x01x" + question[12:]
        return [b"", b"noise", reply(other, (1, b"\1\1\1\1")), reply(stranger, (1, b"\2\2\2\2")), *address(question)]
    with dns_server(answer) as port:
        result = look("dns", query="db.example.org", server="127.0.0.1", port=port)
    assert result.values["records"] == ["10.0.0.21", "10.0.0.22"]


def test_an_answer_that_cannot_be_read_fails_in_words() -> None:
    def circle(question: bytes) -> list[bytes]:
        at = 12 + len(question) - 12 + 12
        return [reply(question, (5, struct.pack("!H", 0xC000 | at)))]
    with dns_server(circle) as port:
        result = look("dns", 0.5, query="db.example.org", type="CNAME", server="127.0.0.1", port=port)
    assert result.state == "fail" and "leads in a circle" in result.summary


def test_nobody_listens() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    result = look("dns", query="db.example.org", server="127.0.0.1", port=port)
    assert result.state == "fail" and "connection refused" in result.summary and result.duration < 1


def test_a_long_answer_is_asked_for_by_tcp() -> None:
    def by_tcp(link: socket.socket) -> None:
        question = link.recv(4096)[2:]
        answer = reply(question, *[(1, bytes([10, 0, 1, number])) for number in range(100)])
        link.sendall(struct.pack("!H", len(answer)) + answer)
    with serve(by_tcp) as port, socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as link:
        link.bind(("127.0.0.1", port))

        def by_udp() -> None:
            question, peer = link.recvfrom(4096)
            link.sendto(reply(question, flags=0x8380), peer)
        thread = threading.Thread(target=by_udp, daemon=True)
        thread.start()
        result = look("dns", query="db.example.org", server="127.0.0.1", port=port)
        thread.join()
        straight = look("dns", query="db.example.org", server="127.0.0.1", port=port, tcp=True)
    assert len(result.values["records"]) == len(straight.values["records"]) == 100


@pytest.mark.parametrize("said", [b"", b"\x00", b"\xff\xff" + b"x" * 70000])
def test_half_an_answer_by_tcp(said: bytes) -> None:
    with serve(lambda link: link.recv(4096) and link.sendall(said)) as port:
        assert look("dns", 2, query="db.example.org", server="127.0.0.1", port=port, tcp=True).state == "fail"


def test_the_hosts_own_resolver() -> None:
    assert look("dns", query="localhost", server="system", expect=["127.0.0.1"]).state == "pass"
    gone = look("dns", 2, query="nobody.invalid", server="system")
    assert gone.state == "fail"


def test_the_first_server() -> None:
    assert first_server("# nameserver 1.1.1.1\nsearch x\nnameserver   10.0.0.53\nnameserver 10.0.0.54\n") == "10.0.0.53"
    assert first_server("search x\n") is None


# --- bytes --------------------------------------------------------------------------------------------------------------------------------

RECORDS = [
    ("A", bytes([192, 0, 2, 1]), "192.0.2.1"),
    ("AAAA", bytes.fromhex("20010db8000000000000000000000001"), "2001:db8::1"),
    ("CNAME", b"\x03www\xc0\x0c", "www.example.org"),
    ("NS", b"\x02ns\x07example\x03org\x00", "ns.example.org"),
    ("PTR", b"\xc0\x0c", "example.org"),
    ("MX", b"\x00\x0a\x04mail\xc0\x0c", "10 mail.example.org"),
    ("TXT", b"\x05hello\x06 world", "hello world"),
    ("SRV", b"\x00\x01\x00\x02\x13\x88\x02db\xc0\x0c", "1 2 5000 db.example.org"),
    ("SOA", b"\x02ns\xc0\x0c\x05admin\xc0\x0c" + struct.pack("!5I", 1, 2, 3, 4, 5), "ns.example.org admin.example.org 1 2 3 4 5"),
]


@pytest.mark.parametrize(("kind", "data", "text"), RECORDS, ids=[record[0] for record in RECORDS])
def test_records(kind: str, data: bytes, text: str) -> None:
    question = dns_wire.question(7, "example.org", kind)
    known = reply(question, (dns_wire.TYPES[kind], data))
    assert dns_wire.answer(known, 7, "example.org", kind) == dns_wire.Answer("NOERROR", False, (text,))
    for length in range(len(known)):
        with pytest.raises(ValueError, match="."):
            dns_wire.answer(known[:length], 7, "example.org", kind)


def test_a_name_that_is_too_long() -> None:
    data = (b"\x3f" + b"a" * 63) * 4 + b"\x00"
    with pytest.raises(ValueError, match="too long"):
        dns_wire.answer(reply(dns_wire.question(7, "example.org", "NS"), (2, data)), 7, "example.org", "NS")


def test_a_question_as_the_rfc_writes_it() -> None:
    wanted = bytes.fromhex("1234 0100 0001 0000 0000 0000 03777777 07 6578616d706c65 03 6f7267 00 000f 0001")
    assert dns_wire.question(0x1234, "www.example.org.", "MX") == wanted


def test_names_that_are_asked_for() -> None:
    assert dns_wire.asked_name("192.0.2.1", "PTR") == "1.2.0.192.in-addr.arpa"
    assert dns_wire.asked_name("2001:db8::1", "PTR").endswith(".8.b.d.0.1.0.0.2.ip6.arpa")
    assert dns_wire.asked_name("bücher.example", "A") == "xn--bcher-kva.example"
    assert dns_wire.question(1, ".", "NS")[12:13] == b"\0"


@given(st.binary(max_size=300), st.sampled_from(sorted(dns_wire.TYPES)))
def test_noise_is_a_value_error(data: bytes, kind: str) -> None:
    with pytest.raises(ValueError, match="."):
        dns_wire.answer(data, 7, "example.org", kind)


POINTERS = st.builds(lambda at: struct.pack("!H", 0xC000 | at), st.integers(0, 120))


@given(st.lists(st.one_of(st.binary(max_size=20), st.just(b"\xc0\x0c"), POINTERS)),
       st.sampled_from(sorted(dns_wire.TYPES)), st.integers(0, 5))
def test_noise_behind_a_good_question_is_read_or_a_value_error(parts: list[bytes], kind: str, count: int) -> None:
    question = dns_wire.question(7, "example.org", kind)
    data = question[:2] + struct.pack("!5H", 0x8180, 1, count, 0, 0) + question[12:] + b"".join(parts)
    try:
        answer = dns_wire.answer(data, 7, "example.org", kind)
    except ValueError:
        return
    assert len(answer.records) <= count


@given(st.integers(0, 3), st.binary(max_size=60), st.sampled_from(sorted(dns_wire.TYPES)))
def test_damaged_data_of_a_record(which: int, data: bytes, kind: str) -> None:
    question = dns_wire.question(7, "example.org", kind)
    try:
        dns_wire.answer(reply(question, *[(dns_wire.TYPES[kind], data)] * which), 7, "example.org", kind)
    except ValueError:
        return
