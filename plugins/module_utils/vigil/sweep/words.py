# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Text from other machines as one clean line: no control character reaches a terminal, a page or an XML file. Pure."""

from __future__ import annotations

LIMIT = 500


def clean(text: object, limit: int = LIMIT) -> str:
    """Return one printable line of at most ``limit`` characters. Escape sequences, line ends and direction marks become spaces."""
    given = str(text)[: limit * 4]
    if not given.isprintable():
        given = "".join(character if character.isprintable() else " " for character in given)
    line = " ".join(given.split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def ago(seconds: float) -> str:
    """Write an age for a person: the largest unit that fits."""
    for scale, name in ((86400, "d"), (3600, "h"), (60, "min")):
        if seconds >= scale:
            return f"{int(seconds // scale)} {name}"
    return f"{max(0, int(seconds))} s"


def some(names: list[str] | tuple[str, ...], limit: int = 3) -> str:
    """Return the first names and how many more there are."""
    more = len(names) - limit
    return ", ".join(names[:limit]) + (f" and {more} more" if more > 0 else "")


def count(number: int, noun: str) -> str:
    """Return a number with its noun: 1 host, 2,000 hosts."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
