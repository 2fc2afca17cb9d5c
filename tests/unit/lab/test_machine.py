# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a host is started on this machine and on others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from plugins.module_utils.vigil.system import Ran
from tools.lab import engine, host, machine
from tools.lab.base import LabError
from tools.lab.machine import Machine
from tools.lab.spec import Host, Lab

CASES = Path(__file__).parents[2] / "cases" / "lab"
MACHINES = yaml.safe_load((CASES / "machines.yml").read_text())
ENGINES = yaml.safe_load((CASES / "engines.yml").read_text())
SITE = host.Site("ssh-ed25519 AAAA lab", proxy="http://cache:3142", programs="/c/programs", apt_lists="/c/lists")
V1 = Machine(cgroup=1, sys_resource=False, security=frozenset({"seccomp"}))


def build(case: dict[str, Any]) -> Machine:
    values = case["machine"]
    return Machine(values["cgroup"], values["sys_resource"], frozenset(values["security"]))


@pytest.mark.parametrize("case", [case for case in MACHINES if "refused" not in case], ids=lambda case: case["name"])
def test_arguments(case: dict[str, Any]) -> None:
    here = build(case)
    machine.refuse_unfit(here)
    words = host.machine_arguments(here)
    assert [word for word in case["has"] if word not in words] == []
    assert [word for word in case["has_not"] if word in words] == []
    assert host.start_command(here) == case["command"]


@pytest.mark.parametrize("case", [case for case in MACHINES if "refused" in case], ids=lambda case: case["name"])
def test_refused(case: dict[str, Any]) -> None:
    with pytest.raises(LabError, match=case["refused"]):
        machine.refuse_unfit(build(case))


@pytest.mark.parametrize("case", ENGINES, ids=lambda case: case["name"])
def test_no_engine(case: dict[str, Any]) -> None:
    words = engine.explain(Ran(("docker",), 1, err=case["said"]), case["root"], case["dockerd"], case["remote"])
    assert case["words"] in words
    assert bool(words) == bool(case["words"])


def arguments(one: Host, site: host.Site = SITE, image: str = "i:1", here: Machine = V1) -> list[str]:
    return host.run_arguments(Lab("demo", (one,), "10.0.0.0/24"), one, image, here, site)


def test_a_whole_call() -> None:
    words = arguments(Host("mon 1", address="10.0.0.5"))
    assert words[words.index("--ip") + 1] == "10.0.0.5"
    assert words[words.index("--hostname") + 1].startswith("mon-1-")
    assert "vigil.lab.host=mon 1" in words
    assert words[-3:] == ["--entrypoint", "/sbin/init", "i:1"]
    assert "type=bind,source=/c/lists,target=/lab/apt-lists,readonly" in words
    assert not any("mirror" in word for word in words)


def test_only_a_mirror_sees_the_programs() -> None:
    assert any("/lab/programs,readonly" in word for word in arguments(Host("a", lab_mirror=True)))


def test_the_key_changes_with_what_runs() -> None:
    one = Host("a")
    key = host.key_of(arguments(one))
    assert key == host.key_of(arguments(one))
    others = [arguments(one, image="i:2"), arguments(one, here=Machine(2, True)), arguments(Host("a", lab_mirror=True))]
    assert key not in {host.key_of(words) for words in others}


def test_capabilities_are_read_from_the_bounding_set() -> None:
    assert not machine.parse_capabilities("Name:\tx\nCapEff:\t000001ffffffffff\nCapBnd:\t000001fffeffffff\n")
    assert machine.parse_capabilities("CapBnd:\t000001ffffffffff\n")
    assert not machine.parse_capabilities("")


def test_security_options() -> None:
    assert machine.parse_security("name=seccomp,profile=default name=apparmor name=cgroupns") == {"seccomp", "apparmor", "cgroupns"}
    assert machine.parse_security("") == frozenset()


@pytest.mark.parametrize(("instances", "hosts", "needed"), [(128, 25, False), (128, 26, True), (1024, 200, False), (1024, 201, True)])
def test_inotify(instances: int, hosts: int, needed: bool) -> None:
    assert machine.needs_more_inotify(Machine(1, False, inotify_instances=instances), hosts) is needed
