# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host in a temporary folder, and archives in another one, read by file: addresses."""

from __future__ import annotations

import gzip
import io
import struct
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.component.host import Host
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.component.stamp import file_sha256
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.system import System

Member = tuple[str, bytes, int]


class QuietSystem(System):
    """Waits at once, and says how long it would have waited."""

    def __init__(self) -> None:
        self.waited: list[float] = []
        self.clock = 0.0

    def sleep(self, seconds: float) -> None:
        self.waited.append(seconds)
        self.clock += seconds

    def monotonic(self) -> float:
        return self.clock


def program(number: int = 62, size: int = 64) -> bytes:
    """The head of a 64-bit little-endian ELF program for a machine of that number (62: x86_64, 183: aarch64)."""
    head = b"\x7fELF" + bytes([2, 1, 1]) + bytes(9) + struct.pack("<HH", 2, number)
    return head + bytes(size - len(head))


@pytest.fixture
def host(tmp_path: Path) -> Host:
    root = tmp_path / "host"
    for folder in ("etc", "run", "var/lib", "var/cache", "usr/local/bin", "opt"):
        (root / folder).mkdir(parents=True)
    (root / "etc/os-release").write_text('ID=debian\nVERSION_ID="13"\nVERSION_CODENAME=trixie\nNAME="Debian GNU/Linux"\n')
    return Host(QuietSystem(), str(root), "x86_64")


@pytest.fixture
def release(tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """Make a release of a version; returns the parameters of the module that install it."""

    def make(version: str = "1.0.0", content: bytes = b"", **members: Any) -> dict[str, Any]:
        top = f"tool-{version}.linux-amd64"
        path = tmp_path / f"{top}.tar.gz"
        # No time in its head: the same content gives the same sum, whenever a test asks for it again.
        with gzip.GzipFile(path, "wb", mtime=0) as packed, tarfile.open(fileobj=packed, mode="w") as archive:
            for name, data in ((f"{top}/tool", content or program() + version.encode()), (f"{top}/LICENSE", b"free")):
                entry = tarfile.TarInfo(name)
                entry.size, entry.mode = len(data), 0o4775
                archive.addfile(entry, io.BytesIO(data))
        spec = {
            "name": "tool", "source": "archive", "version": version, "programs": ["tool"],
            "archive": {"url": f"file://{tmp_path}/tool-{{version}}.linux-{{arch}}.tar.gz", "checksums": {"amd64": file_sha256(str(path))}},
        }
        return {"spec": {**spec, **members}, "keep": 2}

    return make
