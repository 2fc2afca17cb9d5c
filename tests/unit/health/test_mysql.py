# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kind mysql: a small server that speaks the protocol, and what follows from rows of real ones."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

import pytest
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.clients import mysql_queries
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.clients.mysql import Refused, Session, query_refusal
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.kinds.mysql import place_in
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.model import FAIL, PASS, UNKNOWN, CannotTell

from .serving import look, serve

GREETING = (b"\x0a11.8.9-MariaDB\0" + b"\x01\0\0\0" + b"saltsalt" + b"\0" + b"\xff\xf7" + b"\x2d" + b"\x02\0" + b"\x0f\x80" + b"\x15"
            + b"\0" * 10 + b"saltsaltsalt\0" + b"mysql_native_password\0")
OK = b"\0\0\0\x02\0\0\0"


def packet(number: int, body: bytes) -> bytes:
    return len(body).to_bytes(3, "little") + bytes([number]) + body


def error(code: int, words: str, state: bytes = b"#HY000") -> bytes:
    return b"\xff" + code.to_bytes(2, "little") + state + words.encode()


def text(value: Any) -> bytes:
    if value is None:
        return b"\xfb"
    data = str(value).encode()
    return bytes([len(data)]) + data


def table(rows: list[dict[str, Any]], names: list[str]) -> bytes:
    """An answer with these rows, every column a text."""
    packets = [bytes([len(names)])]
    for name in names:
        packets.append(b"\x03def\0\0\0" + text(name) + b"\0" + b"\x0c\x2d\0\xff\0\0\0\xfd\0\0\0\0\0")
    packets.append(b"\xfe\0\0\x02\0")
    packets += [b"".join(text(row[name]) for name in names) for row in rows]
    packets.append(b"\xfe\0\0\x02\0")
    return b"".join(packet(number + 1, body) for number, body in enumerate(packets))


def server(answers: dict[str, bytes], welcome: bytes = b"", account: bytes = OK) -> Callable[[socket.socket], None]:
    """Greet (or say ``welcome``), answer the login with ``account``, and each statement by what it begins with."""
    def answer(link: socket.socket) -> None:
        link.sendall(packet(0, welcome or GREETING))
        if welcome or not link.recv(4096):
            return
        link.sendall(packet(2, account))
        while asked := link.recv(65536):
            statement = asked[5:].decode()
            link.sendall(next((reply for begins, reply in answers.items() if statement.startswith(begins)), packet(1, OK)))
    return answer


SOURCE = {
    "Connection_name": "", "Master_Host": "db1", "Slave_IO_Running": "Yes", "Slave_SQL_Running": "Yes", "Seconds_Behind_Master": "7",
    "Master_Log_File": "a.2", "Relay_Master_Log_File": "a.2", "Read_Master_Log_Pos": "900", "Exec_Master_Log_Pos": "400",
    "Last_IO_Error": "", "Last_SQL_Error": "Duplicate entry. Query: 'insert into people values (1)'",
}
ANSWERS = {
    "SELECT @@global.read_only": table([{"read_only": 1, "max_connections": 100}], ["read_only", "max_connections"]),
    "SHOW GLOBAL STATUS": table([{"Variable_name": "Threads_connected", "Value": 5}], ["Variable_name", "Value"]),
    "SELECT t.trx_mysql_thread_id": table(
        [{"pid": 3, "user": "app", "age": "9.5", "idle": None}, {"pid": 4, "user": "web", "age": "3", "idle": 2}],
        ["pid", "user", "age", "idle"]),
    "SELECT host": table([], ["name"]),
    "SHOW ALL SLAVES STATUS": table([SOURCE], list(SOURCE)),
    "SELECT mine": table([{"mine": 42}], ["mine"]),
}


def test_a_replica() -> None:
    with serve(server(ANSWERS)) as port:
        result = look("mysql", 3, port=port, role="standby", query="SELECT mine", expect="42", lag={"warn": 8})
    assert result.state == PASS, result.summary
    values = result.values
    assert (values["role"], values["lag"], values["lag_bytes"], values["connections"]) == ("standby", 7.0, 500.0, 5)
    assert values["transaction"] == {"pid": 3, "user": "app", "age": 9.5, "idle": None}
    assert values["idle_transaction"]["age"] == 2.0
    assert "people" not in repr(values)


def test_a_primary_without_rights() -> None:
    denied = packet(1, error(1227, "Access denied; you need (at least one of) the PROCESS privilege(s) for this operation"))
    with serve(server({"SELECT t.trx": denied, "SHOW ALL": denied, **{key: ANSWERS[key] for key in list(ANSWERS)[:2]}})) as port:
        result = look("mysql", 3, port=port)
    assert (result.state, result.values["role"], result.values["lag"]) == (UNKNOWN, "unknown", None)
    assert "GRANT PROCESS" in result.advice


