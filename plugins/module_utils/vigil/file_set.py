# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The list of files that a role hands to service_config, put together from parts."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from .model import InvalidInput


def file_set(parts: Iterable[Any], defaults: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
    """Flatten nested lists of files and fill in what they share.

    A file with a false ``when`` is left out. ``defaults`` (group, mode, ...) hold for each file that does not say otherwise.
    """
    return [{**(defaults or {}), **_without_when(item)} for item in _flat(parts) if item.get("when", True)]


def from_paths(paths: Iterable[str], folder: str, on_change: str = "reload") -> list[dict[str, Any]]:
    """Return a file below ``folder`` for each path on the controller, under its own name.

    Raises InvalidInput where two paths end in one name: one of them would silently win.
    """
    named: dict[str, str] = {}
    for path in paths:
        name = posixpath.basename(str(path))
        if named.setdefault(name, str(path)) != str(path):
            raise InvalidInput(f"{named[name]} and {path} would both become {folder}/{name}. Rename one of them.")
    return [{"dest": f"{folder}/{name}", "src": path, "on_change": on_change} for name, path in sorted(named.items())]


def _flat(parts: Iterable[Any]) -> Iterator[Mapping[str, Any]]:
    for part in parts:
        if isinstance(part, Mapping):
            yield part
        elif part:
            yield from _flat(part)


def _without_when(item: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in item.items() if key != "when"}
