# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from vigil.options import mistyped

CASES = yaml.safe_load((Path(__file__).parents[2] / "cases" / "options" / "options.yml").read_text())
OPTIONS = ["prometheus_version", "prometheus_storage_retention", "prometheus_web_listen_address"]


@pytest.mark.parametrize("case", [pytest.param(case, id=case["name"]) for case in CASES])
def test_mistyped(case: dict[str, Any]) -> None:
    found = mistyped(
        case["names"], "prometheus", OPTIONS, prefixes=case.get("prefixes", []), longer_roles=["prometheus_adapter"],
        allowed=case.get("allowed", []),
    )
    assert [str(one) for one in found] == case["wrong"]
