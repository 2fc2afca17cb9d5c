# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from vigil.model import VigilError
from vigil.plain import plain
from vigil.users.bcrypt_adapter import hash_password, salt
from vigil.web_config import build_web_config

CASES = yaml.safe_load((Path(__file__).parents[2] / "cases" / "web_config" / "web_config.yml").read_text())


@pytest.mark.parametrize("case", [pytest.param(case, id=case["name"]) for case in CASES])
def test_web_config(case: dict[str, Any]) -> None:
    def build() -> dict[str, Any]:
        return build_web_config(case.get("users", {}), host="mon1", role="prometheus", **case.get("options", {}))

    if "error" not in case:
        assert build() == case["document"]
        return
    with pytest.raises(VigilError) as caught:
        build()
    assert case["error"] in str(caught.value)


def test_a_plain_password_is_hashed_with_the_salt_of_its_user() -> None:
    users = build_web_config({"bob": "geheim"}, host="mon1", role="prometheus")["basic_auth_users"]
    assert users == {"bob": hash_password("geheim", salt("mon1", "prometheus", "bob"))}


class Tagged(str):
    __slots__ = ()


class Vaulted:
    def __str__(self) -> str:
        return "decrypted"


def test_plain_values() -> None:
    given = {Tagged("a"): [Tagged("b"), 1, True, None, 1.5, Vaulted()], "c": (b"d",)}
    found = plain(given)
    assert found == {"a": ["b", 1, True, None, 1.5, "decrypted"], "c": ["d"]}
    assert {type(key) for key in found} == {str}
    assert found["a"][0].__class__ is str
