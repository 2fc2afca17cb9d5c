# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Public keys of repositories: armor and fingerprints (RFC 9580, sections 4.2, 5.5.4 and 6). No cryptography is done here."""

from __future__ import annotations

import base64
import binascii
import hashlib
from collections.abc import Iterator

from ..model import VigilError

_PUBLIC_KEY = 6


def dearmor(content: bytes) -> bytes:
    """The binary form of a key; binary input is returned as it is."""
    if b"-----BEGIN PGP" not in content:
        return content
    body: list[bytes] = []
    for block in content.replace(b"\r", b"").split(b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n")[1:]:
        lines = block.split(b"-----END PGP")[0].split(b"\n")
        start = lines.index(b"") + 1 if b"" in lines else 0
        text = b"".join(line for line in lines[start:] if not line.startswith(b"="))
        try:
            body.append(base64.b64decode(text, validate=True))
        except binascii.Error as error:
            raise VigilError(f"The repository's key is damaged: its armor does not decode ({error}). Fetch the key again.") from error
    return b"".join(body)


def armor(binary: bytes) -> bytes:
    """The text form of a binary key, as rpm wants it (the optional checksum is left out)."""
    text = base64.b64encode(binary)
    lines = [text[at:at + 64] for at in range(0, len(text), 64)]
    return b"\n".join([b"-----BEGIN PGP PUBLIC KEY BLOCK-----", b"", *lines, b"-----END PGP PUBLIC KEY BLOCK-----", b""])


def fingerprints(content: bytes) -> list[str]:
    """Fingerprints, upper case, of every primary key; an error where there is none."""
    try:
        found = [_fingerprint(body) for tag, body in _packets(dearmor(content)) if tag == _PUBLIC_KEY]
    except IndexError:
        found = []
    if not found:
        raise VigilError("What was given as the repository's key is no OpenPGP public key. Expected the vendor's key, armored or binary.")
    return found


def _fingerprint(body: bytes) -> str:
    if body[0] >= 5:
        return hashlib.sha256(bytes([0x95 + body[0]]) + len(body).to_bytes(4, "big") + body).hexdigest().upper()
    return hashlib.sha1(b"\x99" + len(body).to_bytes(2, "big") + body, usedforsecurity=False).hexdigest().upper()


def _packets(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at < len(data):
        head = data[at]
        if not head & 0x80:
            return
        if head & 0x40:
            tag, (length, used) = head & 0x3F, _new_length(data, at + 1)
        else:
            size = (1, 2, 4, 0)[head & 3]
            tag, used = (head >> 2) & 0x0F, size
            length = int.from_bytes(data[at + 1:at + 1 + size], "big") if size else len(data)
        start = at + 1 + used
        yield tag, data[start:start + length]
        at = start + length


def _new_length(data: bytes, at: int) -> tuple[int, int]:
    first = data[at]
    if first < 192:
        return first, 1
    if first < 224:
        return ((first - 192) << 8) + data[at + 1] + 192, 2
    return int.from_bytes(data[at + 1:at + 5], "big"), 5
