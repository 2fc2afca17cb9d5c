# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the tests of the web frameworks share: a request over a real connection, and waiting for what has to come."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

TOKEN = "s3cret"


@dataclass(frozen=True)
class Got:
    """An answer; the names of its headers are in small letters."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def document(self) -> dict[str, Any]:
        """The body, which has to be a mapping in JSON."""
        return dict(json.loads(self.body))


def get(url: str, *, token: str = "", method: str = "GET") -> Got:
    """Ask a server, without any proxy; whatever it answers is an answer."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(urllib.request.Request(url, headers=headers, method=method), timeout=10) as answer:
            return _got(answer)
    except urllib.error.HTTPError as answer:
        return _got(answer)


def _got(answer: Any) -> Got:
    return Got(answer.status, {name.lower(): value for name, value in answer.headers.items()}, answer.read())


def until(wanted: Callable[[], Any], seconds: float = 10.0) -> Any:
    """Wait until ``wanted`` is true, and return what it said."""
    end = time.monotonic() + seconds
    while not (said := wanted()):
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.005)
    return said


def assert_serves(base: str, *, names: set[str]) -> None:
    """Every endpoint of ours answers below ``base``; statuses for all, details for who has the token."""
    until(lambda: get(f"{base}/health/startup").status == 200)
    public, told = get(f"{base}/health"), get(f"{base}/health", token=TOKEN)
    assert set(public.document) == {"status", "version", "time", "interval"}
    assert set(told.document["checks"]) == names
    assert get(f"{base}/health", token="wrong").status == 401
    assert get(f"{base}/health/live").document == {"status": "pass"}
    head = get(f"{base}/health/live", method="HEAD")
    assert (head.status, head.body, head.headers.get("content-type")) == (200, b"", "application/health+json")
    assert get(f"{base}/health/nothing").status == 404
    assert get(f"{base}/health", method="POST").status == 405
