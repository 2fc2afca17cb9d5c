# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kind redis: a small server that speaks the protocol, and what follows from texts of real ones."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.kind import Look
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.kinds import KINDS
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.kinds.redis import parse, place_in
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.look import look_at
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.model import FAIL, PASS, UNKNOWN, WARN
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.spec import parse as parse_spec
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.system import System

from .serving import Authority, look, serve

PRIMARY = """# Server
redis_version:8.0.2
# Clients
connected_clients:3
maxclients:10000
blocked_clients:0
# Memory
used_memory:1000
maxmemory:0
maxmemory_policy:noeviction
# Persistence
loading:0
rdb_changes_since_last_save:0
rdb_last_save_time:1700000000
rdb_last_bgsave_status:ok
aof_enabled:0
# Stats
rejected_connections:5
# Replication
role:master
connected_slaves:2
slave0:ip=10.0.0.2,port=6379,state=online,offset=900,lag=1
slave1:ip=10.0.0.3,port=6379,state=wait_bgsave,offset=0,lag=0
master_repl_offset:1000
"""
REPLICA = PRIMARY.split("# Replication", maxsplit=1)[0] + """# Replication
role:slave
master_host:10.0.0.1
master_port:6379
master_link_status:up
master_last_io_seconds_ago:3
master_sync_in_progress:0
slave_read_repl_offset:1400
slave_repl_offset:1000
master_repl_offset:1000
"""


def bulk(text: str) -> bytes:
    data = text.replace("\n", "\r\n").encode()
    return b"$%d\r\n%s\r\n" % (len(data), data)


def server(answers: dict[str, bytes], asked: list[str] | None = None) -> Callable[[socket.socket], None]:
    """Answer each command by its first word."""
    def answer(link: socket.socket) -> None:
        while command := link.recv(65536):
            words = [part.decode() for part in re.findall(rb"\$\d+\r\n(.*?)\r\n", command)]
            if asked is not None:
                asked.append(" ".join(words))
            link.sendall(answers.get(words[0], b"-ERR unknown command\r\n"))
    return answer


GOOD = {"AUTH": b"+OK\r\n", "PING": b"+PONG\r\n", "INFO": bulk(PRIMARY)}


def test_a_primary_is_asked_no_more_than_needed() -> None:
    asked: list[str] = []
    with serve(server(GOOD, asked)) as port:
        result = look("redis", 3, port=port, user="vigil", password="pw", role="primary")
    assert result.state == PASS, result.summary
    assert asked == ["AUTH vigil pw", "INFO", "PING"]
    assert result.values["standbys"][0] == {"name": "10.0.0.2:6379", "state": "online", "seconds": 1.0, "bytes": 100.0}


def test_over_a_unix_socket(tmp_path: Path) -> None:
    path = tmp_path / "redis.sock"
    with serve(server(GOOD), path=path):
        assert look("redis", 3, host=str(path)).state == PASS


def test_over_tls(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    with serve(server(GOOD), authority.server("127.0.0.1", "127.0.0.1")) as port:
        assert look("redis", 3, port=port, ca=str(authority.file)).state == PASS
        distrusted = look("redis", 3, port=port, tls=True)
    assert (distrusted.state, "not trusted" in distrusted.summary) == (FAIL, True)


@pytest.mark.parametrize(("answers", "state", "words"), [
    ({"AUTH": b"-WRONGPASS invalid username-password pair or user is disabled.\r\n"}, UNKNOWN, "invalid username-password pair"),
    ({"INFO": b"-NOAUTH Authentication required.\r\n"}, UNKNOWN, "Authentication required"),
    ({"INFO": b"-NOPERM User low has no permissions to run the 'info' command\r\n"}, UNKNOWN, "no permissions"),
    ({"AUTH": b"-DENIED Redis is running in protected mode because protected mode is enabled\r\n"}, UNKNOWN, "protected mode"),
    ({"AUTH": b"-ERR max number of clients reached\r\n"}, FAIL, "max number of clients reached"),
    ({"INFO": b"-BUSY Redis is busy running a script.\r\n"}, FAIL, "busy running a script"),
    ({"PING": b"-MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk.\r\n"}, FAIL, "MISCONF"),
    ({"INFO": bulk(PRIMARY.replace("loading:0", "loading:1\nloading_eta_seconds:9")), "PING": b"-LOADING\r\n"}, WARN, "9 s are left"),
    ({"INFO": b"-LOADING Redis is loading the dataset in memory\r\n"}, FAIL, "loads its data"),
])
def test_what_it_says_in_place_of_an_answer(answers: dict[str, bytes], state: str, words: str) -> None:
    with serve(server({**GOOD, **answers})) as port:
        result = look("redis", 3, port=port, password="pw")
    assert (result.state, words in result.summary) == (state, True), result.summary
    assert result.advice


def test_rejected_connections_are_counted_from_look_to_look() -> None:
    with serve(server(GOOD)) as port:
        check = parse_spec([{"name": "check", "kind": "redis", "password": "pw", "port": port}], KINDS)[0]
        first, memory = look_at(check, KINDS["redis"], Look(System(), 3.0, {}))
        second, _memory = look_at(check, KINDS["redis"], Look(System(), 3.0, {"rejected": 2}))
        restarted, _memory = look_at(check, KINDS["redis"], Look(System(), 3.0, {"rejected": 99}))
    assert (first.state, first.values["rejected"], memory) == (PASS, None, {"rejected": 5.0})
    assert (second.state, second.values["rejected"]) == (WARN, 3)
    assert restarted.values["rejected"] == 5


@pytest.mark.parametrize(("change", "expected"), [
    ({}, ("standby", 0.0, 400.0)),
    ({"master_last_io_seconds_ago:3": "master_last_io_seconds_ago:11"}, ("standby", 11.0, 400.0)),
    ({"master_link_status:up": "master_link_status:down\nmaster_link_down_since_seconds:8"}, ("standby", 8.0, 400.0)),
    ({"master_link_status:up": "master_link_status:down\nmaster_link_down_since_seconds:-1"}, ("standby", None, 400.0)),
    ({"slave_read_repl_offset:1400": ""}, ("standby", 0.0, None)),
    ({"role:slave": "role:sentinel"}, ("unknown", None, None)),
    ({"loading:0": "loading:1"}, ("unknown", None, None)),
])
def test_role_and_lag(change: dict[str, str], expected: tuple[Any, ...]) -> None:
    text = REPLICA
    for old, new in change.items():
        assert old in text
        text = text.replace(old, new)
    found = place_in(parse(text))
    assert (found["role"], found["lag"], found["lag_bytes"]) == expected
