# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a snapshot does where the server is up, down, or not there yet."""

from __future__ import annotations

import pytest
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.model import VigilError
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.prometheus.snapshot import take
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.system import Answer, Client, System


class Server(System):
    def __init__(self, status, body=b""):
        self.answer = Answer("http://x", status or None, body, error="" if status else "connection refused")

    def http(self, *args, **kwargs):
        return self.answer


def test_the_name_of_the_snapshot():
    server = Server(200, b'{"status": "success", "data": {"name": "20260101T000000Z-1"}}')
    assert take(server, "http://x", Client(), 1) == {"changed": True, "snapshot": "20260101T000000Z-1"}


def test_a_bare_host_has_nothing_to_lose(tmp_path):
    assert take(Server(0), "http://x", Client(), 1, str(tmp_path)) == {"changed": False}


def test_a_server_that_is_down_has(tmp_path):
    (tmp_path / "wal").mkdir()
    with pytest.raises(VigilError, match="answered nothing: connection refused. Nothing was upgraded"):
        take(Server(0), "http://x", Client(), 1, str(tmp_path))


def test_the_servers_own_words():
    with pytest.raises(VigilError, match="answered 500: admin APIs disabled"):
        take(Server(500, b"admin APIs disabled"), "http://x", Client(), 1, "/nowhere")
