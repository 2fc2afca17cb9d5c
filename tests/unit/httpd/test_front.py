# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The front on loopback: rude clients get a refusal or a closed connection, and the others their answer."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.httpd.front import Front
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.httpd.tls import server_context
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.httpd.values import Answer, Limits, Request, answer, text
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.model import VigilError

from tests.unit.agent.running import Reply, make_certificates, read_reply, wait

GET = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
BIG = b"x" * 1_000_000


def handle(request: Request) -> Answer:
    if request.path == "/broken":
        raise RuntimeError("a defect")
    if request.path == "/big":
        return answer(200, BIG)
    return text(200, f"{request.method} {request.path} {len(request.body)}")


class Served:
    """A front in a thread of its own."""

    def __init__(self, limits: Limits, context: ssl.SSLContext | None) -> None:
        self.defects: list[BaseException] = []
        self._limits, self._context = limits, context
        self._up, self._end = threading.Event(), asyncio.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()))

    async def _run(self) -> None:
        self._loop, self._end = asyncio.get_running_loop(), asyncio.Event()
        self.front = Front(handle, self._limits, context=self._context, on_defect=self.defects.append)
        self.port = int(self.front.listen(["127.0.0.1:0"])[0].rpartition(":")[2])
        self._up.set()
        await self._end.wait()
        await self.front.stop(0.2)

    def start(self) -> Served:
        self._thread.start()
        assert self._up.wait(5)
        return self

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join(5)
        assert not self._thread.is_alive()

    def connect(self, data: bytes = b"") -> socket.socket:
        link = socket.create_connection(("127.0.0.1", self.port), timeout=10)
        link.sendall(data)
        return link

    def ask(self, data: bytes = GET) -> Reply:
        with self.connect(data) as link:
            return read_reply(link)


@contextlib.contextmanager
def serving(context: ssl.SSLContext | None = None, **limits: float) -> Iterator[Served]:
    served = Served(Limits(**limits), context).start()  # type: ignore[arg-type]
    try:
        yield served
    finally:
        served.stop()


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    with serving() as one:
        yield one


def closed(link: socket.socket) -> bool:
    """Read until the other side closes."""
    try:
        while link.recv(65536):
            pass
    except ConnectionError:
        return True
    return True


