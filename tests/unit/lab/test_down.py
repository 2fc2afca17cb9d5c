# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is taken away: what bears the lab's label, and nothing else."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from plugins.module_utils.vigil.system import Ran, System
from tools.lab import engine, host, lab
from tools.lab.docker import Docker


class FakeEngine(System):
    """An engine with containers and networks, each with the name of its lab ("" for somebody else's)."""

    def __init__(self) -> None:
        self.containers = {"vigil-demo-a": "demo", "vigil-bench-b": "bench", "postgres": "", "vigil-lab-cache": ""}
        self.networks = {"vigil-demo": "demo", "vigil-bench": "bench", "bridge": ""}
        self.calls: list[list[str]] = []

    def run(
        self, argv: Sequence[str], timeout: float = 60.0, stdin: str | None = None, env: Mapping[str, str] | None = None
    ) -> Ran:
        """Answer the few docker commands that `down` uses."""
        words = list(argv)[1:]
        self.calls.append(words)
        if words[0] == "ps" or words[:2] == ["network", "ls"]:
            wanted = words[-1].split("=")[2:]
            things = self.containers if words[0] == "ps" else self.networks
            return Ran(tuple(argv), 0, "\n".join(name for name, of in things.items() if of and wanted in ([], [of])))
        if words[:2] == ["container", "inspect"]:
            return Ran(tuple(argv), 0, json.dumps([{"Name": name} for name in words[2:] if name in self.containers]))
        if words[0] == "rm":
            for name in words[3:]:
                del self.containers[name]
        if words[:2] == ["network", "rm"]:
            del self.networks[words[2]]
        return Ran(tuple(argv), 0)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("VIGIL_CACHE", str(tmp_path))
    return tmp_path


def test_one_lab(cache: Path) -> None:
    for name in ("demo", "bench"):
        (cache / "labs" / name).mkdir(parents=True)
    system = FakeEngine()
    removed = lab.down(Docker(system), "demo")
    assert removed == ["vigil-demo-a", "network vigil-demo"]
    assert set(system.containers) == {"vigil-bench-b", "postgres", "vigil-lab-cache"}
    assert set(system.networks) == {"vigil-bench", "bridge"}
    assert [path.name for path in (cache / "labs").iterdir()] == ["bench"]


def test_the_last_lab_takes_the_package_cache_along() -> None:
    system = FakeEngine()
    lab.down(Docker(system), None)
    assert set(system.containers) == {"postgres"}
    assert set(system.networks) == {"bridge"}


def test_nothing_there() -> None:
    system = FakeEngine()
    system.containers, system.networks = {"postgres": ""}, {"bridge": ""}
    assert lab.down(Docker(system), "demo") == []


def test_volumes_go_with_their_containers() -> None:
    system = FakeEngine()
    lab.down(Docker(system), None)
    assert all(call[1:3] == ["--force", "--volumes"] for call in system.calls if call[0] == "rm")


@pytest.mark.parametrize(
    ("running", "key", "started"), [(True, "right", False), (True, "other", True), (False, "right", True)]
)
def test_only_the_right_host_is_kept(running: bool, key: str, started: bool) -> None:
    system = FakeEngine()
    found = {"State": {"Running": running, "Status": "exited"}, "Config": {"Labels": {"vigil.lab.key": key}}}
    argv = ["run", "--name", "vigil-demo-a", "--label", "vigil.lab.key=right", "image"]
    assert host.ensure(Docker(system), argv, found) is started
    assert ("vigil-demo-a" not in system.containers) is started
    assert (argv in system.calls) is started


def test_an_engine_of_somebody_else_is_not_stopped(cache: Path) -> None:
    assert "started no engine" in engine.stop(FakeEngine())
    (cache / "lab" / "engine" / "pid").write_text("1\n")
    assert "started no engine" in engine.stop(FakeEngine())
