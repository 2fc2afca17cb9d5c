# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Passwords that Vigil makes: scope, then user, then password, in one file that only its owner can read."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from ..model import VigilError

FILE = "passwords.yml"
HEADER = """\
# Passwords that Vigil made: service, then user, then password. Secret: only the owner of this file may read it.
# Change one by hand here and run site.yml; remove a line and the next run makes a new one.
# A password of your own belongs in <role>_basic_auth_users, better through ansible-vault.
"""


def generate() -> str:
    """Return 192 random bits as 32 characters that no shell, URL or YAML file needs to quote."""
    while True:
        text = secrets.token_urlsafe(24)
        if text[0].isalnum():
            return text


def checked(document: Any, path: str) -> dict[str, dict[str, str]]:
    """Return a parsed passwords file as scope, user, password; raise VigilError where it has another shape."""
    if document is None:
        return {}
    whole = isinstance(document, Mapping) and all(isinstance(users, Mapping) for users in document.values())
    if not whole or not all(_filled(word) for users in document.values() for word in users.values()):
        raise VigilError(
            f"{path} does not have the expected form: a service, below it users, each with a password in quotes. "
            "Mend it, or move it away and let the next run make new passwords."
        )
    return {str(scope): {str(user): word for user, word in users.items()} for scope, users in document.items()}


def _filled(word: Any) -> bool:
    return isinstance(word, str) and bool(word)


def with_password(known: Mapping[str, Mapping[str, str]], scope: str, user: str, fresh: str) -> dict[str, dict[str, str]]:
    """Return the passwords with one for this scope and user: the known one, else ``fresh``."""
    users = {name: dict(words) for name, words in known.items()}
    users.setdefault(scope, {}).setdefault(user, fresh)
    return users
