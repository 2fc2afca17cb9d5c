# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The mirror of the lab and its faults, over a loopback socket."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

from tools.lab import mirror_server
from tools.lab.mirror_server import Asked, Handler, parse_path, parse_range

BODY = bytes(range(256)) * 10


@pytest.fixture
def port(tmp_path: Path) -> Iterator[int]:
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "f.tar.gz").write_bytes(BODY)

    class Fresh(Handler):
        root = tmp_path.resolve()
        log: ClassVar[list[dict[str, object]]] = []
        seen: ClassVar[dict[str, int]] = {}

    server = ThreadingHTTPServer(("127.0.0.1", 0), Fresh)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server.server_address[1]
    server.shutdown()
    server.server_close()
    thread.join()


def get(port: int, path: str, method: str = "GET", **headers: str) -> tuple[int, bytes]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    connection.request(method, path, headers=headers)
    reply = connection.getresponse()
    try:
        return reply.status, reply.read()
    except http.client.IncompleteRead as error:
        return reply.status, error.partial
    finally:
        connection.close()


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        ("/a/b", Asked("/a/b")),
        ("/github.com/a/b?x=1", Asked("/a/b")),
        ("/truncate/github.com/a", Asked("/a", "truncate")),
        ("/status/503/a", Asked("/a", "status", 503)),
        ("/flaky/2/a%20b", Asked("/a b", "flaky", 2)),
        ("/slowly/a", Asked("/slowly/a")),
    ],
)
def test_paths(path: str, asked: Asked) -> None:
    assert parse_path(path) == asked


def test_ranges() -> None:
    assert parse_range(None, 10) is None
    assert parse_range("bytes=3-", 10) == (3, 9)
    assert parse_range("bytes=3-99", 10) == (3, 9)
    assert parse_range("items=3-", 10) is None
    with pytest.raises(ValueError, match="past"):
        parse_range("bytes=10-", 10)


def test_a_file_and_parts_of_it(port: int) -> None:
    assert get(port, "/github.com/p/f.tar.gz") == (200, BODY)
    assert get(port, "/p/f.tar.gz", Range="bytes=100-") == (206, BODY[100:])
    assert get(port, "/p/f.tar.gz", Range="bytes=9999-")[0] == 416
    assert get(port, "/p/none")[0] == 404
    assert get(port, "/p/../../etc/passwd")[0] == 404


def test_a_truncated_download_can_be_resumed(port: int) -> None:
    assert get(port, "/truncate/p/f.tar.gz", method="HEAD") == (200, b"")
    status, part = get(port, "/truncate/p/f.tar.gz")
    assert (status, len(part)) == (200, len(BODY) // 2)
    assert get(port, "/truncate/p/f.tar.gz", Range=f"bytes={len(part)}-") == (206, BODY[len(part) :])


def test_other_faults(port: int) -> None:
    assert [len(get(port, "/cut/p/f.tar.gz")[1]) for _turn in range(2)] == [len(BODY) // 2] * 2
    assert [get(port, "/flaky/1/p/f.tar.gz")[0] for _turn in range(2)] == [503, 200]
    assert get(port, "/status/404/p/f.tar.gz")[0] == 404
    wrong = get(port, "/corrupt/p/f.tar.gz")[1]
    assert sum(one != two for one, two in zip(wrong, BODY)) == 1


def test_the_log(port: int) -> None:
    get(port, "/p/f.tar.gz", Range="bytes=5-")
    entry = json.loads(get(port, "/_log")[1])
    assert entry == {"method": "GET", "path": "/p/f.tar.gz", "range": "bytes=5-", "status": 206, "bytes": len(BODY) - 5}
    get(port, "/_reset", method="POST")
    assert get(port, "/_log")[1] == b""


def test_a_link_out_of_the_root_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "link").symlink_to("/etc/passwd")
    assert mirror_server.resolve((tmp_path / "root").resolve(), "/link") is None
