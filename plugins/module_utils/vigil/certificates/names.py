# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host is called: in a certificate, and as a file name. Pure."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from urllib.parse import quote

_PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]*")
_LABEL = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?")
_HERE = ("DNS:localhost", "IP:127.0.0.1", "IP:::1")


def safe_name(name: str) -> str:
    """Return a file name for any inventory name: itself where it is an ordinary one, else percent-encoded. Never two names alike."""
    if _PLAIN.fullmatch(name):
        return name
    quoted = quote(name, safe="")
    return quoted if quoted[:1] not in (".", "-", "~") else f"%{ord(quoted[0]):02X}{quoted[1:]}"


def host_uri(name: str) -> str:
    """Return the URI that names a host in its certificate, whatever its inventory name looks like."""
    return "vigil://host/" + quote(name, safe="")


def general_name(text: str) -> str | None:
    """Return ``IP:<address>`` or ``DNS:<name>`` in lower case, or None where the text is neither."""
    bare = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    try:
        return f"IP:{ipaddress.ip_address(bare)}"
    except ValueError:
        labels = bare.rstrip(".").split(".")
        valid = len(bare) <= 253 and all(_LABEL.fullmatch(label) for label in labels)
        return f"DNS:{bare.rstrip('.').lower()}" if valid else None


def subject_names(name: str, address: str, extra: Iterable[str] = ()) -> tuple[str, ...]:
    """Return the subject alternative names of a host's certificate, sorted: ``DNS:``, ``IP:`` and ``URI:`` forms.

    Texts that are neither a DNS name nor an address are left out; the URI always names the host.
    """
    found = {general_name(text) for text in (name, address, *extra)}
    return tuple(sorted({*_HERE, f"URI:{host_uri(name)}", *(one for one in found if one)}))
