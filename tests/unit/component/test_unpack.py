# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Archives that want out of their folder, and keys of repositories."""

from __future__ import annotations

import base64
import hashlib
import io
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.component import elf, openpgp, repository
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.component.unpack import unpack
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.model import VigilError

from .conftest import program


def member(name: str, **values: Any) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    for key, value in values.items():
        setattr(entry, key, value)
    return entry


def link(name: str, target: str) -> tarfile.TarInfo:
    return member(name, type=tarfile.SYMTYPE, linkname=target)


def opened(tmp_path: Path, *members: tarfile.TarInfo, strip: int = 1) -> Path:
    archive, folder = tmp_path / "a.tar.xz", tmp_path / "out"
    with tarfile.open(archive, "w:xz") as target:
        for entry in members:
            entry.size = 1 if entry.isreg() else 0
            target.addfile(entry, io.BytesIO(b"x"))
    folder.mkdir()
    unpack(str(archive), str(folder), strip, "tool")
    return folder


@pytest.mark.parametrize("members", [
    [member("/etc/passwd")],
    [member("top/../../x")],
    [link("top/l", "/etc")],
    [link("top/l", "../..")],
    [link("top/deep/l", "../../.."), member("top/deep/l/x")],
    [member("top/d/e/x"), link("top/d/e/up", "../.."), link("top/out", "d/e/up/..")],
    [member("top/f", type=tarfile.FIFOTYPE)],
    [member("top/n", type=tarfile.CHRTYPE)],
    [member("top/h", type=tarfile.LNKTYPE, linkname="../../etc/passwd")],
    [member("top/h", type=tarfile.LNKTYPE, linkname="top/nothing")],
], ids=lambda members: members[-1].name + members[-1].linkname)
def test_what_leads_out_is_refused(tmp_path: Path, members: list[tarfile.TarInfo]) -> None:
    with pytest.raises((VigilError, FileExistsError)):
        opened(tmp_path, *members)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.tar.xz", "out"]


def test_links_inside_and_hard_links_work(tmp_path: Path) -> None:
    hard = member("top/c", type=tarfile.LNKTYPE, linkname="top/bin/a")
    folder = opened(tmp_path, member("top/bin/a", mode=0o755), link("top/b", "bin/a"), hard)
    assert [(folder / name).read_bytes() for name in ("bin/a", "b", "c")] == [b"x"] * 3
    assert (folder / "c").stat().st_mode & 0o111


def test_modes_and_owners_are_ours(tmp_path: Path) -> None:
    folder = opened(tmp_path, member("top/a", mode=0o6777), member("top/b", mode=0o666))
    assert [(folder / name).stat().st_mode & 0o7777 for name in "ab"] == [0o755, 0o644]


def test_a_zip_and_a_bare_program(tmp_path: Path) -> None:
    (tmp_path / "zip").mkdir()
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as target:
        target.writestr("top/tool", b"x")
    unpack(str(tmp_path / "a.zip"), str(tmp_path / "zip"), 1, "tool")
    (tmp_path / "tool").write_bytes(program())
    (tmp_path / "bare").mkdir()
    unpack(str(tmp_path / "tool"), str(tmp_path / "bare"), 1, "tool")
    assert (tmp_path / "zip/tool").read_bytes() == b"x"
    assert (tmp_path / "bare/tool").read_bytes() == program()


def test_a_zip_that_leads_out(tmp_path: Path) -> None:
    (tmp_path / "zip").mkdir()
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as target:
        target.writestr("top/../../tool", b"x")
    with pytest.raises(VigilError, match="leads out"):
        unpack(str(tmp_path / "a.zip"), str(tmp_path / "zip"), 1, "tool")


@pytest.mark.parametrize(("number", "machine", "fault"), [
    (62, "x86_64", ""), (183, "aarch64", ""), (62, "aarch64", "is built for x86_64, this host is aarch64"),
    (183, "x86_64", "is built for aarch64"), (999, "x86_64", "ELF number 999"),
])
def test_the_machine_of_a_program(number: int, machine: str, fault: str) -> None:
    found = elf.program_fault(program(number), machine)
    assert found == fault if not fault else fault in found


def test_a_script_is_a_program() -> None:
    assert elf.program_fault(b"#!/bin/sh\n", "x86_64") == ""


def key(body: bytes = b"\x04" + bytes(20)) -> bytes:
    return bytes([0xC6, len(body)]) + body


def test_the_fingerprint_of_a_key() -> None:
    body = b"\x04" + bytes(20)
    expected = hashlib.sha1(b"\x99" + len(body).to_bytes(2, "big") + body).hexdigest().upper()
    assert openpgp.fingerprints(key()) == [expected]
    assert openpgp.fingerprints(openpgp.armor(key())) == [expected]
    assert openpgp.dearmor(openpgp.armor(key())) == key()


def test_a_key_that_is_not_expected_is_refused() -> None:
    good = openpgp.fingerprints(key())
    repository.prove_key(key(), "", good, "https://x/key")
    with pytest.raises(VigilError, match="holds the fingerprint"):
        repository.prove_key(key() + key(b"\x04" + b"\x01" * 20), "", good, "https://x/key")
    with pytest.raises(VigilError, match="has the sha256"):
        repository.prove_key(key(), "0" * 64, [], "https://x/key")


@pytest.mark.parametrize("content", [b"", b"<html>not found</html>", b"\x99", base64.b64encode(key())])
def test_what_is_no_key_is_refused(content: bytes) -> None:
    with pytest.raises(VigilError, match="is no OpenPGP public key"):
        openpgp.fingerprints(content)
