# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Release archives: the same bytes for the same programs."""

from __future__ import annotations

import gzip
import hashlib
import tarfile
from collections.abc import Mapping
from pathlib import Path


def write(target: Path, top: str, members: Mapping[str, Path]) -> None:
    """Write a .tar.gz with one folder ``top``; ``members`` maps names in it to files. Complete or not there at all."""
    partial = target.with_name(f".{target.name}.part")
    with (
        partial.open("wb") as raw,
        gzip.GzipFile("", "wb", compresslevel=1, fileobj=raw, mtime=0) as packed,
        tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tar,
    ):
        tar.addfile(_entry(top, 0o755, tarfile.DIRTYPE))
        for name, source in sorted(members.items()):
            entry = _entry(f"{top}/{name}", 0o755 if source.stat().st_mode & 0o100 else 0o644)
            entry.size = source.stat().st_size
            with source.open("rb") as handle:
                tar.addfile(entry, handle)
    partial.rename(target)


def _entry(name: str, mode: int, kind: bytes = tarfile.REGTYPE) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(name)
    entry.mode, entry.type = mode, kind
    entry.uid = entry.gid = 1001
    return entry


def sha256(path: Path) -> str:
    """Of a file, in hexadecimal."""
    digest = hashlib.sha256()
    with path.open("rb") as handle:
        while chunk := handle.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def write_sums(folder: Path) -> None:
    """sha256sums.txt of all archives of a folder, as releases have it."""
    lines = [f"{sha256(path)}  {path.name}\n" for path in sorted(folder.glob("*.tar.gz"))]
    partial = folder / ".sha256sums.part"
    partial.write_text("".join(lines), encoding="ascii")
    partial.rename(folder / "sha256sums.txt")
