# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kind http against real servers on loopback: right answers, wrong ones, and those that mean harm."""

from __future__ import annotations

import resource
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.unit.health.serving import Authority, descriptors, forever, left_open, look, page, says, serve


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("certificates"))


def test_a_good_page() -> None:
    asked: list[bytes] = []
    with serve(says(page('{"status": "ok", "queue": {"length": 3}}'), asked)) as port:
        result = look("http", url=f"http://127.0.0.1:{port}/health?full=1", body="ok", json={"status": "ok", "queue.length": {"fail": 5}})
    assert result.state == "pass", result.summary
    assert asked[0].startswith(b"GET /health?full=1 HTTP/1.1\r\n")
    assert result.summary == f"http://127.0.0.1:{port}/health?... answered 200"
    assert 0 < result.values["latency"] < 2


@pytest.mark.parametrize("body", ['{"a": NaN}', '{"a": 1', "", "[" * 100_000])
def test_what_is_no_json(body: str) -> None:
    with serve(says(page(body))) as port:
        result = look("http", url=f"http://127.0.0.1:{port}/", json={"a": 1})
    assert result.state == "fail" and "the body is no JSON" in result.summary


def test_what_is_sent() -> None:
    asked: list[bytes] = []
    with serve(says(page("done"), asked)) as port:
        look("http", url=f"http://shop.example:{port}/", address="127.0.0.1", method="POST", send="a=1", headers={"X-Team": "ops"},
             username="me", password="secret")
    head, _empty, _body = asked[0].partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    assert lines[0] == b"POST / HTTP/1.1"
    assert {f"Host: shop.example:{port}".encode(), b"X-Team: ops", b"Content-Length: 3", b"Authorization: Basic bWU6c2VjcmV0"} <= set(lines)


def test_the_environments_proxy_is_not_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    with serve(says(page("hello"))) as port:
        assert look("http", url=f"http://127.0.0.1:{port}/").state == "pass"


def test_a_token_of_a_file(tmp_path: Path) -> None:
    asked: list[bytes] = []
    (tmp_path / "token").write_text("abc\n")
    with serve(says(page(""), asked)) as port:
        assert look("http", url=f"http://127.0.0.1:{port}/", token_file=str(tmp_path / "token")).state == "pass"
        missing = look("http", url=f"http://127.0.0.1:{port}/", token_file=str(tmp_path / "none"))
    assert b"Authorization: Bearer abc\r\n" in asked[0]
    assert missing.state == "unknown" and "is not there" in missing.summary


def test_a_unix_socket(tmp_path: Path) -> None:
    with serve(says(page("hello")), path=tmp_path / "web") as _port:
        assert look("http", url="http://localhost/", socket=str(tmp_path / "web"), body="hello").state == "pass"
    gone = look("http", url="http://localhost/", socket=str(tmp_path / "none"))
    assert gone.state == "fail" and "no such file" in gone.summary


def test_a_redirect_is_a_status_unless_followed() -> None:
    with serve(says(page("here"))) as port:
        leads = says(page("", "302 Found", f"Location: http://127.0.0.1:{port}/x?secret=1"))
        with serve(leads) as first:
            plain = look("http", url=f"http://127.0.0.1:{first}/")
            followed = look("http", url=f"http://127.0.0.1:{first}/", follow=1, body="here")
            wanted = look("http", url=f"http://127.0.0.1:{first}/", status=[302])
    assert plain.state == "fail" and f"answered 302, which leads to http://127.0.0.1:{port}/x?..., expected 200-299" in plain.summary
    assert (followed.state, wanted.state) == ("pass", "pass")


def test_a_loop_of_redirects_ends_and_credentials_stay_at_home() -> None:
    asked: list[bytes] = []
    with serve(says(page("", "301 Moved", "Location: /again"), asked)) as port:
        assert look("http", url=f"http://127.0.0.1:{port}/", follow=3).state == "fail"
        assert len(asked) == 4
        with serve(says(page("", "302 Found", f"Location: http://127.0.0.1:{port}/"))) as first:
            look("http", url=f"http://127.0.0.1:{first}/", follow=1, username="me", password="secret")
    assert b"Authorization" not in asked[-1]


