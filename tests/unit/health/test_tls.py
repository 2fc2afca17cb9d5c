# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kind tls against real servers on loopback, and what reads a certificate against certificates of the library cryptography."""

from __future__ import annotations

import base64
import contextlib
import re
import socket
import ssl
import time
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.clients.der import matches, read_certificate
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.health.serving import Authority, descriptors, left_open, look, serve


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("certificates"))


def quiet(link: socket.socket) -> None:
    link.recv(1)


def test_a_good_server(authority: Authority) -> None:
    with serve(quiet, authority.server("good", "localhost", "*.example.org", "127.0.0.1")) as port:
        result = look("tls", host="127.0.0.1", port=port, ca=str(authority.file), names=["www.example.org", "localhost"])
        other = look("tls", host="127.0.0.1", port=port, ca=str(authority.file), server_name="db.example.com")
        stranger = look("tls", host="127.0.0.1", port=port)
    assert result.state == "pass", result.summary
    assert result.values["version"] == "TLSv1.3" and 89 * 86400 < result.values["certificate"]["left"] <= 90 * 86400
    assert [finding.what for finding in other.findings if finding.state == "fail"] == ["names"]
    assert stranger.state == "fail" and stranger.values["certificate"]["subject"] == "good"


@pytest.mark.parametrize(("name", "more", "words"), [
    ("expired", {"begins": -30, "ends": -3}, "the certificate expired expired 3 days ago"),
    ("early", {"begins": 5}, "the certificate early is not valid before 5 days from now"),
    ("own", {"self_signed": True}, "the certificate own by own is not trusted: it is self-signed"),
])
def test_certificates_of_the_wrong_sort(authority: Authority, name: str, more: dict[str, Any], words: str) -> None:
    before = descriptors()
    with serve(quiet, authority.server(name, "127.0.0.1", **more)) as port:
        result = look("tls", port=port, ca=str(authority.file))
        blind = look("tls", port=port, verify=False)
    assert result.state == "fail" and words in result.summary, result.summary
    assert {finding.what: finding.state for finding in result.findings}["names"] == "pass"
    assert blind.state == ("pass" if name == "own" else "fail")
    assert left_open(before) == 0


def test_a_server_that_shows_its_certificate_only_once(authority: Authority) -> None:
    context = authority.server("once", "127.0.0.1", self_signed=True)
    asked: list[int] = []

    def answer(link: socket.socket) -> None:
        asked.append(1)
        if len(asked) == 1:
            with context.wrap_socket(link, server_side=True) as secured:
                secured.recv(1)
    with serve(answer) as port:
        result = look("tls", port=port, ca=str(authority.file))
    assert result.state == "fail" and "is not trusted: it is self-signed" in result.summary and "certificate" not in result.values


def test_an_old_server(authority: Authority) -> None:
    context = authority.server("old", "127.0.0.1")
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with serve(quiet, context) as port:
        assert look("tls", port=port, ca=str(authority.file)).state == "pass"
        result = look("tls", port=port, ca=str(authority.file), min_version="TLSv1.3")
    assert result.state == "fail" and "speaks TLSv1.2, expected TLSv1.3 or newer" in result.summary


def test_no_tls_and_nobody() -> None:
    with serve(lambda link: link.sendall(b"220 mail ready\r\n")) as port:
        assert "does not speak TLS" in look("tls", port=port).summary
    refused = look("tls", port=port)
    assert refused.state == "fail" and "connection refused" in refused.summary


def test_a_server_that_says_nothing_has_no_more_than_the_timeout() -> None:
    with serve(lambda link: time.sleep(2)) as port:
        for starttls in (None, "smtp", "postgres"):
            began = time.monotonic()
            result = look("tls", 0.3, port=port, starttls=starttls)
            assert result.state == "fail" and "no answer in time" in result.summary and time.monotonic() - began < 0.8


def test_files(authority: Authority, tmp_path: Path) -> None:
    good, _key = authority.issue("file", "shop.example.org", ends=30)
    chain = tmp_path / "chain.pem"
    chain.write_bytes(b"a comment\n" + Path(good).read_bytes() + Path(authority.issue("ending", ends=2)[0]).read_bytes())
    der = tmp_path / "file.der"
    der.write_bytes(der_of(good))
    assert look("tls", file=good, names=["shop.example.org"]).state == "pass"
    assert look("tls", file=str(der), names=["shop.example.org"]).state == "pass"
    assert "the certificate is not for a.example but for shop.example.org" in look("tls", file=good, names=["a.example"]).summary
    soon = look("tls", file=str(chain))
    assert soon.state == "fail" and "time until the certificate ending expires" in soon.summary


def test_files_without_a_certificate(tmp_path: Path) -> None:
    empty = tmp_path / "empty.pem"
    for content in (b"", b"\x30\x82", b"BEGIN\nAAAA\nEND", b"BEGIN\nA\nEND"):
        empty.write_bytes(re.sub(rb"(BEGIN|END)", rb"-----\1 CERTIFICATE-----", content))
        assert look("tls", file=str(empty)).state == "fail"
    assert "no such file" in look("tls", file=str(tmp_path / "none")).summary
    assert look("tls", file=str(tmp_path)).state == "unknown"


