# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read a certificate's names and times from its DER form (RFC 5280), also of one that no authority vouches for. Pure.

``ssl`` shows these only of a certificate that it verified; one that has expired is the one a person asks about.
"""

from __future__ import annotations

import calendar
import ipaddress
import re
import time
from collections.abc import Iterator
from dataclasses import dataclass

_SEQUENCE, _OID, _OCTETS, _UTC_TIME, _TIME = 0x30, 0x06, 0x04, 0x17, 0x18
_VERSION, _EXTENSIONS, _DNS_NAME, _IP_ADDRESS = 0xA0, 0xA3, 0x82, 0x87
_SUBJECT_ALT_NAME = bytes.fromhex("551d11")
_NAME_PARTS = {bytes.fromhex("550403"): "CN", bytes.fromhex("55040a"): "O", bytes.fromhex("55040b"): "OU", bytes.fromhex("550406"): "C"}
_FORMS = {_UTC_TIME: (re.compile(rb"\d{12}Z"), "%Y%m%d%H%M%SZ"), _TIME: (re.compile(rb"\d{14}Z"), "%Y%m%d%H%M%SZ")}


@dataclass(frozen=True)
class Certificate:
    """What a person asks of a certificate. Times are seconds since the epoch; ``names`` are its subject alternative names."""

    subject: str
    issuer: str
    not_before: float
    not_after: float
    names: tuple[str, ...] = ()


def read_certificate(data: bytes) -> Certificate:
    """Read one X.509 certificate. Raises ValueError where it is none."""
    tag, certificate, _rest = _one(data)
    _is(tag, _SEQUENCE, "a certificate")
    tag, body, _rest = _one(certificate)
    _is(tag, _SEQUENCE, "the body of a certificate")
    fields = list(_all(body))
    if fields and fields[0][0] == _VERSION:
        fields = fields[1:]
    if len(fields) < 6:
        raise ValueError("a certificate has to have six fields")
    times = [_time(*field) for field in _all(fields[3][1])]
    if len(times) != 2:
        raise ValueError("a certificate has to have two times")
    return Certificate(_name(fields[4][1]), _name(fields[2][1]), times[0], times[1], _alternatives(fields))


def _one(data: bytes) -> tuple[int, bytes, bytes]:
    """Return the tag and the content of the first element, and what follows it."""
    if len(data) < 2:
        raise ValueError("an element of a certificate is cut off")
    tag, size, start = data[0], data[1], 2
    if size & 0x80:
        count = size & 0x7F
        if not 1 <= count <= 4 or len(data) < 2 + count:
            raise ValueError("an element of a certificate has no length")
        size, start = int.from_bytes(data[2 : 2 + count], "big"), 2 + count
    if len(data) < start + size:
        raise ValueError("an element of a certificate is cut off")
    return tag, data[start : start + size], data[start + size :]


def _all(data: bytes) -> Iterator[tuple[int, bytes]]:
    while data:
        tag, content, data = _one(data)
        yield tag, content


def _is(tag: int, wanted: int, what: str) -> None:
    if tag != wanted:
        raise ValueError(f"{what} was expected, found an element of another kind")


def _time(tag: int, content: bytes) -> float:
    """Read a time; RFC 5280 4.1.2.5: two digits below 50 are of this century."""
    form, layout = _FORMS.get(tag, (None, ""))
    if form is None or not form.fullmatch(content):
        raise ValueError("a time of a certificate is none")
    text = content.decode()
    if tag == _UTC_TIME:
        text = ("20" if int(text[:2]) < 50 else "19") + text
    return float(calendar.timegm(time.strptime(text, layout)))


def _name(content: bytes) -> str:
    """Return the common name, else the other parts that are known."""
    parts: dict[str, str] = {}
    for _tag, group in _all(content):
        for _tag, pair in _all(group):
            fields = list(_all(pair))
            if len(fields) == 2 and fields[0][0] == _OID:
                parts.setdefault(_NAME_PARTS.get(fields[0][1], ""), fields[1][1].decode(errors="replace"))
    return parts.get("CN") or ", ".join(f"{key}={value}" for key, value in parts.items() if key) or "no name"


def _alternatives(fields: list[tuple[int, bytes]]) -> tuple[str, ...]:
    for tag, content in fields[6:]:
        if tag != _EXTENSIONS:
            continue
        for _tag, extension in _all(_one(content)[1]):
            parts = list(_all(extension))
            if parts and parts[0] == (_OID, _SUBJECT_ALT_NAME) and parts[-1][0] == _OCTETS:
                return tuple(_alternative(*name) for name in _all(_one(parts[-1][1])[1]) if name[0] in (_DNS_NAME, _IP_ADDRESS))
    return ()


def _alternative(tag: int, content: bytes) -> str:
    if tag == _DNS_NAME:
        return content.decode("ascii", errors="replace")
    if len(content) not in (4, 16):
        raise ValueError("an address in a certificate is none")
    return str(ipaddress.ip_address(content))


def matches(name: str, pattern: str) -> bool:
    """Does a host's name or address match a name of a certificate? A star stands for one whole leftmost label (RFC 6125, 6.4.3)."""
    name, pattern = name.rstrip(".").lower(), pattern.rstrip(".").lower()
    try:
        return ipaddress.ip_address(name) == ipaddress.ip_address(pattern)
    except ValueError:
        pass
    if not pattern.startswith("*."):
        return name == pattern
    label, _dot, rest = name.partition(".")
    return bool(label) and rest == pattern[2:] and "." in rest and not re.fullmatch(r"[\d.]+", name)
