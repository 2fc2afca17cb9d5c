# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The parser: what is read, what is refused and by which status, and that nothing else can happen."""

from __future__ import annotations

import random
from typing import Any

import pytest
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.httpd.parser import find_head, parse_head
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.httpd.values import Limits, Refused, Request
from hypothesis import given, settings
from hypothesis import strategies as st

LIMITS = Limits()
HOST = "Host: x\r\n"


def read(data: str | bytes, limits: Limits = LIMITS) -> Request:
    raw = data.encode("latin-1") if isinstance(data, str) else data
    end = find_head(raw, 0, limits)
    assert end == len(raw)
    return parse_head(raw[:end], limits)


def status(data: str | bytes, limits: Limits = LIMITS) -> int:
    with pytest.raises(Refused) as refused:
        read(data, limits)
    return refused.value.status


def test_a_plain_request() -> None:
    request = read("GET /health?lag=3 HTTP/1.1\r\nHost: x\r\nAuthorization:  Bearer abc \r\nAccept: a\r\naccept: b\r\n\r\n")
    assert (request.method, request.path, request.query, request.length, request.keep) == ("GET", "/health", "lag=3", 0, True)
    assert request.headers == {"host": "x", "authorization": "Bearer abc", "accept": "a, b"}


@pytest.mark.parametrize(("line", "path"), [
    ("GET http://web1:9890/health HTTP/1.1", "/health"), ("GET https://web1 HTTP/1.1", "/"), ("OPTIONS * HTTP/1.1", "*"),
    ("GET //x HTTP/1.1", "//x"), ("GET /../x HTTP/1.1", "/../x"),
])
def test_targets(line: str, path: str) -> None:
    assert read(f"{line}\r\n{HOST}\r\n").path == path


@pytest.mark.parametrize(("version", "connection", "keep"), [
    ("1.1", "", True), ("1.1", "close", False), ("1.1", "Upgrade, Close", False), ("1.0", "", False), ("1.0", "keep-alive", True),
])
def test_who_keeps_the_connection(version: str, connection: str, keep: bool) -> None:
    header = f"Connection: {connection}\r\n" if connection else ""
    assert read(f"GET / HTTP/{version}\r\n{HOST}{header}\r\n").keep is keep


@pytest.mark.parametrize(("line", "wanted"), [
    ("GET / HTTP/2.0", 505), ("GET / HTTP/0.9", 505), ("GET /", 400), ("GET  / HTTP/1.1", 400), ("GET / HTTP/1.1 ", 400),
    (" GET / HTTP/1.1", 400), ("GET health HTTP/1.1", 400), ("GET /a b HTTP/1.1", 400), ("GET /\x00 HTTP/1.1", 400),
    ("GET /\xe9 HTTP/1.1", 400), ("GET /#a HTTP/1.1", 400), ("GET * HTTP/1.1", 400), ("G(T / HTTP/1.1", 400), ("GET / http/1.1", 400),
    ("GET /\nHTTP/1.1", 400), ("GET ftp://x/ HTTP/1.1", 400), (f"{'G' * 33} / HTTP/1.1", 400), ("CONNECT x:1 HTTP/1.1", 400),
])
def test_request_lines_that_are_refused(line: str, wanted: int) -> None:
    assert status(f"{line}\r\n{HOST}\r\n") == wanted


@pytest.mark.parametrize(("headers", "wanted"), [
    ("", 400), ("Host: a\r\nHost: b\r\n", 400), ("Host : x\r\n", 400), (f"{HOST}A: b\r\n c\r\n", 400), (f"{HOST}A\r\n", 400),
    (f"{HOST}: b\r\n", 400), (f"{HOST}A: b\rc\r\n", 400), (f"{HOST}A: b\nB: c\r\n", 400), (f"{HOST}A: b\x00\r\n", 400),
    (f"{HOST}A\x0b: b\r\n", 400), (f"{HOST}Content-Length: 1\r\nContent-Length: 1\r\n", 400), (f"{HOST}Content-Length: 1, 1\r\n", 400),
    (f"{HOST}Content-Length: +1\r\n", 400), (f"{HOST}Content-Length: -1\r\n", 400), (f"{HOST}Content-Length: 0x1\r\n", 400),
    (f"{HOST}Content-Length: \xb2\r\n", 400), (f"{HOST}Content-Length:\r\n", 400), (f"{HOST}Content-Length: {'9' * 16}\r\n", 400),
    (f"{HOST}Transfer-Encoding: chunked\r\nContent-Length: 3\r\n", 400), (f"{HOST}Content-Length: 3\r\nTransfer-Encoding: x\r\n", 400),
    (f"{HOST}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", 400), (f"{HOST}Transfer-Encoding: chunked\r\n", 411),
    (f"{HOST}Transfer-Encoding: gzip, chunked\r\n", 501), (f"{HOST}Authorization: a\r\nAuthorization: b\r\n", 400),
    (HOST + "A: b\r\n" * 100, 431),
])
def test_headers_that_are_refused(headers: str, wanted: int) -> None:
    assert status(f"GET / HTTP/1.1\r\n{headers}\r\n") == wanted