def post(body: bytes, *headers: str, path: str = "/p") -> bytes:
    lines = [f"POST {path} HTTP/1.1", "Host: x", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def test_one_connection_many_requests(served: Served) -> None:
    with served.connect() as link:
        for number in range(5):
            link.sendall(GET.replace(b"/ ", b"/%d " % number))
            assert read_reply(link).body == b"GET /%d 0\n" % number


def test_pipelined_requests_are_answered_in_order(served: Served) -> None:
    with served.connect(b"".join(GET.replace(b"/ ", b"/%d " % number) for number in range(300))) as link:
        assert [read_reply(link).body for _number in range(300)] == [b"GET /%d 0\n" % number for number in range(300)]


def test_a_request_that_comes_byte_by_byte(served: Served) -> None:
    with served.connect(b"\r\n") as link:
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in post(b"abc") + GET:
            link.sendall(bytes([byte]))
        assert [read_reply(link).body, read_reply(link).body] == [b"POST /p 3\n", b"GET / 0\n"]


def test_a_body_is_no_request(served: Served) -> None:
    with served.connect(post(b"GET /secret HTTP/1.1\r\nHost: x\r\n\r\n") + GET) as link:
        assert read_reply(link).body == b"POST /p 33\n"
        assert read_reply(link).body == b"GET / 0\n"


@pytest.mark.parametrize(("data", "status"), [
    (b"GET / HTTP/1.1\r\n\r\n", 400), (b"nonsense\r\n\r\n", 400), (post(b"", "Transfer-Encoding: chunked"), 400),
    (b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n", 413), (b"GET /" + b"a" * 9000, 414),
    (GET[:-2] + b"A: " + b"b" * 1_000_000 + b"\r\n\r\n", 431), (GET[:-2] + b"A: b\r\n" * 200_000, 431),
    (b"\x16\x03\x01\x02\x00\x01\x00" * 30, 0),
    (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
])
def test_a_refused_client_reads_why_and_is_closed(served: Served, data: bytes, status: int) -> None:
    with served.connect(data) as link:
        if status:
            reply = read_reply(link)
            assert (reply.status, reply.headers["connection"]) == (status, "close")
        else:
            link.shutdown(socket.SHUT_WR)
        assert closed(link)
    assert served.ask().status == 200


def test_a_refused_client_may_finish_its_sentence() -> None:
    with serving() as served, served.connect(GET[:-2] + b"A: " + b"b" * 20_000) as link:
        wait(lambda: served.front.figures().answers.get(431))
        for _number in range(3):
            link.sendall(b"b" * 1000)
            time.sleep(0.05)
        assert read_reply(link).status == 431


def test_continue_is_said_before_a_body(served: Served) -> None:
    with served.connect(post(b"", "Expect: 100-continue").replace(b"Length: 0", b"Length: 3")) as link:
        assert read_reply(link).status == 100
        link.sendall(b"abc")
        assert read_reply(link).body == b"POST /p 3\n"


@pytest.mark.parametrize(("request_", "connection", "body"), [
    (b"GET / HTTP/1.0\r\n\r\n", "close", True), (b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "keep-alive", True),
    (GET[:-2] + b"Connection: close\r\n\r\n", "close", True), (GET.replace(b"GET", b"HEAD"), "", False),
])
def test_who_closes(served: Served, request_: bytes, connection: str, body: bool) -> None:
    with served.connect(request_) as link:
        reply = read_reply(link, head=not body)
        assert (reply.status, reply.headers.get("connection", "")) == (200, connection)
        if connection == "close":
            assert closed(link)
        else:
            link.sendall(GET)
            assert read_reply(link).body == b"GET / 0\n"


def test_a_defect_of_the_handler_is_a_500_and_nothing_else(served: Served) -> None:
    with served.connect(GET.replace(b"/ ", b"/broken ") + GET) as link:
        assert [read_reply(link).status, read_reply(link).status] == [500, 200]
    assert isinstance(served.defects[-1], RuntimeError)


def test_slow_heads_and_bodies_and_idlers_are_closed() -> None:
    with serving(header_time=0.5, idle_time=1.0) as served:
        silent, slow, half = served.connect(), served.connect(GET[:10]), served.connect(post(b"abc")[:-1])
        idle = served.connect(GET)
        assert read_reply(idle).status == 200
        assert read_reply(slow).status == read_reply(half).status == 408
        assert all(closed(link) for link in (silent, slow, half, idle))
        wait(lambda: served.front.figures().connections == 0)
        assert served.front.figures().expired >= 4


def test_a_client_that_trickles_gains_nothing() -> None:
    with serving(header_time=0.6) as served, served.connect(GET[:4]) as link:
        began = time.monotonic()
        with contextlib.suppress(OSError):
            while time.monotonic() - began < 5:
                link.sendall(b"a")
                time.sleep(0.02)
        assert time.monotonic() - began < 4


def test_a_client_that_does_not_read_is_not_answered_without_end() -> None:
    with serving(idle_time=1.0) as served:
        link = socket.socket()
        link.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        link.connect(("127.0.0.1", served.port))
        link.settimeout(10)
        link.sendall(GET.replace(b"/ ", b"/big ") * 200)
        assert served.ask().status == 200
        assert served.front.figures().answers[200] < 12
        wait(lambda: served.front.figures().connections == 0)
        link.close()


def test_the_oldest_idle_gives_way() -> None:
    with serving(connections=10) as served:
        first = served.connect(GET)
        assert read_reply(first).status == 200
        others = [served.connect(GET) for _number in range(9)]
        assert all(read_reply(link).status == 200 for link in others)
        first.sendall(GET)  # now another is the oldest
        assert read_reply(first).status == 200
        assert served.ask().status == 200
        assert closed(others[0])
        first.sendall(GET)
        assert read_reply(first).status == 200
        assert served.front.figures().evicted == 1


def test_a_crowd_that_says_nothing_keeps_nobody_out() -> None:
    with serving(connections=20) as served:
        crowd = [served.connect() for _number in range(300)]
        assert served.ask().status == 200
        assert served.front.figures().connections <= 21
        for link in crowd:
            link.close()


def test_tls_and_a_crowd_in_its_handshake(tmp_path: Path) -> None:
    trust = make_certificates(tmp_path)
    context = server_context(str(tmp_path / "host.crt"), str(tmp_path / "host.key"))
    with serving(context, connections=20, header_time=1.0) as served:
        crowd = [served.connect() for _number in range(200)]
        with trust.wrap_socket(served.connect(), server_hostname="127.0.0.1") as link:
            link.sendall(GET * 100)
            assert [read_reply(link).status for _number in range(100)] == [200] * 100
        assert served.front.figures().connections <= 21
        with served.connect(GET) as plain:
            assert closed(plain)
        wait(lambda: served.front.figures().connections == 0)
        for one in crowd:
            one.close()


@pytest.mark.parametrize("make", ["missing", "swapped", "locked"])
def test_files_that_are_no_pair_are_named(tmp_path: Path, make: str) -> None:
    make_certificates(tmp_path)
    cert, key = tmp_path / "host.crt", tmp_path / "host.key"
    if make == "missing":
        key.unlink()
    elif make == "swapped":
        other = key.read_bytes()
        make_certificates(tmp_path)
        key.write_bytes(other)
    else:
        key.write_text("-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIB\n-----END ENCRYPTED PRIVATE KEY-----\n")
    with pytest.raises(VigilError, match=f"{key}"):
        server_context(str(cert), str(key))


def test_an_address_that_is_taken_is_told_and_the_old_ones_stay() -> None:
    async def run() -> None:
        first, second = Front(handle), Front(handle)
        mine, other = first.listen(["127.0.0.1:0"])[0], second.listen(["127.0.0.1:0"])[0]
        with pytest.raises(VigilError, match="cannot listen on"):
            second.listen(["127.0.0.1:0", mine])
        host, port = other.split(":")
        socket.create_connection((host, int(port)), timeout=5).close()
        await first.stop()
        await second.stop()
        with pytest.raises(ConnectionError):
            socket.create_connection((host, int(port)), timeout=5)
    asyncio.run(run())


def test_random_bytes_end_nothing(served: Served) -> None:
    source = random.Random(11)
    for _number in range(300):
        junk = source.choice([b"", GET[:20], GET]) + source.randbytes(source.randrange(3000))
        with served.connect() as link, contextlib.suppress(OSError):
            link.sendall(junk)
            if source.random() < 0.5:
                link.shutdown(socket.SHUT_WR)
                link.recv(1000)
    assert served.ask().status == 200
    assert not [error for error in served.defects if not isinstance(error, RuntimeError)]


def test_a_large_answer_over_tls_arrives_whole(tmp_path: Path) -> None:
    trust = make_certificates(tmp_path)
    with serving(server_context(str(tmp_path / "host.crt"), str(tmp_path / "host.key"))) as served:
        with trust.wrap_socket(served.connect(), server_hostname="127.0.0.1") as link:
            link.sendall(GET.replace(b"/ ", b"/big ") * 3 + GET)
            time.sleep(0.2)  # the server has to wait for us, with a record half sent
            assert [len(read_reply(link).body) for _number in range(3)] == [len(BIG)] * 3
            assert read_reply(link).body == b"GET / 0\n"
            link.sendall(post(b"x" * 60_000))
            assert read_reply(link).body == b"POST /p 60000\n"
        with trust.wrap_socket(served.connect(), server_hostname="127.0.0.1", suppress_ragged_eofs=False) as link:
            link.sendall(GET[:-2] + b"Connection: close\r\n\r\n")
            assert read_reply(link).status == 200
            assert link.recv(1) == b"", "TLS says that it ends, so that nobody takes it for a cut"
