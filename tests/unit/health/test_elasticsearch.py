# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kind elasticsearch: a small server, and what follows from answers of a real one."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.kind import Look, Shared
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.kinds import KINDS
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.kinds.elasticsearch import (
    read_blocks,
    read_disks,
    reserve,
    trouble,
)
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.look import look_at
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.model import FAIL, PASS, UNKNOWN, WARN, CannotTell
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.spec import parse
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.system import System

from .serving import Authority, look, page, serve

HEALTH = {
    "cluster_name": "logs", "status": "green", "timed_out": False, "number_of_nodes": 1, "unassigned_shards": 0,
    "number_of_pending_tasks": 0, "task_max_waiting_in_queue_millis": 0,
}
GIB = 2**30
NODES = {"nodes": {"x": {"name": "es1", "fs": {"total": {"total_in_bytes": 100 * GIB, "available_in_bytes": 40 * GIB}}}}}
WATERMARK = {"low": {"value": "85%", "max_headroom": "200GB"}, "high": {"value": "90%", "max_headroom": "150GB"},
             "flood_stage": {"value": "95%", "max_headroom": "100GB"}}
SETTINGS = {"defaults": {"cluster": {"routing": {"allocation": {"disk": {"threshold_enabled": "true", "watermark": WATERMARK}}}}}}
ANSWERS: dict[str, Any] = {
    "/_cluster/health": HEALTH, "/_cluster/state/blocks": {}, "/_nodes/stats/fs": NODES, "/_cluster/settings": SETTINGS,
}
SECURITY = '{"error": {"type": "security_exception", "reason": "unable to authenticate"}}'


def server(answers: dict[str, Any], asked: list[str] | None = None) -> Callable[[socket.socket], None]:
    """Answer each path with a mapping as JSON, or with what is given as it is."""
    def answer(link: socket.socket) -> None:
        head = link.recv(65536).decode()
        if not head:
            return
        if asked is not None:
            asked.append(head)
        found = answers.get(head.split(" ")[1].split("?")[0], "")
        link.sendall(page(json.dumps(found)) if isinstance(found, dict) else page(*found))
    return answer


