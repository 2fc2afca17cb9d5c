# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Units: what an operator writes ("500ms", "2GiB", "80%") to numbers of seconds, bytes and percent, and back to words. Pure."""

from __future__ import annotations

import math
import re

SECONDS, BYTES, PERCENT, PLAIN = "s", "bytes", "%", ""
_DURATIONS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_SIZES = {"B": 1.0, "kB": 1e3, "KB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12, "KiB": 2.0**10, "MiB": 2.0**20, "GiB": 2.0**30, "TiB": 2.0**40}
_SCALES: dict[str, dict[str, float]] = {SECONDS: _DURATIONS, BYTES: _SIZES, PERCENT: {"%": 1.0}, PLAIN: {}}
_NAMES = {SECONDS: "a duration such as 500ms, 10s, 5m, 2h, 7d (or a number of seconds)",
          BYTES: "a size such as 512KiB, 10MB, 2GiB (or a number of bytes)", PERCENT: "a percentage such as 80%", PLAIN: "a number"}
# Beyond this a float no longer tells whole numbers apart; no time, size or share of a host comes near.
_GREATEST = 1e24
_FORM = re.compile(r"^\s*(-?\d+(?:\.\d+)?)\s*([A-Za-z%]*)\s*$")


def number(value: object, unit: str) -> float:
    """Read a number in ``unit``; a bare number is taken as it is.

    Raises ValueError with what was expected where it is none, or in a unit of something else.
    """
    form = _FORM.match(value) if isinstance(value, str) else None
    name = form.group(2) if form else ""
    read = math.nan
    if form and (not name or name in _SCALES[unit]):
        read = float(form.group(1)) * (_SCALES[unit][name] if name else 1.0)
    elif isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) <= _GREATEST:
        read = float(value)
    if not abs(read) <= _GREATEST:  # also where it is no number at all
        raise ValueError(f"{value!r} was found, expected {_NAMES[unit]}")
    return read


def words(value: float | str | None, unit: str) -> str:
    """Write a value with its unit for a person: three significant digits, the scale that reads best."""
    if value is None:
        return "nothing"
    if isinstance(value, str):
        return value
    if unit == SECONDS:
        return _seconds(value)
    if unit == BYTES:
        return _bytes(value)
    return f"{_plain(value)} %" if unit == PERCENT else _plain(value)


def _plain(value: float) -> str:
    return str(int(value)) if float(value).is_integer() and abs(value) < 1e15 else _three(value)


def _three(value: float) -> str:
    """Three significant digits, and never 1.02e+03 for 1023."""
    return f"{value:.0f}" if 999.5 <= abs(value) < 1e15 else f"{value:.3g}"


def _seconds(value: float) -> str:
    size = abs(value)
    if size == 0 or 1 <= size < 120:
        return f"{_plain(value)} s"
    if size < 1:
        return f"{_three(value * 1e3)} ms"
    for scale, name in ((60, "min"), (3600, "h")):
        if size < scale * (120 if scale == 60 else 48):
            return f"{_three(value / scale)} {name}"
    return f"{_three(value / 86400)} days"


def _bytes(value: float) -> str:
    size, name = value, "bytes"
    for name in ("bytes", "KiB", "MiB", "GiB", "TiB"):
        if abs(size) < 1024 or name == "TiB":
            break
        size /= 1024
    return f"{_plain(size) if name == 'bytes' else _three(size)} {name}"
