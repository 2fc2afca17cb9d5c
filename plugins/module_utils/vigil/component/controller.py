# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Downloads on the controller, once for all hosts: forked workers that want the same file wait for the first."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ..system import System
from .download import Fetcher, find_checksum
from .naming import digest
from .stamp import file_sha256


@dataclass(frozen=True)
class Fetched:
    """Path and sha256 of the archive on the controller, and the repository's key; empty what was not asked for."""

    archive: str = ""
    sha256: str = ""
    key: bytes = b""


def fetch(wanted: Mapping[str, Any], options: Mapping[str, Any], system: System | None = None) -> Fetched:
    """Bring what the module asked for. Raises VigilError in the same words as a download by the host."""
    headers = {str(key): str(value) for key, value in (options.get("headers") or {}).items()}
    source = Fetcher(system or System(), headers, max(1, int(options.get("tries") or 4)), float(options.get("timeout") or 30))
    key = source.text(str(wanted["key"])) if wanted.get("key") else b""
    archive = wanted.get("archive")
    if not archive:
        return Fetched(key=key)
    url, sha256 = str(archive["url"]), str(archive["sha256"])
    folder = cache_folder()
    sums = str(archive["checksums_url"])
    with exclusive(os.path.join(folder, f"{digest(url.encode())[:16]}.lock")):
        if not sha256:
            sha256 = find_checksum(source.text(sums), url, sums)
        path = os.path.join(folder, f"{sha256[:16]}-{os.path.basename(url.split('?', maxsplit=1)[0]) or 'archive'}")
        if not os.path.exists(path) or file_sha256(path) != sha256:
            source.file(url, path, sha256)
    return Fetched(path, sha256, key)


def cache_folder() -> str:
    """${VIGIL_CACHE:-~/.cache/vigil}/archives, made for its owner alone."""
    folder = os.path.join(os.environ.get("VIGIL_CACHE") or os.path.expanduser("~/.cache/vigil"), "archives")
    os.makedirs(folder, mode=0o700, exist_ok=True)
    return folder


@contextmanager
def exclusive(path: str) -> Iterator[None]:
    """Hold a lock file. The wait is bounded by the holder's own bounds on tries and silence."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
