# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each kind by its documents: options as an operator writes them, values as they were seen, the state and the words that follow."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.kinds import KINDS
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.look import conclude
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.model import Result
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.spec import COMMON, parse
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.model import InvalidInput

FOLDER = Path(__file__).resolve().parents[2] / "cases" / "health" / "kinds"
DOCUMENTS = {path.stem: yaml.safe_load(path.read_text(encoding="utf-8")) for path in sorted(FOLDER.glob("*.yml"))}
CASES = [pytest.param(kind, case, id=f"{kind}: {case['name']}") for kind, cases in DOCUMENTS.items() for case in cases]


def judged(kind: str, case: dict[str, Any]) -> Result:
    check = parse([{"name": "check", "kind": kind, **case.get("options", {})}], KINDS)[0]
    return conclude(check, KINDS[kind].decide(check.options, case["values"]), case["values"])


@pytest.mark.parametrize(("kind", "case"), [case for case in CASES if "refused" not in case.values[1]])
def test_decision(kind: str, case: dict[str, Any]) -> None:
    result = judged(kind, case)
    assert (result.state, result.summary) == (case["state"], result.summary), result.summary
    assert str(case.get("summary", "")) in result.summary
    assert str(case.get("expected", "")) in result.expected
    assert str(case.get("advice", "")) in result.advice
    for field in ("observed", "unit"):
        assert field not in case or getattr(result, field) == case[field]
    for what, state in case.get("findings", {}).items():
        assert [finding.state for finding in result.findings if finding.what == what] == [state], (what, result.findings)


@pytest.mark.parametrize(("kind", "case"), [case for case in CASES if "refused" in case.values[1]])
def test_refusal(kind: str, case: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse([{"name": "check", "kind": kind, **case.get("options", {})}], KINDS)
    assert case["refused"] in str(caught.value)


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_each_kind_has_documents(kind: str) -> None:
    cases = DOCUMENTS.get(kind, [])
    where = f"tests/cases/health/kinds/{kind}.yml"
    assert {"pass", "fail"} <= {case.get("state") for case in cases}, f"{where} lacks a case that passes or one that fails"
    assert any("refused" in case for case in cases), f"{where} lacks a case that is refused"


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_failures_say_what_to_do(kind: str) -> None:
    silent = [case["name"] for case in DOCUMENTS.get(kind, []) if case.get("state") in ("fail", "warn") and not judged(kind, case).advice]
    assert not silent, f"no advice in: {silent}"


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_the_example_is_a_check_of_this_kind(kind: str) -> None:
    examples = yaml.safe_load(KINDS[kind].example)
    checks = parse([{**example, "parents": []} for example in examples], KINDS)
    assert {check.kind for check in checks} == {kind}


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_option_names_are_free(kind: str) -> None:
    taken = {"name", "kind", "enabled", *(option.name for option in COMMON.options)}
    names = [option.name for option in KINDS[kind].options]
    assert not taken & set(names)
    assert len(names) == len(set(names))