def test_a_green_cluster(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("a2V5\n")
    asked: list[str] = []
    with serve(server(ANSWERS, asked)) as port:
        result = look("elasticsearch", 3, url=f"http://127.0.0.1:{port}", api_key_file=str(tmp_path / "key"))
    assert result.state == PASS, result.summary
    assert len(asked) == 4
    assert all("Authorization: ApiKey a2V5\r\n" in head for head in asked)
    waits = [int(wait) for head in asked for wait in re.findall(r"timeout=(\d+)ms", head)]
    assert len(waits) == 4
    assert 0 < min(waits) <= max(waits) <= 1500  # half of what is left
    assert "a2V5" not in repr(result)


def test_the_watermarks_are_asked_for_once_a_minute() -> None:
    asked: list[str] = []
    now = [1000.0]
    shared = Shared(lambda: now[0])
    with serve(server(ANSWERS, asked)) as port:
        check = parse([{"name": "check", "kind": "elasticsearch", "url": f"http://127.0.0.1:{port}"}], KINDS)[0]
        for now[0] in (1000.0, 1059.0, 1060.0):
            assert look_at(check, KINDS["elasticsearch"], Look(System(), 3.0, {}, shared))[0].state == PASS
    assert ["/_cluster/settings" in head for head in asked].count(True) == 2


def test_over_tls_below_a_path(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    (tmp_path / "password").write_text("pw\n")
    asked: list[str] = []
    with serve(server({f"/es{path}": value for path, value in ANSWERS.items()}, asked), authority.server("127.0.0.1", "127.0.0.1")) as port:
        given = {"url": f"https://127.0.0.1:{port}/es/", "ca": str(authority.file), "username": "u"}
        given["password_file"] = str(tmp_path / "password")
        assert look("elasticsearch", 3, **given).state == PASS
        assert look("elasticsearch", 3, **{**given, "ca": None}).state == FAIL
    assert "Authorization: Basic dTpwdw==" in asked[0]


@pytest.mark.parametrize(("answer", "state", "words"), [
    ((SECURITY, "401 Unauthorized"), UNKNOWN, "unable to authenticate"),
    ((SECURITY, "403 Forbidden"), UNKNOWN, "is not let in"),
    (('{"error": {"type": "master_not_discovered_exception", "reason": null}}', "503 Unavailable"), FAIL, "(master_not_discovered_exc"),
    (('{"error": {"type": "circuit_breaking_exception", "reason": "too large"}}', "429 Too Many"), FAIL, "_exception: too large"),
    (("<html>", "502 Bad Gateway"), FAIL, "/_cluster/health answered 502"),
    (("<html>It works</html>",), UNKNOWN, "expected 200 and JSON"),
    (("[]",), UNKNOWN, "expected 200 and JSON"),
    (("{}", "404 Not Found"), UNKNOWN, "answered 404"),
    ({**HEALTH, "status": "red"}, FAIL, "the cluster logs is red"),
    ({**HEALTH, "status": "yellow", "unassigned_shards": 2}, WARN, "2 shards are on no node"),
])
def test_what_it_answers(answer: Any, state: str, words: str) -> None:
    with serve(server({**ANSWERS, "/_cluster/health": answer})) as port:
        result = look("elasticsearch", 3, url=f"http://127.0.0.1:{port}")
    assert (result.state, words in result.summary) == (state, True), result.summary
    assert result.advice


def test_blocks() -> None:
    block = {"description": "disk usage exceeded flood-stage watermark", "retryable": False, "levels": ["write"]}
    answer = {"blocks": {"global": {"6": {"description": "cluster read-only (api)"}},
                         "indices": {"b": {"12": block}, "a": {"12": block}, "frozen": {"8": {"description": "index write (api)"}}}}}
    assert read_blocks(answer) == {"cluster": ["cluster read-only (api)"], "indices": ["a", "b"], "count": 2}
    assert read_blocks({}) == {"cluster": [], "indices": [], "count": 0}


def test_a_setting_of_the_operator_replaces_a_default() -> None:
    own = {"cluster": {"routing": {"allocation": {"disk": {"watermark": {"low": "30gb"}}}}}}
    found = read_disks(NODES, {**SETTINGS, "persistent": own})
    assert found == [{"name": "es1", "total": 100 * GIB, "free": 40 * GIB, "low": 30.0 * GIB, "high": pytest.approx(10 * GIB),
                      "flood_stage": pytest.approx(5 * GIB)}]
    off = {"cluster": {"routing": {"allocation": {"disk": {"threshold_enabled": "false"}}}}}
    assert read_disks(NODES, {**SETTINGS, "transient": off}) == []


@pytest.mark.parametrize(("watermark", "total", "expected"), [
    ({"low": "85%"}, 1000, 150), ({"low": "0.85"}, 1000, 150), ({"low": "500mb"}, 10 * GIB, 500 * 2**20), ({}, 1000, 150),
    ({"low": {"value": "85%", "max_headroom": "200GB"}}, 10000 * GIB, 200 * GIB),
    ({"low": {"value": "85%", "max_headroom": "-1"}}, 10000 * GIB, 1500 * GIB),
    ({"low": {"value": "1b"}}, 1000, 1),
])
def test_watermarks(watermark: dict[str, Any], total: int, expected: float) -> None:
    assert reserve(watermark, "low", total) == pytest.approx(expected)


def test_trouble_in_words() -> None:
    assert trouble("/x", 200, b"{}") == ""
    assert trouble("/x", 500, b'{"error": "short"}') == "/x answered 500"
    with pytest.raises(CannotTell):
        trouble("/x", 301, b"")
