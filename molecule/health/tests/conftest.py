# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The agents of the scenario, asked over the network."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

PORT = 9890


@dataclass(frozen=True)
class Agent:
    """One host's agent, as who has the token sees it."""

    host: Any

    def ask(self, path: str) -> tuple[int, dict[str, Any]]:
        """The status code and the decoded answer; (0, {}) where nothing answers."""
        status, body = self.host.ask(PORT, path, token=self.host.password("machine", "agent"))
        return status, json.loads(body) if status else {}

    def states(self) -> dict[str, str]:
        """The state of each check."""
        return {name: check[0]["state"] for name, check in self.ask("/health")[1].get("checks", {}).items()}

    def page(self) -> str:
        """The metrics, as text."""
        status, body = self.host.ask(PORT, "/metrics", token=self.host.password("machine", "agent"))
        assert status == 200, body
        return body

    def metric(self, begins: str) -> float:
        """The value of the first series whose line begins with these characters."""
        return float(next(line.rpartition(" ")[2] for line in self.page().splitlines() if line.startswith(begins)))


@pytest.fixture(scope="session")
def agents(at: dict[str, Any]) -> dict[str, Agent]:
    """Every host's agent by the host's name."""
    return {name: Agent(host) for name, host in at.items()}


@pytest.fixture
def all_well(agents: dict[str, Agent], wait_until: Any) -> Iterator[None]:
    """The test begins, and ends, with hosts on which all is well."""

    def well() -> bool:
        return all(set(agent.states().values()) == {"pass"} for agent in agents.values())

    wait_until(well, why="all is well before the test")
    yield
    wait_until(well, why="all is well after the test")
