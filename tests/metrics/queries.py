# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The queries of docs/metrics.md, put to a live Prometheus."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any
from urllib.parse import quote

from tests.metrics.catalogue import Row

# What a healthy host has nothing to say to.
OFTEN_EMPTY = ("== 0", "== 1")


def refused(get: Callable[[str], Mapping[str, Any]], rows: Iterable[Row]) -> list[str]:
    """Return what is wrong with each query that Prometheus refuses, or that finds nothing although it should.

    ``get`` fetches a path of the server's API, such as ``/api/v1/query?query=up``, and returns the answer, parsed.
    """
    return [words for words in (_verdict(get, row) for row in rows) if words]


def _verdict(get: Callable[[str], Mapping[str, Any]], row: Row) -> str:
    answer = get(f"/api/v1/query?query={quote(row.query)}")
    if answer.get("status") != "success":
        return f"{row.query}: {answer.get('error')}"
    if not answer["data"]["result"] and not row.query.endswith(OFTEN_EMPTY):
        return f"{row.query}: no result, though {row.metric} should be there"
    return ""
