# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where secrets lie: files that others cannot read, or credentials that systemd hands over."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping

from ..model import InvalidInput

_CREDENTIAL = "credential:"


def secret_path(value: str, folder: str, environment: Mapping[str, str]) -> str:
    """Return the path that an option means: ``credential:NAME``, or one that begins in ``folder``. Raises InvalidInput."""
    if not value.startswith(_CREDENTIAL):
        return os.path.join(folder, value)
    name, place = value[len(_CREDENTIAL):], environment.get("CREDENTIALS_DIRECTORY")
    if not place:
        raise InvalidInput(f"{value} was found, but systemd handed over no credentials. Add LoadCredential={name}:FILE to the unit.")
    if not name or "/" in name or name.startswith("."):
        raise InvalidInput(f"{value} was found, expected credential: and a name without slashes.")
    return os.path.join(place, name)


def refuse_open(path: str) -> None:
    """Raise InvalidInput where a secret's file is not there or others can read it: 0600, or 0640 where it belongs to root."""
    try:
        found = os.stat(path)
    except OSError as error:
        raise InvalidInput(f"the secret {path} cannot be read: {error.strerror}.") from error
    allowed = 0o640 if found.st_uid == 0 else 0o600
    mode = stat.S_IMODE(found.st_mode)
    if mode & ~allowed & 0o177:
        raise InvalidInput(f"the secret {path} has the mode {mode:04o}, expected {allowed:04o} or stricter: chmod {allowed:04o} {path}")


def read_key(path: str) -> bytes:
    """Return the key that signs links: at least 16 bytes. Raises InvalidInput."""
    refuse_open(path)
    try:
        with open(path, "rb") as handle:
            key = handle.read(4096).strip()
    except OSError as error:
        raise InvalidInput(f"the secret {path} cannot be read: {error.strerror}.") from error
    if len(key) < 16:
        raise InvalidInput(f"the secret {path} holds {len(key)} bytes, expected 16 or more.")
    return key


def own_key(path: str) -> bytes:
    """Return the key at ``path``; where there is none, make one. Raises InvalidInput where neither can be."""
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        return read_key(path)
    except OSError as error:
        raise InvalidInput(f"the key that signs links cannot be written to {path}: {error.strerror}.") from error
    with os.fdopen(handle, "wb") as file:
        file.write(os.urandom(32).hex().encode())
        file.flush()
        os.fsync(file.fileno())
    return read_key(path)
