# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The signature of our webhook: how it is made, and how a receiver verifies it and refuses what comes twice. Pure, standard library only.

Three headers: ``Vigil-Id`` (the message; the same in each retry), ``Vigil-Timestamp`` (epoch, seconds) and ``Vigil-Signature``
(``v1=`` and the hexadecimal HMAC-SHA256 of timestamp, a full stop and the body's bytes, by the shared secret).
"""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Mapping

TOLERANCE = 300.0
_TIMESTAMP = re.compile(r"[0-9]{1,12}")


def sign(secret: str, timestamp: int, body: bytes) -> str:
    """Return the value of Vigil-Signature."""
    digest = hmac.new(secret.encode(), str(timestamp).encode() + b"." + body, hashlib.sha256)
    return f"v1={digest.hexdigest()}"


def refuse(secret: str, headers: Mapping[str, str], body: bytes, now: float, tolerance: float = TOLERANCE) -> str | None:
    """Return a sentence where a request is not ours or is older (or newer) than ``tolerance`` seconds, None where it is good.

    ``headers`` as they came, names in any case. Comparing takes the same time whatever is wrong. More than one signature may stand in
    the header, separated by commas, while a secret is changed.
    """
    found = {name.lower(): value for name, value in headers.items()}
    timestamp = found.get("vigil-timestamp", "").strip()
    if not _TIMESTAMP.fullmatch(timestamp):
        return "Vigil-Timestamp is missing or no number"
    good = sign(secret, int(timestamp), body)
    given = [part.strip() for part in found.get("vigil-signature", "").split(",")]
    if not any(hmac.compare_digest(good.encode(), part.encode("utf-8", "replace")) for part in given):
        return "Vigil-Signature does not match"
    if abs(now - int(timestamp)) > tolerance:
        return f"Vigil-Timestamp is {abs(now - int(timestamp)):.0f} s from now, more than {tolerance:.0f} s"
    return None


class Replays:
    """Signatures that were accepted within the tolerance: the same request a second time is a replay, a retry has a new timestamp."""

    def __init__(self, tolerance: float = TOLERANCE) -> None:
        self._tolerance, self._seen = tolerance, dict[str, float]()

    def refuse(self, secret: str, headers: Mapping[str, str], body: bytes, now: float) -> str | None:
        """As refuse of this module, and once only. Not safe between threads: hold a lock."""
        wrong = refuse(secret, headers, body, now, self._tolerance)
        if wrong:
            return wrong
        timestamp = next(value.strip() for name, value in headers.items() if name.lower() == "vigil-timestamp")
        key = sign(secret, int(timestamp), body)
        self._seen = {known: until for known, until in self._seen.items() if until >= now}
        if key in self._seen:
            return "this request was accepted before"
        self._seen[key] = int(timestamp) + self._tolerance
        return None
