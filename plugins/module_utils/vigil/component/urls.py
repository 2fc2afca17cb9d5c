# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses: placeholders filled, and moved to a mirror."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from ..model import InvalidInput

SCHEMES = ("https", "http", "file")


def fill(text: str, words: Mapping[str, str], what: str) -> str:
    """Replace ``{word}``. A word that nobody knows is refused, so that no request is made for a wrong address."""
    def value(match: re.Match[str]) -> str:
        word = match.group(1)
        if word not in words:
            raise InvalidInput(f"{what} is {text}: {{{word}}} means nothing here. Expected one of {', '.join(sorted(words))}.")
        return words[word]
    return re.sub(r"\{(\w+)\}", value, text)


def through_mirror(url: str, mirror: str) -> str:
    """Where a mirror keeps ``url``.

    Without placeholders the mirror is a tree of host names, as ``wget -x`` lays it out: https://mirror/x becomes
    https://mirror/x/github.com/path. With ``{host}`` or ``{path}`` they are filled where they stand, and nothing is
    appended: a proxying repository manager that stands for one host is https://manager/github/{path}.
    An empty mirror, and a file: address, change nothing.
    """
    parts = urlsplit(url)
    if not mirror or parts.scheme == "file":
        return url
    path = parts.path.lstrip("/") + (f"?{parts.query}" if parts.query else "")
    host = parts.netloc.rpartition("@")[2]
    if "{host}" in mirror or "{path}" in mirror:
        return mirror.replace("{host}", host).replace("{path}", path)
    return f"{mirror.rstrip('/')}/{host}/{path}"


def check_url(url: str, what: str) -> str:
    """Return ``url`` where its form is one we can fetch."""
    parts = urlsplit(url)
    if parts.scheme not in SCHEMES or not (parts.netloc or parts.scheme == "file"):
        raise InvalidInput(f"{what} is {url!r}. Expected an address that starts with https://, http:// or file://.")
    return url


def shown(url: str) -> str:
    """``url`` without a user's password or query, for messages and records."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2], query="").geturl()
