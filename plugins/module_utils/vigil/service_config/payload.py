# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one opaque string in which the controller hands the whole set to the host."""

from __future__ import annotations

import base64
import hashlib
import json
import zlib
from collections.abc import Callable
from typing import Any

from ..model import InvalidInput

# A set with more than this (bytes) is sent by its digests first: on most runs the host has every file of it already.
LARGE = 64 * 1024

Read = Callable[[str], "bytes | None"]


class NotAtHand(Exception):
    """The host lacks a file that was sent by its digest only: the whole set is needed."""


def thin(data: dict[str, Any]) -> dict[str, Any] | None:
    """Return the options with digests in place of contents; None where the set is small, and is best sent as it is."""
    files = data.get("files", [])
    if sum(len(item["content"]) for item in files) <= LARGE:
        return None
    return {**data, "files": [_thin(item) for item in files]}


def encode(data: dict[str, Any]) -> str:
    """Pack the options; file contents are bytes under ``content``, or absent where there is a ``sha256``."""
    ready = {**data, "files": [_packed(item) for item in data.get("files", [])]}
    return base64.b64encode(zlib.compress(json.dumps(ready, sort_keys=True).encode(), 6)).decode()


def decode(text: str, read: Read | None = None) -> dict[str, Any]:
    """Unpack what ``encode`` made; ``read`` reads a file of the host.

    Raises NotAtHand where the host lacks a file that came by its digest, InvalidInput for anything else.
    """
    try:
        data = json.loads(zlib.decompress(base64.b64decode(text, validate=True)))
        data["files"] = [_unpacked(item, read) for item in data["files"]]
    except (ValueError, zlib.error, KeyError, TypeError) as error:
        raise InvalidInput(
            f"The payload cannot be read ({type(error).__name__}): it is made by the action plugin vigil.monitoring.service_config."
            " Call it as a task; do not set payload yourself."
        ) from error
    return dict(data)


def _thin(item: dict[str, Any]) -> dict[str, Any]:
    kept = {key: value for key, value in item.items() if key != "content"}
    return {**kept, "sha256": hashlib.sha256(item["content"]).hexdigest()}


def _packed(item: dict[str, Any]) -> dict[str, Any]:
    return {**item, "content": base64.b64encode(item["content"]).decode()} if "content" in item else item


def _unpacked(item: dict[str, Any], read: Read | None) -> dict[str, Any]:
    digest = item.pop("sha256", None)
    if digest is None:
        return {**item, "content": base64.b64decode(item["content"])}
    content = read(item["dest"]) if read else None
    if content is None or hashlib.sha256(content).hexdigest() != digest:
        raise NotAtHand(item["dest"])
    return {**item, "content": content}
