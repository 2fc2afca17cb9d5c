# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import stat
from pathlib import Path

import pytest
from vigil.certificates.store import Store
from vigil.model import VigilError


def modes(root: Path) -> set[int]:
    return {stat.S_IMODE(path.stat().st_mode) for path in root.rglob("*") if path.is_file()}


def test_only_the_owner_reads(tmp_path: Path) -> None:
    store = Store(str(tmp_path / "a" / "store"))
    with store.locked():
        assert store.write("hosts/x/host.key", b"1")
        assert not store.write("hosts/x/host.key", b"1")
    assert modes(tmp_path) == {0o600}
    assert {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "a" / "store").rglob("*") if path.is_dir()} == {0o700}


def test_what_others_could_read_is_made_private(tmp_path: Path) -> None:
    root = tmp_path / "store"
    root.mkdir(mode=0o755)
    (root / "secret").write_text("x")
    (root / "secret").chmod(0o644)
    store = Store(str(root))
    with store.locked():
        store.read("secret")
    assert (stat.S_IMODE(root.stat().st_mode), modes(root)) == (0o700, {0o600})


def test_a_failed_write_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    store = Store(str(tmp_path))
    store.write("file", b"old")
    with pytest.raises(TypeError):
        store.write("file", "a text is no bytes")  # type: ignore[arg-type]
    assert [path.name for path in tmp_path.iterdir()] == ["file"]
    assert store.read("file") == b"old"


def test_a_second_run_waits_and_then_says_why(tmp_path: Path) -> None:
    with Store(str(tmp_path)).locked(), pytest.raises(VigilError, match="Another run holds"), Store(str(tmp_path)).locked(timeout=0.1):
        pass


def test_the_folder_must_be_absolute() -> None:
    with pytest.raises(VigilError, match="vigil_secrets_dir"):
        Store("secrets")


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(VigilError, match="cannot be made"), Store(str(tmp_path / "file" / "store")).locked():
        pass