# --- protocols that begin in plain text ---------------------------------------------------------------------------------------------------

def plain(context: ssl.SSLContext, script: list[tuple[bytes, bytes]]) -> Any:
    """A server that says and awaits what the script holds, then speaks TLS."""
    def answer(link: socket.socket) -> None:
        for said, awaited in script:
            link.sendall(said)
            heard = b""
            while awaited and not heard.endswith(awaited):
                heard += link.recv(100)
        with context.wrap_socket(link, server_side=True) as secured:
            secured.recv(1)
    return answer


SCRIPTS: dict[str, list[tuple[bytes, bytes]]] = {
    "smtp": [(b"220-hello\r\n220 ready\r\n", b"EHLO vigil.invalid\r\n"), (b"250-mail\r\n250-SIZE\r\n250 STARTTLS\r\n", b"STARTTLS\r\n"),
             (b"220 go on\r\n", b"")],
    "imap": [(b"* OK ready\r\n", b"v1 STARTTLS\r\n"), (b"* CAPABILITY X\r\nv1 OK begin\r\n", b"")],
    "postgres": [(b"", b"\x04\xd2\x16\x2f"), (b"S", b"")],
}


@pytest.mark.parametrize("protocol", sorted(SCRIPTS))
def test_starttls(authority: Authority, protocol: str) -> None:
    with serve(plain(authority.server("plain", "127.0.0.1"), SCRIPTS[protocol])) as port:
        result = look("tls", port=port, ca=str(authority.file), starttls=protocol)
    assert result.state == "pass", result.summary


@pytest.mark.parametrize(("protocol", "said", "words"), [
    ("smtp", b"554 go away\r\n", "it answered '554 go away', expected 220"),
    ("smtp", b"220 a\r\n250 SIZE\r\n", "it does not offer STARTTLS"),
    ("imap", b"* BYE\r\n", "it answered '* BYE', expected a greeting of IMAP"),
    ("imap", b"* OK\r\nv1 BAD no\r\n", "it does not offer STARTTLS ('v1 BAD no')"),
    ("postgres", b"N", "it does not offer TLS"),
    ("postgres", b"E", "expected S of PostgreSQL"),
])
def test_starttls_is_not_offered(protocol: str, said: bytes, words: str) -> None:
    def answer(link: socket.socket) -> None:
        link.sendall(said)
        link.recv(100)
        link.recv(100)
    with serve(answer) as port:
        result = look("tls", 2, port=port, starttls=protocol)
    assert result.state == "fail" and words in result.summary, result.summary


def test_a_greeting_without_end() -> None:
    with serve(forever_greeting) as port:
        result = look("tls", port=port, starttls="smtp")
    assert result.state == "fail" and "sent more than is read" in result.summary


def forever_greeting(link: socket.socket) -> None:
    while True:
        link.sendall(b"220-and more\r\n" * 100)


# --- what reads a certificate -------------------------------------------------------------------------------------------------------------

def der_of(path: str) -> bytes:
    return base64.b64decode("".join(re.findall(r"^[A-Za-z0-9+/=]+$", Path(path).read_text(), re.M)))


def test_it_reads_what_cryptography_wrote(authority: Authority) -> None:
    read = read_certificate(der_of(authority.issue("both", "a.example", "::1", begins=-1, ends=20000)[0]))
    assert (read.subject, read.issuer, read.names) == ("both", "test authority", ("a.example", "::1"))
    assert abs(read.not_after - (time.time() + 20000 * 86400)) < 60, "a time beyond 2049 is written in another form"


def test_half_a_certificate_is_a_value_error(whole: bytes) -> None:
    for length in range(len(whole)):
        with pytest.raises(ValueError, match="certificate"):
            read_certificate(whole[:length])


@given(st.binary(max_size=200))
def test_noise_is_a_value_error(data: bytes) -> None:
    with pytest.raises(ValueError, match="certificate"):
        read_certificate(data)


@pytest.fixture(scope="module")
def whole(authority: Authority) -> bytes:
    return der_of(authority.issue("whole", "a.example", "10.0.0.1")[0])


@given(at=st.integers(0, 400), damage=st.binary(min_size=1, max_size=4))
def test_a_damaged_certificate_is_read_or_a_value_error(whole: bytes, at: int, damage: bytes) -> None:
    data = whole[:at] + damage + whole[at + len(damage):]
    with contextlib.suppress(ValueError):
        read_certificate(data)


@pytest.mark.parametrize(("name", "pattern", "good"), [
    ("a.example.org", "*.example.org", True), ("A.Example.org.", "a.example.ORG", True), ("example.org", "*.example.org", False),
    ("a.b.example.org", "*.example.org", False), ("a.org", "*.org", False), ("10.0.0.1", "10.0.0.1", True), ("10.0.0.1", "*.0.0.1", False),
    ("::1", "0:0:0:0:0:0:0:1", True), ("", "*.example.org", False), ("xa.example.org", "a.example.org", False),
])
def test_names(name: str, pattern: str, good: bool) -> None:
    assert matches(name, pattern) is good
