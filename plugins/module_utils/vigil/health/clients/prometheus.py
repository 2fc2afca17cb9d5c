# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An instant query to Prometheus, or to what speaks its HTTP API (VictoriaMetrics, Thanos, Mimir)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode

from ..access import shown
from ..kind import Shared
from ..model import CannotTell
from . import http, net

LIMIT = 16 * 1024 * 1024
_ADVICE = "This says nothing of what the query watches. See whether Prometheus runs, and whether the check's URL and user are right."
Series = tuple[str, float]


def instant(request: http.Request, query: str, deadline: net.Deadline, shared: Shared) -> list[Series]:
    """Return the series that answer a query: labels and value. Raises CannotTell where there is no answer, or an error is one.

    ``request`` has the server's URL and how to ask it; the path of the API is added.
    """
    url = request.url.rstrip("/") + "/api/v1/query"
    form = urlencode({"query": query, "timeout": f"{max(1, round(deadline.left()))}s"}).encode()
    headers = {"Content-Type": "application/x-www-form-urlencoded", **request.headers}
    try:
        reply = http.ask(replace(request, url=url, method="POST", body=form, headers=headers, limit=LIMIT), deadline, shared)
    except http.NoAnswer as error:
        raise CannotTell(f"no answer from Prometheus at {shown(url)}: {error}", _ADVICE)
    if reply.truncated:
        raise CannotTell("the answer of Prometheus is longer than 16 MiB", "Let the query return fewer series: topk(10, ...), or a sum.")
    return read(_document(reply, url), query)


def _document(reply: http.Reply, url: str) -> Mapping[str, Any]:
    try:
        document = json.loads(reply.body)
    except (ValueError, RecursionError):
        document = None
    if isinstance(document, dict) and document.get("status") in ("success", "error"):
        return document
    raise CannotTell(f"Prometheus at {shown(url)} answered {reply.status}, which is no answer of its API", _ADVICE)


def read(document: Mapping[str, Any], query: str) -> list[Series]:
    """Read an answer of the API. Raises CannotTell where it is an error, or of a type that has no one value a series. Pure."""
    if document["status"] == "error":
        words = f"{document.get('errorType', 'an error')}: {document.get('error', 'no reason given')}"
        raise CannotTell(f"Prometheus cannot answer the query: {words[:300]}", "Try the query on Prometheus' own page, and correct it.")
    try:
        kind, result = document["data"]["resultType"], document["data"]["result"]
        if kind == "vector":
            return [(labels(item["metric"]), float(item["value"][1])) for item in result]
        if kind == "scalar":
            return [("", float(result[1]))]
    except (KeyError, TypeError, ValueError, IndexError, AttributeError):
        raise CannotTell("the answer of Prometheus cannot be read: it is not of the form of its API", _ADVICE)
    raise CannotTell(f"the query {query[:100]!r} answers with a {str(kind)[:20]}, expected one value a series",
                     "Take away the range: rate(x[5m]), last_over_time(x[5m]).")


def labels(metric: Mapping[str, str]) -> str:
    """Return a series as Prometheus writes it."""
    rest = ", ".join(f'{name}="{value}"' for name, value in sorted(metric.items()) if name != "__name__")
    return (metric.get("__name__", "") + (f"{{{rest}}}" if rest else ""))[:300]
