# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Small readers of one option each: the value in its type, or an error that says what was found and expected."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from ..model import InvalidInput


def only(name: str, data: Any, known: Iterable[str]) -> None:
    """Refuse anything but a dict, and any key that is not ``known``."""
    if not isinstance(data, dict):
        raise InvalidInput(f"{name}: {type(data).__name__} was given, a dict was expected.")
    unknown = sorted(str(key) for key in set(data) - set(known))
    if unknown:
        raise InvalidInput(f"{name}: unknown option {', '.join(unknown)}; known are {', '.join(sorted(known))}.")


def text(name: str, value: Any) -> str:
    """Return text that is not empty and has no line break or NUL in it."""
    if not isinstance(value, str) or not value.strip() or any(sign in value for sign in "\0\n"):
        raise InvalidInput(f"{name}: {value!r} was given, text of one line was expected.")
    return str(value)


def strings(name: str, value: Any) -> tuple[str, ...]:
    """Return a list of texts; None is an empty list. A single text is refused, never split."""
    if value is None:
        return ()
    if not isinstance(value, (list, tuple)) or not all(isinstance(item, str) for item in value):
        raise InvalidInput(f"{name}: {type(value).__name__} was given, a list of texts was expected.")
    return tuple(str(item) for item in value)


def boolean(name: str, value: Any) -> bool:
    """Return true or false; nothing else passes for one."""
    if not isinstance(value, bool):
        raise InvalidInput(f"{name}: {value!r} was given, true or false was expected.")
    return value


def number(name: str, value: Any) -> float:
    """Return a number of seconds, zero or more."""
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < math.inf:
        raise InvalidInput(f"{name}: {value!r} was given, a number that is not negative was expected.")
    return float(value)


def choice(name: str, value: Any, known: tuple[str, ...]) -> str:
    """Return one of the ``known`` words."""
    if value not in known:
        raise InvalidInput(f"{name}: {value!r} was given, one of {', '.join(known)} was expected.")
    return str(value)


def mode_of(name: str, value: Any) -> int:
    """Read file permissions from octal text such as "0640"; a bare number is refused, since YAML may have changed it."""
    if not isinstance(value, str) or not 3 <= len(value) <= 4 or not set(value) <= set("01234567"):
        raise InvalidInput(f'{name}: {value!r} was given, octal permissions in quotes such as "0640" were expected.')
    return int(value, 8)
