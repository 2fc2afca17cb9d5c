# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A snapshot of a running server's data."""

from __future__ import annotations

import json
import os
from typing import Any

from ..model import VigilError
from ..system import Client, System


def take(system: System, url: str, client: Client, timeout: float, data_dir: str = "") -> dict[str, Any]:
    """Return the snapshot's name. Where nothing answers and ``data_dir`` holds no data yet there is nothing to lose, and none is taken.

    Raises VigilError with the server's words where it took none; ``timeout`` is in seconds.
    """
    answer = system.http(f"{url}/api/v1/admin/tsdb/snapshot", client, timeout, method="POST")
    if not answer.status and data_dir and not os.path.isdir(os.path.join(data_dir, "wal")):
        return {"changed": False}
    try:
        body = json.loads(answer.body)
        return {"changed": True, "snapshot": str(body["data"]["name"])}
    except (ValueError, KeyError, TypeError):
        words = answer.body.decode(errors="replace").strip() or answer.error
    raise VigilError(
        f"Prometheus took no snapshot: {url} answered {answer.status or 'nothing'}: {words[:300]}. Nothing was upgraded. Where the admin "
        f"API is off, run the role once with prometheus_snapshot_before_upgrade and the version that is installed; it switches the API on."
    )
