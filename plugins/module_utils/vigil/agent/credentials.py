# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificate, key and token in use, read again when their files change: the role renews them without a reload."""

from __future__ import annotations

import os
import ssl
from typing import Protocol

from ..httpd.tls import server_context
from ..model import VigilError
from .config import Files, read_token
from .journal import INFO, WARNING, say

Stamp = tuple[object, ...]


class Served(Protocol):
    """What a configuration says of credentials; other residents than the agent serve by it too."""

    @property
    def token_file(self) -> str | None:
        """Path of the token."""

    @property
    def tls(self) -> Files | None:
        """Paths of certificate and key."""


class Credentials:
    """What is served with. ``trouble`` is a sentence while new files are of no use; the old ones are used on."""

    def __init__(self, config: Served) -> None:
        """Read the files. Raises VigilError where they are of no use: at the start there are no old ones."""
        self.trouble, self._config = "", config
        self._stamp = _stamp(config)
        self.token, self.context = _read(config)

    def renew(self) -> bool:
        """Look whether the files changed, and read them if so; return whether there is something new. Cheap when nothing changed."""
        stamp = _stamp(self._config)
        if stamp == self._stamp and not self.trouble:
            return False
        try:
            self.token, self.context = _read(self._config)
        except VigilError as error:
            # Certificate and key are renamed one after the other: the next look, seconds later, finds both.
            if str(error) != self.trouble:
                say(WARNING, f"{error} The old ones are used on.")
            self.trouble = str(error)
            return False
        self.trouble, self._stamp = "", stamp
        say(INFO, "certificate, key and token were read again.")
        return True


def _read(config: Served) -> tuple[str, ssl.SSLContext | None]:
    token = read_token(config.token_file)
    return token, server_context(config.tls.cert, config.tls.key) if config.tls else None


def _stamp(config: Served) -> Stamp:
    names = [config.token_file, config.tls and config.tls.cert, config.tls and config.tls.key]
    return tuple(_identity(name) for name in names if name)


def _identity(path: str) -> Stamp:
    try:
        found = os.stat(path)
    except OSError:
        return ()
    return (found.st_ino, found.st_mtime_ns, found.st_size)
