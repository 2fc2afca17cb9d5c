# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Numbers with units, both ways."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.units import number, words
from hypothesis import given
from hypothesis import strategies as st

CASES = yaml.safe_load((Path(__file__).resolve().parents[2] / "cases" / "health" / "units.yml").read_text(encoding="utf-8"))
UNITS = ("s", "bytes", "%", "")


@pytest.mark.parametrize("case", CASES["reads"], ids=str)
def test_a_number_is_read(case: dict[str, Any]) -> None:
    assert number(case["given"], case["unit"]) == pytest.approx(case["is"])


@pytest.mark.parametrize("case", CASES["refuses"], ids=str)
def test_anything_else_is_refused(case: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=case["words"]):
        number(case["given"], case["unit"])


@pytest.mark.parametrize("case", CASES["words"], ids=str)
def test_words(case: dict[str, Any]) -> None:
    assert words(case["value"], case["unit"]) == case["is"]


@given(st.one_of(st.text(), st.floats(), st.integers(), st.none(), st.binary()), st.sampled_from(UNITS))
def test_a_finite_number_or_a_value_error(value: object, unit: str) -> None:
    try:
        assert abs(number(value, unit)) < 1e25
    except ValueError:
        return


@given(st.floats(0, 1e14), st.sampled_from(UNITS))
def test_words_are_never_in_powers_of_ten(value: float, unit: str) -> None:
    assert "e+" not in words(value, unit)
