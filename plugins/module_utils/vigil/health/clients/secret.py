# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets that lie in files, so that none has to stand in the inventory."""

from __future__ import annotations

from ...system import System
from ..model import CannotTell

_LIMIT = 64 * 1024


def read_secret(system: System, path: str | None, what: str) -> str:
    """Return the first line of a file, empty where no file is named. Raises CannotTell where it is missing, empty or may not be read."""
    if not path:
        return ""
    try:
        content = system.read(path)
    except OSError as error:
        raise CannotTell(f"{what} {path} cannot be read: {error.strerror}", f"Let the user of the checks read it: ls -l {path}")
    lines = (content or b"")[:_LIMIT].decode(errors="replace").splitlines()
    if not lines or not lines[0].strip():
        found = "is not there" if content is None else "is empty"
        raise CannotTell(f"{what} {path} {found}", "Write the secret there, mode 0640 or stricter.")
    return lines[0].strip()
