# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How an installed program is known again. Light: a run with nothing to do imports this and no downloader."""

from __future__ import annotations

import hashlib
import os

STAMP = ".vigil.json"
_BLOCK = 1024 * 1024


def fingerprint(path: str) -> dict[str, int]:
    """What changes when a file's content may have changed; the change time cannot be set back by hand."""
    found = os.stat(path)
    return {"size": found.st_size, "mtime_ns": found.st_mtime_ns, "ctime_ns": found.st_ctime_ns}


def file_sha256(path: str) -> str:
    """sha256 of a file, in hexadecimal."""
    total = hashlib.sha256()
    with open(path, "rb") as handle:
        for block in iter(lambda: handle.read(_BLOCK), b""):
            total.update(block)
    return total.hexdigest()
