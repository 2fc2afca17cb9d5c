# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one opaque string in which the controller hands the whole set to the host."""

from __future__ import annotations

import base64
import json
import zlib
from typing import Any

from ..model import InvalidInput


def encode(data: dict[str, Any]) -> str:
    """Pack the options; file contents are bytes under ``content``."""
    ready = {**data, "files": [_packed(item) for item in data.get("files", [])]}
    return base64.b64encode(zlib.compress(json.dumps(ready, sort_keys=True).encode(), 6)).decode()


def decode(text: str) -> dict[str, Any]:
    """Unpack what ``encode`` made. Raises InvalidInput for anything else."""
    try:
        data = json.loads(zlib.decompress(base64.b64decode(text, validate=True)))
        data["files"] = [{**item, "content": base64.b64decode(item["content"])} for item in data["files"]]
    except (ValueError, zlib.error, KeyError, TypeError) as error:
        raise InvalidInput(
            f"The payload cannot be read ({type(error).__name__}): it is made by the action plugin vigil.monitoring.service_config."
            " Call it as a task; do not set payload yourself."
        ) from error
    return dict(data)


def _packed(item: dict[str, Any]) -> dict[str, Any]:
    return {**item, "content": base64.b64encode(item["content"]).decode()}
