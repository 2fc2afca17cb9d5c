# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which parts the tags ask for, and in which order the parts are carried out."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.deploy import deploy, deploy_each, together
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.model import VigilError
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.parts import asked_parts

CASES = yaml.safe_load((Path(__file__).parents[2] / "cases" / "deploy" / "parts.yml").read_text(encoding="utf-8"))
PROCESS = ["process_exporter", "process_exporter_install", "process_exporter_configure", "process_exporter_run"]
OWN = ["prometheus", "install", "configure", "prometheus_install", "prometheus_configure", "prometheus_run"]


@pytest.mark.parametrize("case", [pytest.param(case, id=case["name"]) for case in CASES])
def test_parts(case: dict[str, Any]) -> None:
    assert asked_parts(case["run"], case.get("skip", []), [*OWN, *case.get("own", [])], "prometheus") == case["parts"]


@pytest.mark.parametrize("case", [pytest.param(case, id=case["name"]) for case in CASES])
def test_parts_of_a_task_that_another_role_shares(case: dict[str, Any]) -> None:
    own = [*OWN, *PROCESS, *case.get("own", [])]
    assert asked_parts(case["run"], case.get("skip", []), own, "prometheus", ["process_exporter"]) == case["parts"]


@pytest.mark.parametrize("tag", PROCESS)
def test_the_tags_of_the_other_role_ask_for_nothing_of_this_one(tag: str) -> None:
    assert asked_parts([tag], [], [*OWN, *PROCESS], "prometheus", ["process_exporter"]) == []


class Calls:
    """Both parts, noting their order; ``answers`` are their results, an exception is raised."""

    def __init__(self, **answers: Any) -> None:
        self.order: list[str] = []
        self.answers = answers

    def part(self, name: str) -> Any:
        def call(_options: Mapping[str, Any], _check: bool) -> dict[str, Any]:
            self.order.append(name)
            answer = self.answers.get(name, {"changed": False})
            if isinstance(answer, Exception):
                raise answer
            return dict(answer)

        return call

    def run(self, state: str = "present", component: bool = True, config: bool = True) -> dict[str, Any]:
        data = {"component": {"state": state} if component else None, "config": {"state": state} if config else None}
        return deploy(data, False, self.part("install"), self.part("configure"))


def test_installed_before_it_is_configured_and_removed_the_other_way_round() -> None:
    there, gone = Calls(), Calls()
    there.run()
    gone.run("absent")
    assert (there.order, gone.order) == (["install", "configure"], ["configure", "install"])


def test_one_part_alone() -> None:
    first, second = Calls(), Calls()
    assert first.run(config=False)["component"] == {"changed": False}
    assert second.run(component=False)["component"] is None
    assert (first.order, second.order) == (["install"], ["configure"])


def test_nothing_is_configured_before_the_controller_has_brought_the_archive() -> None:
    calls = Calls(install={"changed": False, "fetch": {"archive": {}}})
    assert calls.run()["fetch"] == {"archive": {}}
    assert calls.order == ["install"]


def test_a_change_of_either_is_a_change_and_both_diffs_are_shown() -> None:
    calls = Calls(install={"changed": True, "diff": {"prepared": "packages"}}, configure={"changed": False, "diff": [{"before": ""}]})
    result = calls.run()
    assert (result["changed"], result["diff"]) == (True, [{"prepared": "packages"}, {"before": ""}])


def test_a_failed_configuration_tells_what_was_installed() -> None:
    calls = Calls(install={"changed": True, "version": "2"}, configure=VigilError("no", rolled_back=True))
    with pytest.raises(VigilError) as failed:
        calls.run()
    assert failed.value.details == {"rolled_back": True, "component": {"changed": True, "version": "2"}}


def test_a_service_that_fails_keeps_no_other_from_its_turn() -> None:
    def one(service: Mapping[str, Any], _check: bool) -> dict[str, Any]:
        if service["role"] == "a":
            raise VigilError("no", rolled_back=True)
        return {"changed": True, "diff": [{"after": "b"}]}

    results = deploy_each([{"role": "a"}, {"role": "b"}], False, one)
    assert results["a"] == {"changed": False, "failed": True, "msg": "no", "rolled_back": True}
    told = together(results)
    assert (told["failed"], told["changed"], told["msg"], told["diff"]) == (True, True, "a: no\nb: changed.", [{"after": "b"}])
    assert told["services"]["b"] == {"changed": True}


def test_services_that_are_as_they_should_be_are_neither_changed_nor_failed() -> None:
    told = together({"a": {"changed": False, "diff": []}, "b": {"changed": False}})
    assert told == {"changed": False, "services": {"a": {"changed": False}, "b": {"changed": False}}, "diff": []}
