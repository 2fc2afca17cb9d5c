# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one file that hashes passwords: with the `bcrypt` library, or the C library's own `crypt` where that knows bcrypt."""

from __future__ import annotations

import base64
import ctypes
import ctypes.util
import hashlib
import re
from functools import lru_cache

from ..model import VigilError

try:
    import bcrypt
except ImportError:
    HAS_BCRYPT = False
else:
    HAS_BCRYPT = True

COST = 10
"""Two to the power of this many rounds; 10 is what the exporters' toolkit advises, about 70 ms a sign-in (then cached)."""

_HASHED = re.compile(r"\$2[abxy]\$\d\d\$[./A-Za-z0-9]{53}")
_STANDARD = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_BCRYPT = b"./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


def is_hashed(text: str) -> bool:
    """Say whether a text is a bcrypt hash already."""
    return _HASHED.fullmatch(text) is not None


def salt(host: str, role: str, user: str) -> str:
    """Return the bcrypt salt of a user: the first 16 bytes of SHA-256 over host, role and user, and never over the password.

    It is the same in every run on purpose. There may be no state between runs (an AWX job starts from nothing), and a random salt would
    change the file each time. A salt need not be secret, it must only differ: between users, roles and hosts it does.
    """
    digest = hashlib.sha256(f"vigil\0{host}\0{role}\0{user}".encode()).digest()[:16]
    text = base64.b64encode(digest).translate(bytes.maketrans(_STANDARD, _BCRYPT)).decode()
    return f"$2b${COST:02d}${text[:22]}"


# Fifty milliseconds of processor each; Ansible evaluates an expression anew wherever it stands, and the same users stand in several.
@lru_cache(maxsize=256)
def hash_password(plain: str, setting: str) -> str:
    """Return the bcrypt hash of a password; ``setting`` is what salt() returns. Raises VigilError where nothing here can do it."""
    secret = plain.encode()
    if len(secret) > 72:
        raise VigilError(f"A password has {len(secret)} bytes; bcrypt looks at 72 at most. Choose a shorter one.")
    if b"\0" in secret:
        raise VigilError("A password holds a zero byte, which bcrypt cannot take. Choose another one.")
    hashed = bcrypt.hashpw(secret, setting.encode()).decode() if HAS_BCRYPT else by_libc(secret, setting)
    if hashed is None or not is_hashed(hashed):
        raise VigilError(
            "A plain password must be hashed, and the Python library `bcrypt` was not found on the controller. "
            "Install it beside ansible-core (pip install bcrypt), or give the password as a bcrypt hash (htpasswd -nBC 10 USER)."
        )
    return hashed


def by_libc(secret: bytes, setting: str) -> str | None:
    """Return what the C library's crypt() makes of a password, or None where there is none; it may not be bcrypt."""
    name = ctypes.util.find_library("crypt")
    if name is None:
        return None
    try:
        crypt = ctypes.CDLL(name).crypt
    except (OSError, AttributeError):
        return None
    crypt.argtypes, crypt.restype = (ctypes.c_char_p, ctypes.c_char_p), ctypes.c_char_p
    answer = crypt(secret, setting.encode())
    return answer.decode() if answer else None
