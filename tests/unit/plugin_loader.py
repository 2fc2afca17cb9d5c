# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible's plugin loader, for tests that read inventories from files."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ansible.plugins.loader import init_plugin_loader
from ansible.utils.collection_loader._collection_finder import _AnsibleCollectionFinder


@contextmanager
def plugin_loader() -> Iterator[None]:
    """Load plugins until the end of the ``with`` statement. Left in place, its finder would break the imports of later tests."""
    init_plugin_loader()
    try:
        yield
    finally:
        _AnsibleCollectionFinder._remove()