@pytest.mark.parametrize(("welcome", "account", "state", "words"), [
    (error(1040, "Too many connections", b""), OK, FAIL, "too many connections"),
    (error(1129, "Host is blocked", b""), OK, UNKNOWN, "this host is blocked"),
    (error(1130, "Host is not allowed", b""), OK, UNKNOWN, "this host is not allowed"),
    (b"", error(1045, "Access denied for user 'vigil'@'localhost' (using password: YES)"), UNKNOWN, "Access denied"),
    (b"", error(1049, "Unknown database 'nix'"), FAIL, "Unknown database 'nix'"),
    (b"", error(1053, "Server shutdown in progress"), FAIL, "Server shutdown in progress"),
    (b"", error(1226, "User 'vigil' has exceeded the 'max_user_connections' resource"), UNKNOWN, "max_user_connections"),
])
def test_a_refusal(welcome: bytes, account: bytes, state: str, words: str) -> None:
    with serve(server({}, welcome, account)) as port:
        result = look("mysql", 3, port=port, password="x")
    assert (result.state, words in result.summary) == (state, True), result.summary
    assert result.advice


def test_a_server_without_tls_fails_where_it_is_wanted() -> None:
    with serve(server(ANSWERS)) as port:
        result = look("mysql", 3, port=port, tls=True, verify=False, password="geheim")
    assert (result.state, "TLS" in result.summary or "SSL" in result.summary) == (FAIL, True), result.summary


class Recorded(Session):
    """A session that answers from a table; what is not in it is a syntax error."""

    def __init__(self, version: str, answers: dict[str, Any]) -> None:
        self._version, self._answers = version, answers

    @property
    def version(self) -> str:
        return self._version

    def rows(self, sql: str) -> list[dict[str, Any]]:
        answer = self._answers.get(sql, Refused(1064, "syntax"))
        if isinstance(answer, Exception):
            raise answer
        return list(answer)


NEW = {key.replace("Master", "Source").replace("Slave", "Replica").replace("Connection_name", "Channel_Name"): value
       for key, value in SOURCE.items()}


@pytest.mark.parametrize(("version", "answers", "expected"), [
    ("8.4.2", {"SHOW REPLICA STATUS": [NEW]}, "db1"),
    ("5.7.44", {"SHOW SLAVE STATUS": [SOURCE]}, "db1"),
    ("10.11.9-MariaDB", {"SHOW ALL SLAVES STATUS": [{**SOURCE, "Connection_name": "east"}]}, "east"),
])
def test_old_and_new_words(version: str, answers: dict[str, Any], expected: str) -> None:
    found = mysql_queries.sources(Recorded(version, answers))
    assert found is not None
    assert (found[0]["name"], found[0]["io"], found[0]["seconds"], found[0]["bytes"]) == (expected, "Yes", 7.0, 500)


def test_a_missing_right_is_not_no_source() -> None:
    denied = Recorded("10.11.9-MariaDB", {"SHOW ALL SLAVES STATUS": Refused(1227, "Access denied")})
    assert mysql_queries.sources(denied) is None
    assert mysql_queries.sources(Recorded("10.11.9-MariaDB", {"SHOW ALL SLAVES STATUS": []})) == []


@pytest.mark.parametrize(("sources", "read_only", "role_by", "expected"), [
    ([], False, "replication", ("primary", 0.0)),
    ([], True, "replication", ("unknown", 0.0)),
    (None, False, "replication", ("unknown", None)),
    (None, False, "read_only", ("primary", None)),
    ([], True, "read_only", ("standby", 0.0)),
    ([{"seconds": 3.0, "bytes": 1}, {"seconds": 5.0, "bytes": None}], False, "replication", ("standby", 5.0)),
    ([{"seconds": 3.0, "bytes": 1}, {"seconds": None, "bytes": 2}], True, "replication", ("standby", None)),
])
def test_role_and_lag(sources: Any, read_only: bool, role_by: str, expected: tuple[str, float | None]) -> None:
    found = place_in({"sources": sources, "read_only": read_only}, role_by)
    assert (found["role"], found["lag"]) == expected


def test_galera_is_seen_only_where_it_is_used() -> None:
    status = [{"Variable_name": "wsrep_provider_name", "Value": "Galera"}, {"Variable_name": "wsrep_local_state", "Value": "4"},
              {"Variable_name": "wsrep_cluster_status", "Value": "Primary"}, {"Variable_name": "wsrep_cluster_size", "Value": "3"},
              {"Variable_name": "wsrep_ready", "Value": "ON"}, {"Variable_name": "wsrep_local_state_comment", "Value": "Synced"}]
    variables = "SELECT @@global.read_only AS read_only, @@global.max_connections AS max_connections"
    first = {variables: [{"read_only": "OFF", "max_connections": 9}]}

    class Cluster(Recorded):
        def rows(self, sql: str) -> list[dict[str, Any]]:
            return status if sql.startswith("SHOW GLOBAL STATUS") else super().rows(sql)

    seen = mysql_queries.server(Cluster("11", first))
    assert seen["galera"] == {"cluster": "Primary", "state": 4, "words": "Synced", "size": 3, "ready": True}
    assert seen["read_only"] is False
    status.clear()
    assert mysql_queries.server(Cluster("11", first))["galera"] is None


def test_a_query_that_may_not_be_asked_is_unknown() -> None:
    for code in (1142, 1064):
        with pytest.raises(CannotTell):
            query_refusal(Refused(code, "no"))
    assert query_refusal(Refused(1146, "Table 'app.nix' doesn't exist")) == {"refused": "Table 'app.nix' doesn't exist"}
