# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kind postgresql: a small server that speaks the protocol, and what follows from figures of real ones."""

from __future__ import annotations

import json
import socket
import struct
from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.clients import library as libraries
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.clients import postgresql, postgresql_words
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.kind import Look
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.kinds import KINDS
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.kinds.postgresql import behind, lag, streams
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.look import look_at
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.model import FAIL, PASS, UNKNOWN, CannotTell, Result
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.spec import parse
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.system import System

from .serving import serve

SERVER = {
    "standby": True, "monitor": True, "user": "vigil", "version": "17.2", "now": 1000.0, "max_connections": 97, "connections": 1,
    "transaction": None, "idle_transaction": None, "prepared": None, "frozen": {"age": 23, "database": "postgres"},
}
STANDBY: dict[str, Any] = {
    "now": 1000.0, "receiver": {"pid": 5, "status": "streaming", "from": "db1", "silent": 1.0}, "end": 5000, "replayed": 5000,
    "replayed_age": 7200.0, "paused": False,
}


def message(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("!i", len(body) + 4) + body


def refusal(code: str, words: str, severity: str = "FATAL") -> bytes:
    return message(b"E", b"S" + severity.encode() + b"\0V" + severity.encode() + b"\0C" + code.encode() + b"\0M" + words.encode() + b"\0\0")


def row(value: str) -> bytes:
    text = value.encode()
    column = b"json\0" + struct.pack("!ihihih", 0, 0, 25, -1, -1, 0)
    data = struct.pack("!hi", 1, len(text)) + text
    return message(b"T", struct.pack("!h", 1) + column) + message(b"D", data) + message(b"C", b"SELECT 1\0")


READY = message(b"Z", b"T")


def server(answers: list[bytes], welcome: bytes = b"") -> Callable[[socket.socket], None]:
    """Let everybody in (or say ``welcome`` and hang up), then answer one query after the other; results come in pieces."""
    def answer(link: socket.socket) -> None:
        asked = link.recv(4096)
        while len(asked) == 8:  # TLS, GSS: no
            link.sendall(b"N")
            asked = link.recv(4096)
        if welcome:
            link.sendall(welcome)
            return
        status = message(b"S", b"client_encoding\0UTF8\0") + message(b"S", b"server_version\0" + b"17.2\0")
        link.sendall(message(b"R", struct.pack("!i", 0)) + status + message(b"S", b"DateStyle\0ISO, MDY\0") + message(b"Z", b"I"))
        for reply in answers:
            if not link.recv(65536):
                return
            for start in range(0, len(reply), 40):
                link.sendall(reply[start:start + 40])
        link.recv(65536)
    return answer


BEGUN = message(b"C", b"BEGIN\0") + message(b"C", b"SET\0")


@pytest.fixture(params=["psycopg2", "psycopg"])
def driver(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    name = str(request.param)
    pytest.importorskip(name)
    monkeypatch.setattr(postgresql, "PACKAGES", tuple(each for each in postgresql.PACKAGES if each.module == name))
    return name


def seen(port: int, memory: dict[str, Any] | None = None, **options: Any) -> tuple[Result, Any]:
    given = {"host": "127.0.0.1", "port": port, "user": "vigil", "password": "x", "sslmode": "disable", **options}
    check = parse([{"name": "check", "kind": "postgresql", **given}], KINDS)[0]
    return look_at(check, KINDS["postgresql"], Look(System(), 3.0, memory or {}))


@pytest.mark.parametrize("sslmode", ["disable", "prefer"])
def test_a_standby_that_has_all_is_not_late_however_idle(driver: str, sslmode: str) -> None:
    with serve(server([BEGUN + row(json.dumps(SERVER)) + READY, row(json.dumps(STANDBY)) + READY])) as port:
        result, memory = seen(port, sslmode=sslmode)
    assert result.state == PASS, result.summary
    assert (result.values["role"], result.values["lag"]) == ("standby", 0.0)
    assert memory == {"at": 1000.0, "end": 5000}


def test_what_was_known_while_connected_is_remembered(driver: str) -> None:
    with serve(server([BEGUN + row(json.dumps(SERVER)) + READY, row(json.dumps({**STANDBY, "receiver": None})) + READY])) as port:
        result, memory = seen(port, {"at": 970.0, "end": 5000})
    assert (result.state, result.values["lag"]) == (FAIL, 30.0)
    assert memory == {"at": 970.0, "end": 5000}


def test_an_own_query_is_asked_last(driver: str) -> None:
    replies = [BEGUN + row(json.dumps(SERVER)) + READY, row(json.dumps(STANDBY)) + READY]
    replies.append(message(b"C", b"DECLARE CURSOR\0") + row("7") + READY)
    with serve(server(replies)) as port:
        assert seen(port, query="SELECT 7;", expect="7")[0].state == PASS
    replies[2] = refusal("42P01", 'relation "y" does not exist', "ERROR") + READY
    with serve(server(replies)) as port:
        result = seen(port, query="SELECT x FROM y", expect="7")[0]
    assert (result.state, result.values["role"]) == (FAIL, "standby")
    assert 'relation "y" does not exist' in result.summary


@pytest.mark.parametrize(("code", "words", "state"), [
    ("28P01", 'password authentication failed for user "vigil"', UNKNOWN),
    ("28000", 'no pg_hba.conf entry for host "10.0.0.1", user "vigil", database "postgres", no encryption', UNKNOWN),
    ("53300", 'too many connections for role "vigil"', UNKNOWN),
    ("53300", "sorry, too many clients already", FAIL),
    ("53300", "remaining connection slots are reserved for roles with the SUPERUSER attribute", FAIL),
    ("57P03", "the database system is starting up", FAIL),
    ("57P03", "the database system is not accepting connections", FAIL),
    ("3D000", 'database "nix" does not exist', FAIL),
])
def test_a_refusal(driver: str, code: str, words: str, state: str) -> None:
    with serve(server([], refusal(code, words))) as port:
        result, memory = seen(port, {"at": 1.0, "end": 2})
    assert result.state == state, result.summary
    assert words in result.summary
    assert ("Wait" if code == "57P03" else "") in result.advice
    assert result.advice
    assert memory == {"at": 1.0, "end": 2}


def test_an_own_statement_that_is_refused(driver: str) -> None:
    with serve(server([refusal("42501", "permission denied for function pg_x", "ERROR") + READY])) as port:
        assert (result := seen(port)[0]).state == UNKNOWN
    assert "GRANT pg_monitor" in result.advice
    with serve(server([refusal("57014", "canceling statement due to statement timeout", "ERROR") + READY])) as port:
        assert seen(port)[0].state == FAIL


def test_the_order_of_the_libraries(monkeypatch: pytest.MonkeyPatch) -> None:
    assert [package.module for package in postgresql.PACKAGES] == ["psycopg2", "psycopg"]
    assert libraries.load(*postgresql.PACKAGES).__name__ == "psycopg2"


@pytest.mark.parametrize(("change", "memory", "expected"), [
    ({}, {}, 0.0),
    ({"replayed": 4000}, {}, 7200.0),
    ({"replayed": 4000}, {"at": 990.0, "end": 4000}, 10.0),
    ({"replayed": 4000}, {"at": 990.0, "end": 4001}, 7200.0),
    ({"replayed": 4000, "replayed_age": 3.0}, {"at": 990.0, "end": 4000}, 3.0),
    ({"replayed": 4000, "replayed_age": -2.0}, {}, 0.0),
    ({"receiver": None}, {"at": 990.0, "end": 5000}, 10.0),
    ({"receiver": None}, {}, 7200.0),
    ({"receiver": None, "replayed_age": None}, {}, None),
    ({"receiver": {"status": "starting"}}, {}, 7200.0),
    ({"receiver": {"status": None}}, {}, 0.0),
    ({"end": None, "replayed_age": None}, {}, None),
])
def test_lag_in_seconds(change: dict[str, Any], memory: dict[str, Any], expected: float | None) -> None:
    assert lag({**STANDBY, **change}, memory) == expected


def test_lag_in_bytes() -> None:
    assert behind({**STANDBY, "replayed": 4000}) == 1000.0
    assert behind({**STANDBY, "replayed": 6000}) == 0.0
    assert behind({**STANDBY, "end": None}) is None
    assert not streams({"receiver": None})


@pytest.mark.parametrize(("text", "words"), [
    ('connection to server at "db1" (10.0.0.1), port 5432 failed: Connection refused\n\tIs the server running?', "Connection refused"),
    ('connection to server at "db1" (10.0.0.1), port 5432 failed: FATAL:  the database system is starting up\n',
     "the database system is starting up"),
    ("", "the connection ended without a word"),
])
def test_words_of_libpq(text: str, words: str) -> None:
    assert postgresql_words.refusal(text)["error"] == words


def test_a_query_that_is_none_is_unknown() -> None:
    for code in ("42601", "42501", "25006"):
        with pytest.raises(CannotTell):
            postgresql_words.query_refusal("no", code)
    assert postgresql_words.query_refusal("gone", "42P01") == {"refused": "gone"}