def test_a_body_of_unknown_length_is_refused_of_an_old_client_too() -> None:
    assert status("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n") == 400


def test_sizes_at_the_limit_and_beyond() -> None:
    limits = Limits(line=100, head=200)
    line = f"GET /{'a' * 86} HTTP/1.1"
    assert len(line) == 100 and read(f"{line}\r\n{HOST}\r\n", limits).path
    assert status(f"{line[:5]}a{line[5:]}\r\n{HOST}\r\n", limits) == 414
    assert status("a" * 101, limits) == 414
    rest = f"GET / HTTP/1.1\r\n{HOST}A: "
    whole = rest + "a" * (200 - len(rest) - 4) + "\r\n\r\n"
    assert len(whole) == 200 and read(whole, limits)
    assert status(f"{whole[:-4]}a\r\n\r\n", limits) == 431


def test_an_incomplete_head_is_waited_for() -> None:
    assert find_head(b"GET / HTTP/1.1\r\nHost", 0, LIMITS) == 0
    assert find_head(b"", 0, LIMITS) == 0


def test_a_head_of_blanks_takes_no_time() -> None:
    # A pattern that tried every way to split blanks would need minutes for this one.
    assert read(f"GET / HTTP/1.1\r\n{HOST}A:{' ' * 15000}b\r\n\r\n").headers["a"] == "b"


PIECES = [b"GET", b" ", b"/", b"HTTP/1.1", b"\r\n", b"\n", b"\r", b"Host: x", b":", b"\0", b"\xff", b"Content-Length: 5", b"a" * 200, b"%",
          b"?", b"Transfer-Encoding: chunked", b"\t", b"\r\n\r\n", b"HTTP/1.0", b"http://x", b"#"]


def swallow(data: bytes) -> Any:
    limits = Limits(line=300, head=600, headers=5)
    try:
        end = find_head(data, 0, limits)
        return parse_head(data[:end], limits) if end else None
    except Refused as refused:
        return refused.status


@settings(max_examples=500, deadline=None)
@given(st.lists(st.one_of(st.sampled_from(PIECES), st.binary(max_size=20)), max_size=30).map(b"".join))
def test_whatever_comes_is_read_or_refused(data: bytes) -> None:
    assert swallow(data) is None or isinstance(swallow(data), Request) or 400 <= swallow(data) < 600
    found = swallow(b"GET / HTTP/1.1\r\nHost: x\r\n" + data + b"\r\n\r\n")
    if isinstance(found, Request):
        assert found.method == "GET" and all(name == name.lower() and "\n" not in value for name, value in found.headers.items())


def test_random_bytes() -> None:
    source = random.Random(7)
    for _number in range(3000):
        swallow(source.randbytes(source.randrange(700)))


@settings(max_examples=200, deadline=None)
@given(st.from_regex(r"[A-Za-z][A-Za-z0-9-]{0,20}", fullmatch=True), st.text(st.characters(min_codepoint=0x21, max_codepoint=0xff,
       exclude_characters="\x7f", exclude_categories=()), max_size=50))
def test_what_is_written_well_is_read_back(name: str, value: str) -> None:
    if name.lower() in ("host", "content-length", "transfer-encoding", "connection"):
        return
    data = f"GET / HTTP/1.1\r\nHost: x\r\n{name}: {value}\r\n\r\n"
    assert read(data).headers[name.lower()] == value.strip(" \t")
