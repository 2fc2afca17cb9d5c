# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting for targets: a System that answers from a list, no clock and no network."""

from __future__ import annotations

import json
from typing import Any

import pytest
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.model import VigilError
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.prometheus.verify import Question, verify
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.system import Answer, Client, System


class Server(System):
    """Answers with each health in turn, the last one for ever; a second passes a sleep."""

    def __init__(self, *healths: str, status: int = 200) -> None:
        self.healths, self.status, self.clock = list(healths), status, 0.0

    def http(self, url: str, *args: Any, **kwargs: Any) -> Answer:
        labels = {"job": "node", "host": "a", "instance": "a:1"}
        if "/query" in url:
            return Answer(url, self.status, json.dumps({"data": {"result": []}}).encode())
        health = self.healths.pop(0) if len(self.healths) > 1 else self.healths[0]
        target = {"labels": labels, "discoveredLabels": {"__address__": "a:1"}, "health": health, "lastError": ""}
        return Answer(url, self.status, json.dumps({"data": {"activeTargets": [target]}}).encode())

    def monotonic(self) -> float:
        return self.clock

    def sleep(self, seconds: float) -> None:
        self.clock += seconds


QUESTION = Question("http://x", Client(), [("node", "a", "a:1")], 10)


def test_waits_until_the_target_is_up() -> None:
    result = verify(Server("unknown", "down", "up"), QUESTION)
    assert result["waited"] == 2
    assert [row["state"] for row in result["targets"]] == ["up"]


def test_says_which_target_is_down_and_keeps_the_table() -> None:
    with pytest.raises(VigilError, match="1 of 1 targets.*node on a .* is down") as error:
        verify(Server("down"), QUESTION)
    assert "node" in error.value.details["table"]


def test_a_server_that_cannot_be_asked_is_unknown() -> None:
    with pytest.raises(VigilError, match="status 401.*unknown"):
        verify(Server("up", status=401), QUESTION)
