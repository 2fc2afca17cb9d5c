# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kinds that ask databases, before servers that answer nothing, one byte at a time, or not at all."""

from __future__ import annotations

import os
import socket
import ssl
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.clients.library import load
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.clients.link import NoAnswer, cut_off, dial
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.clients.net import Deadline
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.clients.tls import Tls, context
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.kind import Package, Shared
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.model import FAIL, UNKNOWN, CannotTell

from .serving import look, serve

KINDS = ("postgresql", "mysql", "redis", "elasticsearch")
# What each protocol begins with, so that its library reads on and on: a long message, one byte at a time.
DRIPS = {
    "postgresql": b"R\x00\x00\x03\xe8", "mysql": b"\xff\xff\x00\x00\x0a", "redis": b"$99999\r\n",
    "elasticsearch": b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n",
}
TIMEOUT = 0.4


def options(kind: str, port: int, host: str = "127.0.0.1") -> dict[str, object]:
    return {"url": f"http://{host}:{port}"} if kind == "elasticsearch" else {"host": host, "port": port, "user": "vigil", "password": "x"}


def silent(link: socket.socket) -> None:
    while link.recv(4096):
        pass


def drips(kind: str) -> Callable[[socket.socket], None]:
    def answer(link: socket.socket) -> None:
        if kind != "mysql":
            asked = link.recv(4096)
            if kind == "postgresql" and len(asked) == 8:  # may we speak TLS? No.
                link.sendall(b"N")
                link.recv(4096)
        link.sendall(DRIPS[kind])
        while True:
            link.sendall(b"x")
            time.sleep(TIMEOUT / 10)
    return answer


def left() -> int:
    """Descriptors and threads that are open now."""
    return len(os.listdir("/proc/self/fd")) + threading.active_count()


def settled(limit: int) -> int:
    """Return how many are left once the server's own threads have ended."""
    end = time.monotonic() + 3
    while left() > limit and time.monotonic() < end:
        time.sleep(0.01)
    return left()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("behaviour", ["silent", "drips"])
def test_a_server_that_hangs_fails_by_the_deadline(kind: str, behaviour: str) -> None:
    look(kind, TIMEOUT, **options(kind, 1))  # libraries are loaded now
    before = left()
    with serve(silent if behaviour == "silent" else drips(kind)) as port:
        began = time.monotonic()
        result = look(kind, TIMEOUT, **options(kind, port))
        took = time.monotonic() - began
    assert (result.state, "no answer in time" in result.summary) == (FAIL, True), result.summary
    assert TIMEOUT * 0.9 <= took < TIMEOUT + 0.5
    assert settled(before) <= before


@pytest.mark.parametrize("kind", KINDS)
def test_a_server_that_is_not_there_fails(kind: str) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        result = look(kind, 2, **options(kind, unused.getsockname()[1]))
    assert result.state == FAIL
    assert "connection refused" in result.summary.lower()
    assert result.advice


@pytest.mark.parametrize("kind", KINDS)
def test_a_server_that_hangs_up_fails(kind: str) -> None:
    with serve(lambda link: None) as port:
        result = look(kind, 2, **options(kind, port))
    assert result.state == FAIL, result.summary


@pytest.mark.parametrize("kind", KINDS[:3])
def test_a_socket_that_is_not_there_fails(kind: str, tmp_path: Path) -> None:
    result = look(kind, 2, **options(kind, 5432, str(tmp_path)))
    where = result.summary.lower()
    assert result.state == FAIL
    assert "no such file" in where or "connection refused" in where or "not a socket" in where, where


@pytest.mark.parametrize("kind", KINDS)
def test_a_secret_that_cannot_be_read_is_unknown(kind: str, tmp_path: Path) -> None:
    given = {**options(kind, 1), "password": None, "password_file": str(tmp_path / "nothing")}
    result = look(kind, 2, **given, **({"username": "vigil"} if kind == "elasticsearch" else {}))
    assert result.state == UNKNOWN
    assert "nothing is not there" in result.summary


@pytest.mark.parametrize("kind", KINDS)
def test_the_secret_is_in_no_word(kind: str) -> None:
    with serve(lambda link: None) as port:
        given = {**options(kind, port), "password": "geheim17"}
        result = look(kind, 2, **given, **({"username": "vigil"} if kind == "elasticsearch" else {}))
    assert "geheim17" not in repr(result)


def read_as_a_library(link: socket.socket, deadline: Deadline) -> None:
    with link, cut_off(link, deadline):
        if not link.recv(1):
            raise RuntimeError("what a library makes of the end")


def test_the_connection_is_cut_off_below_whoever_reads() -> None:
    with serve(silent) as port:
        deadline = Deadline(time.monotonic, 0.2)
        link = dial("127.0.0.1", port, deadline)
        link.settimeout(None)
        with pytest.raises(NoAnswer, match="in time"):
            read_as_a_library(link, deadline)


def test_what_breaks_before_the_deadline_is_told_as_it_is() -> None:
    before = left()
    with serve(silent) as port:
        deadline = Deadline(time.monotonic, 5)
        link = dial("127.0.0.1", port, deadline)
        with link, pytest.raises(RuntimeError, match="mine"), cut_off(link, deadline):
            raise RuntimeError("mine")
    assert settled(before) <= before


def test_an_authority_without_a_key_usage_is_trusted_by_every_python(monkeypatch: pytest.MonkeyPatch) -> None:
    strict = ssl.create_default_context()
    strict.verify_flags |= ssl.VERIFY_X509_STRICT
    monkeypatch.setattr(ssl, "create_default_context", lambda cafile=None: strict)  # as Python 3.13 makes it
    made = context(Tls(), Shared(time.monotonic))
    assert not made.verify_flags & ssl.VERIFY_X509_STRICT


def test_a_missing_library_is_unknown_and_names_its_package() -> None:
    with pytest.raises(CannotTell) as caught:
        load(Package("no_such_library", "python3-nothing", "python3-nothing-rh"))
    assert "python3-nothing (Debian)" in caught.value.advice
