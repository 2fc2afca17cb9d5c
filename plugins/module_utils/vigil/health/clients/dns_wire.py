# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Questions and answers of DNS as bytes (RFC 1035, 4.1). Pure: no socket, no clock. What cannot be read is a ValueError."""

from __future__ import annotations

import ipaddress
import struct
from dataclasses import dataclass

TYPES = {"A": 1, "NS": 2, "CNAME": 5, "SOA": 6, "PTR": 12, "MX": 15, "TXT": 16, "AAAA": 28, "SRV": 33}
CODES = {0: "NOERROR", 1: "FORMERR", 2: "SERVFAIL", 3: "NXDOMAIN", 4: "NOTIMP", 5: "REFUSED"}
_RECURSION_DESIRED, _RESPONSE, _TRUNCATED, _INTERNET = 0x0100, 0x8000, 0x0200, 1
# A name has 255 bytes, so 127 labels at most; each label may be reached by a pointer.
_MOST_STEPS = 256


@dataclass(frozen=True)
class Answer:
    """``code`` is the server's word (NOERROR, NXDOMAIN, ...), ``records`` what it said of the type that was asked, as text."""

    code: str
    truncated: bool
    records: tuple[str, ...]


def asked_name(name: str, kind: str) -> str:
    """Return the name that is asked for: that of an address with PTR; letters beyond ASCII as IDNA. Raises ValueError where it is none."""
    if kind == "PTR":
        try:
            return ipaddress.ip_address(name).reverse_pointer
        except ValueError:
            pass
    return name if name.isascii() else name.encode("idna").decode()


def question(identity: int, name: str, kind: str) -> bytes:
    """Return a question that asks for recursion. Raises ValueError where ``name`` is none."""
    return struct.pack("!6H", identity, _RECURSION_DESIRED, 1, 0, 0, 0) + _name(name) + struct.pack("!2H", TYPES[kind], _INTERNET)


def answer(data: bytes, identity: int, name: str, kind: str) -> Answer:
    """Read the answer to ``question``. Raises ValueError where it is none, or one to another question."""
    if len(data) < 12:
        raise ValueError("the answer is cut off")
    found, flags, questions, answers = struct.unpack("!4H", data[:8])
    if found != identity or not flags & _RESPONSE or questions != 1:
        raise ValueError("the answer is to another question")
    asked, at = _read_name(data, 12)
    kind_asked, _class = _unpack("!2H", data, at)
    if asked.lower() != name.rstrip(".").lower() or kind_asked != TYPES[kind]:
        raise ValueError("the answer is to another question")
    truncated = bool(flags & _TRUNCATED)
    records = () if truncated else _records(data, at + 4, answers, kind)
    return Answer(CODES.get(flags & 15, f"code {flags & 15}"), truncated, records)


def _name(name: str) -> bytes:
    labels = name.rstrip(".").encode("ascii").split(b".") if name != "." else []
    if any(not 0 < len(label) < 64 for label in labels) or sum(len(label) + 1 for label in labels) > 254:
        raise ValueError(f"{name!r} is no name of DNS: 1 to 63 letters between two dots, 253 in all")
    return b"".join(bytes([len(label)]) + label for label in labels) + b"\0"


def _unpack(form: str, data: bytes, at: int) -> tuple[int, ...]:
    try:
        return struct.unpack_from(form, data, at)
    except struct.error:
        raise ValueError("the answer is cut off")


def _read_name(data: bytes, at: int) -> tuple[str, int]:
    """Return the name at a place, and where the bytes behind it begin. Pointers may only lead backwards, so none can lead in a circle."""
    labels: list[str] = []
    end, size = -1, 0
    for _step in range(_MOST_STEPS):
        (length,) = _unpack("!B", data, at)
        if length & 0xC0 == 0xC0:
            (pointer,) = _unpack("!H", data, at)
            end, target = end if end >= 0 else at + 2, pointer & 0x3FFF
            if target >= at:
                raise ValueError("a name in the answer leads in a circle")
            at = target
            continue
        if length & 0xC0 or at + 1 + length > len(data):
            raise ValueError("a name in the answer is damaged")
        if not length:
            return ".".join(labels), end if end >= 0 else at + 1
        labels.append(data[at + 1 : at + 1 + length].decode("ascii", errors="backslashreplace"))
        at, size = at + 1 + length, size + 1 + length
        if size > 255:
            break
    raise ValueError("a name in the answer is too long")


def _records(data: bytes, at: int, count: int, kind: str) -> tuple[str, ...]:
    found = []
    for _number in range(count):
        _owner, at = _read_name(data, at)
        known, _class, _ttl, length = _unpack("!HHIH", data, at)
        at += 10
        if at + length > len(data):
            raise ValueError("the answer is cut off")
        if known == TYPES[kind]:
            found.append(_text(data[: at + length], at, kind))
        at += length
    return tuple(found)


def _text(data: bytes, at: int, kind: str) -> str:
    """Return one record as people write it. ``data`` ends where the record does."""
    rest = data[at:]
    if kind in ("A", "AAAA"):
        if len(rest) != (4 if kind == "A" else 16):
            raise ValueError("an address in the answer has a wrong length")
        return str(ipaddress.ip_address(rest))
    if kind == "TXT":
        return _strings(rest)
    if kind == "MX":
        return f"{_unpack('!H', data, at)[0]} {_read_name(data, at + 2)[0]}"
    if kind == "SRV":
        return " ".join([*map(str, _unpack("!3H", data, at)), _read_name(data, at + 6)[0]])
    if kind == "SOA":
        primary, at = _read_name(data, at)
        mailbox, at = _read_name(data, at)
        return " ".join([primary, mailbox, *map(str, _unpack("!5I", data, at))])
    return _read_name(data, at)[0]


def _strings(data: bytes) -> str:
    text, at = "", 0
    while at < len(data):
        length = data[at]
        if at + 1 + length > len(data):
            raise ValueError("a text in the answer is cut off")
        text += data[at + 1 : at + 1 + length].decode(errors="backslashreplace")
        at += 1 + length
    return text