def test_no_way_from_https_to_http(authority: Authority) -> None:
    leads = says(page("", "302 Found", "Location: http://127.0.0.1/"))
    with serve(leads, authority.server("down", "127.0.0.1")) as port:
        result = look("http", url=f"https://127.0.0.1:{port}/", ca=str(authority.file), follow=2)
    assert result.state == "fail" and "redirects from https to http://127.0.0.1/" in result.summary


def test_who_reads_a_specification_pays_for_no_tls() -> None:
    """All kinds are imported at once, by relative imports at their top: in a module's archive those of threads would meet (Python 3.9)."""
    program = "import sys, vigil.health.kinds; sys.exit(' '.join({'ssl', 'http.client'} & set(sys.modules)))"
    package = Path(__file__).resolve().parents[3] / "plugins" / "module_utils"
    done = subprocess.run([sys.executable, "-c", program], cwd=package, capture_output=True, text=True, timeout=60, check=False)
    assert not done.stderr.strip(), done.stderr


# --- servers that mean harm ---------------------------------------------------------------------------------------------------------------

def test_a_gigabyte_is_not_kept() -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    sent: list[int] = []
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 1073741824\r\n\r\n"
    with serve(forever(head, b"x" * 65536, sent=sent)) as port:
        result = look("http", url=f"http://127.0.0.1:{port}/", body_absent="y")
    assert result.state == "warn" and "in its first 1 MiB, the rest was not read" in result.summary
    assert sum(sent) < 32 * 1024 * 1024, "the connection was not closed at the limit"
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 32 * 1024, "KiB more memory"


def test_a_gigabyte_in_tiny_chunks_ends_too() -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    with serve(forever(head, (b"1;" + b"p" * 4000 + b"\r\nx\r\n") * 16)) as port:
        result = look("http", url=f"http://127.0.0.1:{port}/", body_limit="10kB", timeout=10)
    assert result.state == "fail" and "sent more than is read" in result.summary


