# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read a generated password from the store, or make it on first use."""

from __future__ import annotations

from ..certificates.store import Store
from . import yaml_adapter
from .passwords import FILE, HEADER, checked, generate, with_password


def password(store: Store, scope: str, user: str) -> str:
    """Return the password of a user of a service. It is made and kept where there is none; two runs at once get the same one."""
    found = _known(store).get(scope, {}).get(user)
    if found is not None:
        return found
    with store.locked():
        users = with_password(_known(store), scope, user, generate())
        store.write(FILE, (HEADER + yaml_adapter.dump(users)).encode())
    return users[scope][user]


def _known(store: Store) -> dict[str, dict[str, str]]:
    text = store.read(FILE)
    return {} if text is None else checked(yaml_adapter.load(text, store.path(FILE)), store.path(FILE))
