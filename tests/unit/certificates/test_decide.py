# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from vigil.certificates.decide import decide_authority, decide_host
from vigil.certificates.names import safe_name, subject_names
from vigil.certificates.values import Facts, Wanted

CASES = Path(__file__).parents[2] / "cases" / "certificates"
DAY = 86400.0
HERE = {"DNS:localhost", "IP:127.0.0.1", "IP:::1"}


def cases(name: str) -> list[Any]:
    return [pytest.param(case, id=case["name"]) for case in yaml.safe_load((CASES / f"{name}.yml").read_text())]


@pytest.mark.parametrize("case", cases("names"))
def test_names(case: dict[str, Any]) -> None:
    assert safe_name(case["host"]) == case["file"]
    assert set(subject_names(case["host"], case["address"], case.get("extra", []))) == {*HERE, *case["names"]}


@pytest.mark.parametrize("case", cases("host"))
def test_host(case: dict[str, Any]) -> None:
    step = decide_host(host_facts(case["facts"]), wanted(case.get("wanted", {})), 100 * DAY)
    assert (step.kind, case["reason"] in step.reason) == (case["kind"], True), step.reason


@pytest.mark.parametrize("case", cases("authority"))
def test_authority(case: dict[str, Any]) -> None:
    before = case["replace_before"] * DAY if "replace_before" in case else None
    step = decide_authority(authority_facts(case["facts"]), before, 100 * DAY, 30 * DAY)
    assert (step.kind, case.get("reason", "") in step.reason) == (case["kind"], True), step.reason


def host_facts(given: dict[str, Any] | None) -> Facts | None:
    if given is None:
        return None
    return Facts(
        names=tuple(given.get("names", ["DNS:app1", "IP:10.0.0.1"])), not_after=given.get("days", 300) * DAY,
        issuer=given.get("issuer", "aa"), chain=given.get("chain", "").encode(), key_matches=given.get("key_matches", True),
        error=given.get("error", ""),
    )


def authority_facts(given: dict[str, Any] | None) -> Facts | None:
    if given is None:
        return None
    return Facts(
        not_before=given.get("made", 10) * DAY, not_after=given.get("days", 3000) * DAY, authority=True,
        key_matches=given.get("key_matches", True), error=given.get("error", ""),
    )


def wanted(given: dict[str, Any]) -> Wanted:
    return Wanted(("DNS:app1", "IP:10.0.0.1"), "aa", b"", given.get("days", 497) * DAY, 30 * DAY)