@pytest.mark.parametrize(("beginning", "part"), [
    (b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n", b"x"),
    (b"HTTP/1.1 200 OK\r\n", b"a"),
    (b"", b"H"),
    (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"0"),
], ids=["body", "header", "status", "chunk"])
def test_a_dripping_server_has_no_more_than_the_timeout(beginning: bytes, part: bytes) -> None:
    before = descriptors()
    with serve(forever(beginning, part, pause=0.05)) as port:
        began = time.monotonic()
        result = look("http", 0.5, url=f"http://127.0.0.1:{port}/")
        assert 0.4 < time.monotonic() - began < 1.0
    assert result.state == "fail" and "no answer in time" in result.summary
    assert left_open(before) == 0


def test_a_server_that_takes_no_request() -> None:
    """It accepts and never reads: what is sent has the deadline too."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(1)
        port = listener.getsockname()[1]
        began = time.monotonic()
        result = look("http", 0.4, url=f"http://127.0.0.1:{port}/", method="POST", send="x" * 20_000_000)
    assert result.state == "fail" and time.monotonic() - began < 1.0


GARBAGE: list[tuple[str, Callable[[socket.socket], None], str]] = [
    ("a header of 1 MB", says(b"HTTP/1.1 200 OK\r\nX: " + b"a" * 1_000_000 + b"\r\n\r\n"), "longer than 64 KiB"),
    ("1 MB of headers", says(b"HTTP/1.1 200 OK\r\n" + b"X: 1\r\n" * 200_000 + b"\r\n"), "got more than 100 headers"),
    ("endless 100s", forever(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 100), "sent more than is read"),
    ("noise", says(bytes(range(256)) * 10), "is no HTTP"),
    ("a banner of SSH", says(b"SSH-2.0-OpenSSH_9.2\r\n"), "is no HTTP: SSH-2.0-OpenSSH_9.2"),
    ("nothing", says(b""), "closed the connection without an answer"),
    ("half a body", says(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc"), "in the middle of the body"),
    ("half a chunk", says(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n64\r\nabc"), "in the middle of the body"),
    ("a chunk of no size", says(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\nabc"), "in the middle of the body"),
]


@pytest.mark.parametrize(("answer", "words"), [pytest.param(*case[1:], id=case[0]) for case in GARBAGE])
def test_garbage_fails_in_words(answer: Callable[[socket.socket], None], words: str) -> None:
    with serve(answer) as port:
        result = look("http", 5, url=f"http://127.0.0.1:{port}/")
    assert result.state == "fail" and words in result.summary and result.duration < 3, result.summary


def test_nobody_listens() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        result = look("http", url=f"http://127.0.0.1:{taken.getsockname()[1]}/")
    assert result.state == "fail" and "connection refused" in result.summary and result.advice


def test_a_name_that_is_not_there() -> None:
    result = look("http", 1, url="http://nobody.invalid/")
    assert result.state == "fail" and "name" in result.summary


# --- TLS ----------------------------------------------------------------------------------------------------------------------------------

def test_https(authority: Authority) -> None:
    with serve(says(page("hello")), authority.server("good", "localhost", "127.0.0.1")) as port:
        good = look("http", url=f"https://localhost:{port}/", ca=str(authority.file))
        soon = look("http", url=f"https://localhost:{port}/", ca=str(authority.file), expires_in={"warn": "100d"})
        stranger = look("http", url=f"https://localhost:{port}/")
        blind = look("http", url=f"https://localhost:{port}/", verify=False)
    assert (good.state, soon.state, stranger.state, blind.state) == ("pass", "warn", "fail", "pass")
    assert "time until the certificate good expires" in soon.summary and soon.unit == "s"
    assert isinstance(soon.observed, float) and 89 * 86400 < soon.observed <= 90 * 86400
    assert "the certificate good by test authority is not trusted" in stranger.summary


@pytest.mark.parametrize(("name", "alternatives", "more", "words"), [
    ("expired", ["localhost"], {"begins": -30, "ends": -3}, "the certificate expired expired 3 days ago"),
    ("early", ["localhost"], {"begins": 5}, "the certificate early is not valid before 5 days from now"),
    ("own", ["localhost"], {"self_signed": True}, "it is self-signed"),
    ("other", ["shop.example.org"], {}, "it is for another name (shop.example.org)"),
])
def test_certificates_of_the_wrong_sort(authority: Authority, name: str, alternatives: list[str], more: dict, words: str) -> None:
    before = descriptors()
    with serve(says(page("hello")), authority.server(name, *alternatives, **more)) as port:
        result = look("http", url=f"https://localhost:{port}/", ca=str(authority.file))
    assert result.state == "fail" and words in result.summary and result.advice
    assert left_open(before) == 0


def test_a_client_certificate(authority: Authority) -> None:
    cert, key = authority.issue("client")
    with serve(says(page("hello")), authority.server("asks", "127.0.0.1", client_ca=True)) as port:
        url = f"https://127.0.0.1:{port}/"
        assert look("http", url=url, ca=str(authority.file), cert=cert, key=key).state == "pass"
        without = look("http", url=url, ca=str(authority.file))
        wrong = look("http", url=url, ca=str(authority.file), cert="/nowhere/cert.pem")
    # A server that hangs up while we still send: its alert may be lost to the reset.
    assert without.state == "fail" and ("client certificate" in without.summary or "connection reset" in without.summary)
    assert wrong.state == "unknown" and "/nowhere/cert.pem" in wrong.summary


def test_no_tls_where_tls_is_wanted() -> None:
    with serve(lambda link: link.recv(1) and link.sendall(page("", "400 Bad Request"))) as port:
        result = look("http", url=f"https://127.0.0.1:{port}/")
    assert result.state == "fail" and "does not speak TLS on this port" in result.summary


def test_secrets_are_never_said() -> None:
    with serve(says(page("no", "401 Unauthorized"))) as port:
        result = look("http", url=f"http://127.0.0.1:{port}/?key=hush", username="me", password="hush", headers={"X-Key": "hush"})
    assert result.state == "fail" and "hush" not in repr(result)
