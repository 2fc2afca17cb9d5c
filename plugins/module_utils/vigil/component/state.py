# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was found on the host: plain values that the resolver reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Record:
    """/var/lib/vigil/components/<name>.json: what a component uses, and (``made``) what of it we made."""

    name: str
    source: str = ""
    version: str = ""
    unit: str = ""
    user: str = ""
    group: str = ""
    config_dir: str = ""
    packages: tuple[str, ...] = ()
    links: tuple[str, ...] = ()
    directories: tuple[str, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)
    key: Mapping[str, Any] = field(default_factory=dict)
    made_users: tuple[str, ...] = ()
    made_groups: tuple[str, ...] = ()
    made_directories: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """As it is written."""
        return asdict(self)

    @classmethod
    def from_dict(cls, raw: Mapping[str, Any]) -> Record:
        """As it was read; unknown keys (of a newer version) are ignored."""
        known: dict[str, Any] = {"name": ""}
        for key, value in raw.items():
            if key in cls.__dataclass_fields__:
                known[key] = tuple(value) if isinstance(value, list) else value
        return cls(**known)


@dataclass(frozen=True)
class Unpacked:
    """A version on disk; ``fault`` says why it cannot be used as it is."""

    sha256: str = ""
    url: str = ""
    fault: str = ""
    made: float = 0.0


@dataclass(frozen=True)
class Folder:
    """A folder that exists."""

    owner: str
    group: str
    mode: str


@dataclass(frozen=True)
class Observed:
    """Everything the resolver may ask about; an empty field means that nothing is there."""

    packages: Mapping[str, str] = field(default_factory=dict)
    candidates: Mapping[str, str] = field(default_factory=dict)
    versions: Mapping[str, Unpacked] = field(default_factory=dict)
    current: str = ""
    links: Mapping[str, str] = field(default_factory=dict)
    leftovers: tuple[str, ...] = ()
    mask_left: str = ""
    users: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    directories: Mapping[str, Folder] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)
    record: Record | None = None
    others: tuple[Record, ...] = ()
    user_units: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    units: tuple[str, ...] = ()
    existing: tuple[str, ...] = ()
