# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import stat
import threading
from pathlib import Path
from typing import Any

import pytest
import yaml
from vigil.certificates.store import Store
from vigil.model import VigilError
from vigil.users import bcrypt_adapter, passwords, yaml_adapter
from vigil.users.book import password

CASES = yaml.safe_load((Path(__file__).parents[2] / "cases" / "users" / "passwords.yml").read_text())
# Published vectors of bcrypt: salt, password, hash.
VECTOR = ("$2b$05$CCCCCCCCCCCCCCCCCCCCC.", "U*U", "$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW")


@pytest.mark.parametrize("case", [pytest.param(case, id=case["name"]) for case in CASES])
def test_passwords_file(case: dict[str, Any]) -> None:
    if "error" not in case:
        assert passwords.checked(yaml_adapter.load(case["text"].encode(), "/p"), "/p") == case["users"]
        return
    with pytest.raises(VigilError) as caught:
        passwords.checked(yaml_adapter.load(case["text"].encode(), "/p"), "/p")
    assert case["error"] in str(caught.value)
    assert "geheim" not in str(caught.value)


def test_made_once_and_kept(tmp_path: Path) -> None:
    store = Store(str(tmp_path / "store"))
    first = password(store, "prometheus", "admin")
    assert len(first) == 32
    assert password(store, "prometheus", "admin") == first
    assert password(store, "prometheus", "vigil") != first
    path = tmp_path / "store" / "passwords.yml"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_text().startswith("# Passwords that Vigil made")


def test_a_password_changed_by_hand_stays(tmp_path: Path) -> None:
    (tmp_path / "passwords.yml").write_text("prometheus: {admin: mine}\n")
    store = Store(str(tmp_path))
    password(store, "alertmanager", "admin")
    assert password(store, "prometheus", "admin") == "mine"


def test_all_who_ask_at_once_get_the_same(tmp_path: Path) -> None:
    found: list[str] = []
    threads = [threading.Thread(target=lambda: found.append(password(Store(str(tmp_path)), "s", "u"))) for _turn in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1


def test_hash_is_bcrypt_and_the_same_in_every_run() -> None:
    setting = bcrypt_adapter.salt("mon1", "prometheus", "admin")
    hashed = bcrypt_adapter.hash_password("geheim", setting)
    assert hashed.startswith("$2b$10$")
    assert bcrypt_adapter.is_hashed(hashed)
    assert hashed == bcrypt_adapter.hash_password("geheim", setting)
    assert bcrypt_adapter.hash_password(VECTOR[1], VECTOR[0]) == VECTOR[2]


def test_the_library_and_the_c_library_agree() -> None:
    if bcrypt_adapter.by_libc(b"x", VECTOR[0]) is None:
        pytest.skip("the C library of this machine does not know bcrypt")
    assert bcrypt_adapter.by_libc(VECTOR[1].encode(), VECTOR[0]) == VECTOR[2]


def test_salts_differ_by_host_role_and_user() -> None:
    salts = {bcrypt_adapter.salt(*words) for words in [("a", "b", "c"), ("a", "b", "d"), ("a", "d", "c"), ("d", "b", "c"), ("ab", "", "c")]}
    assert len(salts) == 5


@pytest.mark.parametrize(("plain", "words"), [("x" * 73, "72 at most"), ("ü" * 37, "72 at most"), ("a\0b", "zero byte")])
def test_passwords_that_bcrypt_would_cut(plain: str, words: str) -> None:
    with pytest.raises(VigilError, match=words):
        bcrypt_adapter.hash_password(plain, VECTOR[0])


@pytest.mark.parametrize(
    ("text", "hashed"),
    [(VECTOR[2], True), (VECTOR[2].replace("$2b", "$2y"), True), (VECTOR[2][:-1], False), ("$2b$10$short", False), ("plain", False)],
)
def test_what_is_hashed_already(text: str, hashed: bool) -> None:
    assert bcrypt_adapter.is_hashed(text) is hashed
