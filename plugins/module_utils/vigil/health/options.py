# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read the options of one check by the declaration of its kind. Pure."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from typing import Any

from ..model import InvalidInput
from .kind import Kind, Option
from .model import Limits
from .units import BYTES, SECONDS, number

_TRUE, _FALSE = ("true", "yes", "on", "1"), ("false", "no", "off", "0")


def read_options(kind: Kind, given: Mapping[str, Any], where: str, beside: Iterable[str] = ()) -> dict[str, Any]:
    """Return every option of ``kind``, with defaults, in its own type. ``beside`` are names that are right too, but read elsewhere.

    Raises InvalidInput, its sentence beginning with ``where``, for an unknown, missing, mistyped or contradicting option.
    """
    known = {option.name: option for option in kind.options}
    for name in given:
        if name not in known:
            raise InvalidInput(f"{where}: {name} is no option of the kind {kind.name}{nearest(name, {*known, *beside})}")
    values = {name: _one(option, given.get(name), where) for name, option in known.items()}
    wrong = kind.refuse(values) if kind.refuse else None
    if wrong:
        raise InvalidInput(f"{where}: {wrong}")
    return values


def nearest(name: str, known: Iterable[str]) -> str:
    """Return "; did you mean x?", or where nothing is near, the whole list."""
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=1)
    return f"; did you mean {close[0]}?" if close else f"; it has {', '.join(names)}."


def _one(option: Option, value: Any, where: str) -> Any:
    if value is None:
        if option.required:
            raise InvalidInput(f"{where}: {option.name} is missing. {option.text}")
        value = option.default
    if value is None:
        return None
    try:
        read = _READERS[option.type](value, option)
    except ValueError as error:
        raise InvalidInput(f"{where}: {option.name}: {error}.")
    if option.choices and read not in option.choices:
        raise InvalidInput(f"{where}: {option.name}: {read!r} was found, expected one of {', '.join(option.choices)}.")
    return read


def _text(value: Any, option: Option) -> str:
    if isinstance(value, (Mapping, list, tuple)):
        raise ValueError(f"{value!r} was found, expected text")
    return str(value)


def _integer(value: Any, option: Option) -> int:
    read = number(value, "")
    if not read.is_integer():
        raise ValueError(f"{value!r} was found, expected a whole number")
    return int(read)


def flag(value: Any, option: Option | None = None) -> bool:
    """Read true, yes, on, 1 and their opposites. Raises ValueError for anything else."""
    text = str(value).lower()
    if text not in _TRUE + _FALSE:
        raise ValueError(f"{value!r} was found, expected true or false")
    return text in _TRUE


def _path(value: Any, option: Option) -> str:
    text = _text(value, option)
    if not text.startswith("/"):
        raise ValueError(f"{text!r} was found, expected an absolute path")
    return text


def _regex(value: Any, option: Option) -> str:
    text = _text(value, option)
    try:
        re.compile(text)
    except re.error as error:
        raise ValueError(f"{text!r} is no regular expression: {error}")
    return text


def _list(value: Any, option: Option) -> tuple[str, ...]:
    values = value if isinstance(value, (list, tuple)) else [value]
    return tuple(_text(item, option) for item in values)


def _mapping(value: Any, option: Option) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise ValueError(f"{value!r} was found, expected a mapping")
    return {str(key): item for key, item in value.items()}


def _duration(value: Any, option: Option) -> float:
    read = number(value, SECONDS)
    if read < 0:
        raise ValueError(f"{value!r} was found, expected a duration that is not negative")
    return read


def _size(value: Any, option: Option) -> int:
    read = number(value, BYTES)
    if read < 0:
        raise ValueError(f"{value!r} was found, expected a size that is not negative")
    return int(read)


def _limits(value: Any, option: Option) -> Limits:
    if isinstance(value, Limits):  # a default; the direction is the option's
        return Limits(value.warn, value.fail, option.worse)
    given = dict(value) if isinstance(value, Mapping) else {"fail": value}
    if not given or set(given) - {"warn", "fail"}:
        raise ValueError(f"{value!r} was found, expected warn, fail, or both (or one value, which fails)")
    warn, fail = (None if given.get(name) is None else number(given[name], option.unit) for name in ("warn", "fail"))
    if warn is not None and fail is not None and (warn >= fail if option.worse == "above" else warn <= fail):
        raise ValueError(f"warn ({given['warn']}) has to be {'below' if option.worse == 'above' else 'above'} fail ({given['fail']}); "
                         f"the state is worse the {'greater' if option.worse == 'above' else 'smaller'} the value")
    return Limits(warn, fail, option.worse)


_READERS = {
    "str": _text, "int": _integer, "bool": flag, "number": lambda value, option: number(value, ""), "duration": _duration,
    "size": _size, "path": _path, "regex": _regex, "list": _list, "dict": _mapping,
    "limits": _limits,
}
