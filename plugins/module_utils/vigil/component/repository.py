# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Acts for the source repository: a key that is proven, a repository's file, its lists fetched."""

from __future__ import annotations

import base64
import contextlib
from collections.abc import Mapping, Sequence
from typing import Any

from ..model import VigilError
from .archive import fetcher
from .host import Host
from .naming import digest, key_file
from .openpgp import fingerprints
from .packages import refresh_repository
from .platform import Platform
from .spec import Options
from .urls import shown


def set_up(host: Host, platform: Platform, options: Options, params: Mapping[str, Any]) -> str:
    """Write key and repository; both are put back as they were where the repository does not answer. Returns the key's sha256."""
    content = _key(host, options, params)
    prove_key(content, params["sha256"], params["fingerprints"], params["key_url"])
    wanted = {params["key_path"]: key_file(content, platform.family), params["list_path"]: params["text"].encode()}
    before = {path: host.system.read(host.path(path)) for path in wanted}
    try:
        for path, data in wanted.items():
            host.folder(path.rpartition("/")[0])
            host.write(path, data)
        if platform.family == "debian":
            refresh_repository(host, params["list_path"], options.lock_timeout)
    except BaseException:
        for path, old in before.items():
            _put_back(host, path, old)
        raise
    return digest(wanted[params["key_path"]])


def prove_key(content: bytes, sha256: str, expected: Sequence[str], url: str) -> None:
    """Refuse a key that is not the one asked for. Every primary key in it must be expected, as each of them would be trusted."""
    where = f"The key at {shown(url)}" if url else "The key in repository.key.content"
    if sha256 and digest(content) != sha256:
        raise VigilError(f"{where} has the sha256 {digest(content)}, expected {sha256}. Compare it with the vendor's. Nothing was changed.")
    found = fingerprints(content)
    strange = [item for item in found if expected and item not in expected]
    if strange:
        raise VigilError(
            f"{where} holds the fingerprint {', '.join(strange)}, expected {', '.join(expected)}. Compare it with the vendor's. "
            "Nothing was changed."
        )


def _key(host: Host, options: Options, params: Mapping[str, Any]) -> bytes:
    if params["key_content"]:
        return bytes(params["key_content"].encode())
    if options.key_content:
        return base64.b64decode(options.key_content)
    return fetcher(host, options).text(params["key_url"])


def _put_back(host: Host, path: str, old: bytes | None) -> None:
    if old is not None:
        host.write(path, old)
        return
    with contextlib.suppress(FileNotFoundError):
        host.unlink(path)
