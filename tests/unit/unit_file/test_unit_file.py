# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Units as text: by the documents of tests/cases/unit_file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.model import InvalidInput
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.unit_file import HARDENING, quote, unit_file

CASES = Path(__file__).parents[2] / "cases" / "unit_file"


def load(name: str) -> list[Any]:
    """Return the cases of a document as parameters named by the case."""
    return [pytest.param(case, id=case["name"]) for case in yaml.safe_load((CASES / name).read_text(encoding="utf-8"))]


@pytest.mark.parametrize("case", load("quoting.yml"))
def test_a_word_reaches_the_program_as_given(case: dict[str, Any]) -> None:
    assert quote(case["word"]) == case["text"]


@pytest.mark.parametrize("case", [param for param in load("units.yml") if "error" not in param.values[0]])
def test_unit(case: dict[str, Any]) -> None:
    text = unit_file(case["options"])
    rest = iter(text.splitlines())
    for line in case["lines"]:
        assert line in rest, f"{line!r} is missing, or not in this order, in:\n{text}"
    for words in case.get("absent", []):
        assert words not in text


@pytest.mark.parametrize("case", [param for param in load("units.yml") if "error" in param.values[0]])
def test_refused(case: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput, match=case["error"]):
        unit_file(case["options"])


def test_the_shared_hardening_stays_as_it_is() -> None:
    before = dict(HARDENING)
    unit_file({"exec": ["/usr/bin/x"], "hardening": {"ProtectHome": None}, "capabilities": ["CAP_CHOWN"]})
    assert before == HARDENING
