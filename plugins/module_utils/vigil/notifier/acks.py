# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Links that acknowledge: signed, so that only who was told can, and with an end. Pure."""

from __future__ import annotations

import base64
import hashlib
import hmac

_LONGEST = 200


def sign(key: bytes, parcel: int, until: float) -> str:
    """Return what stands in a link that acknowledges the alerts of a message until ``until`` (epoch)."""
    head = f"{parcel}.{int(until)}"
    return f"{head}.{_mac(key, head)}"


def verify(key: bytes, token: str, now: float) -> tuple[int, str]:
    """Return the message that a link acknowledges, or 0 and what is wrong with it."""
    head, _dot, mac = token[:_LONGEST].rpartition(".")
    if not hmac.compare_digest(_mac(key, head).encode(), mac.encode("utf-8", "surrogatepass")):
        return 0, "the link is not one of ours"
    parcel, _dot, until = head.partition(".")
    if now > int(until):
        return 0, "the link is too old: acknowledge with the command line"
    return int(parcel), ""


def _mac(key: bytes, head: str) -> str:
    digest = hmac.new(key, head.encode("utf-8", "surrogatepass"), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
