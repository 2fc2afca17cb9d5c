# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kind port with real sockets of this process, and with tables of files."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.kind import Look, Shared
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.kinds import KINDS
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.look import look_at
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.model import Result
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.proc_table import read_entry
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.sockets import holders, read_listeners, same_address
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.spec import parse
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.system import System


def looked(port: int, remembered: Mapping[str, Any] | None = None, **options: Any) -> tuple[Result, Mapping[str, Any]]:
    check = parse([{"name": "check", "kind": "port", "port": port, **options}], KINDS)[0]
    return look_at(check, KINDS["port"], Look(System(), 5.0, remembered or {}, Shared(time.monotonic)))


def my_name() -> str:
    entry = read_entry(os.getpid())
    assert entry is not None
    return entry.name


@pytest.mark.parametrize(("proto", "kind"), [("tcp", socket.SOCK_STREAM), ("udp", socket.SOCK_DGRAM)])
def test_one_that_listens_on_loopback(proto: str, kind: socket.SocketKind) -> None:
    with socket.socket(socket.AF_INET, kind) as server:
        server.bind(("127.0.0.1", 0))
        if proto == "tcp":
            server.listen()
        port = server.getsockname()[1]
        asked = {"proto": proto, "address": "loopback", "program": my_name(), "user": str(os.geteuid())}
        result, memory = looked(port, **asked)
        assert result.state == "pass" and f"pid {os.getpid()}" in result.summary and "at 127.0.0.1" in result.summary
        assert looked(port, memory, **asked)[0].state == "pass"
        assert looked(port, proto=proto, address="any")[0].state == "fail"
        assert looked(port, proto=proto, expect="closed")[0].state == "fail"
        assert looked(port, proto=proto, program="other")[0].observed == my_name()
    assert looked(port, memory, **asked)[0].summary == f"nobody listens on {proto} port {port}"
    assert looked(port, proto=proto, expect="closed")[0].state == "pass"


def test_version_6() -> None:
    with socket.socket(socket.AF_INET6, socket.SOCK_STREAM) as server:
        try:
            server.bind(("::1", 0))
        except OSError:
            pytest.skip("this host has no IPv6 on loopback")
        server.listen()
        result, _memory = looked(server.getsockname()[1], address="loopback")
        assert result.state == "pass" and "at ::1 " in result.summary


def test_every_address() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as server:
        server.bind(("0.0.0.0", 0))
        server.listen()
        assert looked(server.getsockname()[1], address="loopback")[0].observed == "0.0.0.0"
        assert looked(server.getsockname()[1], address="any")[0].state == "pass"


def test_a_connection_is_no_listener() -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        with socket.create_connection(server.getsockname()) as client:
            assert looked(client.getsockname()[1])[0].state == "fail"


def test_another_socket_on_the_same_port_is_looked_at_anew() -> None:
    def listen(port: int) -> socket.socket:
        server = socket.socket()
        server.bind(("127.0.0.1", port))
        server.listen()
        return server

    with listen(0) as server:
        port = server.getsockname()[1]
        _result, memory = looked(port)
        assert looked(port, memory)[1] == memory
    with listen(port):
        result, later = looked(port, memory)
    assert f"pid {os.getpid()}" in result.summary and later["inodes"] != memory["inodes"]


def test_the_holder_of_last_time_is_asked_first(tmp_path: Path) -> None:
    def process(pid: int, *inodes: int) -> None:
        folder = tmp_path / str(pid) / "fd"
        folder.mkdir(parents=True)
        for number, inode in enumerate(inodes):
            (folder / str(number)).symlink_to(f"socket:[{inode}]")

    process(7, 100, 101)
    process(8, 100)
    held, closed = holders({100, 101}, (), str(tmp_path))
    assert ({inode: sorted(pids) for inode, pids in held.items()}, closed) == ({100: [7, 8], 101: [7]}, False)
    assert holders({100, 101}, (7,), str(tmp_path)) == ({100: [7], 101: [7]}, False)
    assert sorted(holders({100, 101}, (8,), str(tmp_path))[0][101]) == [7], "it holds one of two: all are asked"
    assert sorted(holders({100}, (9,), str(tmp_path))[0][100]) == [7, 8], "it is gone: all are asked"


HEADER = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
LISTEN = "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 54321 1 0 100 0 0 10 0\n"
CONNECTED = "   1: 0100007F:1F91 0100007F:C350 01 00000000:00000000 00:00000000 00000000  1000        0 54322 1 0 20 4 30 10 -1\n"


def test_a_table_with_many_connections_is_left_early(tmp_path: Path) -> None:
    (tmp_path / "net").mkdir()
    (tmp_path / "net" / "tcp").write_text(HEADER + LISTEN + CONNECTED * 2000 + LISTEN.replace("1F90", "1F92"))
    found = read_listeners("tcp", str(tmp_path))
    assert found is not None
    assert [(one.address, one.port, one.user, one.inode) for one in found] == [("127.0.0.1", 8080, 1000, 54321)]


def test_addresses_of_version_6(tmp_path: Path) -> None:
    (tmp_path / "net").mkdir()
    words = {"::": "0" * 32, "::1": "0" * 24 + "01000000", "2001:db8::5": "B80D0120" + "0" * 16 + "05000000",
             "::ffff:127.0.0.1": "0" * 16 + "FFFF0000" + "0100007F"}
    lines = [LISTEN.replace("0100007F:1F90", f"{word}:1F90") for word in words.values()]
    (tmp_path / "net" / "tcp6").write_text(HEADER + "".join(lines))
    found = read_listeners("tcp", str(tmp_path)) or ()
    assert [same_address(one.address, wanted) for one, wanted in zip(found, words)] == [True] * 4
    assert [(one.is_any, one.is_loopback) for one in found] == [(True, False), (False, True), (False, False), (False, True)]


def test_without_any_table_nobody_knows(tmp_path: Path) -> None:
    assert read_listeners("tcp", str(tmp_path)) is None
