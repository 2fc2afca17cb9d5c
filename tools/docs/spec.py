# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A role's argument spec as values: parsing, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

NO_DEFAULT = object()


@dataclass(frozen=True)
class Option:
    """One option. ``path`` is its name, with its parents' before it: `prometheus_web_config.tls[].cert`."""

    path: str
    type: str
    text: str
    required: bool = False
    default: Any = NO_DEFAULT
    choices: tuple[str, ...] = ()
    secret: bool = False

    @property
    def nested(self) -> bool:
        """Whether it lies inside another option."""
        return "." in self.path


@dataclass(frozen=True)
class Role:
    """A role: its name, what it is for, and its options."""

    name: str
    title: str
    text: tuple[str, ...]
    options: tuple[Option, ...]


def parse(name: str, document: Mapping[str, Any]) -> Role:
    """Read the document of a `meta/argument_specs.yml`. Raises StopIteration where it has no entry point.

    A role has one entry point; where that is not `main` the role checks its options itself.
    """
    main = next(iter(document["argument_specs"].values()))
    return Role(name, str(main.get("short_description", "")).rstrip("."), _sentences(main.get("description")), tuple(_options(main)))


def load(folder: Path) -> Role:
    """Read the role in ``folder``."""
    document = yaml.safe_load((folder / "meta" / "argument_specs.yml").read_text(encoding="utf-8"))
    return parse(folder.name, document)


def _sentences(value: Any) -> tuple[str, ...]:
    texts = value if isinstance(value, list) else [value] if value else []
    return tuple(" ".join(str(text).split()) for text in texts)


def _options(holder: Mapping[str, Any], before: str = "") -> Iterator[Option]:
    for name, option in (holder.get("options") or {}).items():
        path = f"{before}{name}"
        yield _option(path, option or {})
        inside = f"{path}[]." if option.get("type") == "list" else f"{path}."
        yield from _options(option, inside)


def _option(path: str, option: Mapping[str, Any]) -> Option:
    kind = str(option.get("type", "str"))
    if kind == "list" and option.get("elements"):
        kind = f"list of {option['elements']}"
    return Option(
        path,
        kind,
        " ".join(_sentences(option.get("description"))),
        bool(option.get("required", False)),
        option.get("default", NO_DEFAULT),
        tuple(str(choice) for choice in option.get("choices") or ()),
        bool(option.get("no_log", False)),
    )
