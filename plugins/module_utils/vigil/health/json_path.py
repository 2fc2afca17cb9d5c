# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Find a value in a JSON document by a small path, and compare it with what was expected. Pure.

A path is names with dots between them and places in square brackets: ``status``, ``items[0].name``, ``items[-1]``; a name with a dot
in it is written ``labels["app.kubernetes.io/name"]``. An empty path is the whole document.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any

from .model import FAIL, Finding, Limits
from .thresholds import demand, judge
from .units import PLAIN, number

_STEP = re.compile(r"""(?:^|\.)(?P<name>[^.\[\]"]+)|\[(?P<place>-?\d{1,9})\]|\["(?P<quoted>[^"]*)"\]""")
_LONGEST = 1000
MISSING = {"missing": True}


def parse_path(path: str) -> list[str | int]:
    """Return the steps of a path. Raises ValueError where it is none."""
    steps: list[str | int] = []
    at = 0
    while at < len(path):
        step = _STEP.match(path, at)
        if not step or (at > 0 and path[at] not in ".["):
            raise ValueError(f"{path!r} was found, expected a path such as items[0].name")
        steps.append(int(step["place"]) if step["place"] is not None else step["name"] or step["quoted"] or "")
        at = step.end()
    return steps


def find(document: Any, path: str) -> dict[str, Any]:
    """Return ``{"value": ...}`` (a mapping or a list as its JSON text), or MISSING where the document has no such place."""
    for step in parse_path(path):
        if not isinstance(document, list if isinstance(step, int) else dict):
            return MISSING
        try:
            document = document[step]  # type: ignore[index]  # a list has a place, a mapping a name: seen above
        except (KeyError, IndexError):
            return MISSING
    if isinstance(document, (dict, list)):
        document = json.dumps(document)
    return {"value": document[:_LONGEST] if isinstance(document, str) else document}


def wrong_expectation(path: str, expected: Any) -> str | None:
    """Return a sentence where a path or what is expected there cannot be read, else None."""
    try:
        parse_path(path)
        if isinstance(expected, Mapping):
            limits_of(expected)
    except ValueError as error:
        return f"json: {error}"
    return f"json: {path} is a list, expected one value or limits" if isinstance(expected, (list, tuple)) else None


def limits_of(expected: Mapping[str, Any]) -> Limits:
    """Read limits on a number: warn, fail, and worse (above or below). Raises ValueError."""
    worse = str(expected.get("worse", "above"))
    known = {name: number(expected[name], PLAIN) for name in ("warn", "fail") if expected.get(name) is not None}
    if not known or set(expected) - {"warn", "fail", "worse"} or worse not in ("above", "below"):
        raise ValueError(f"{dict(expected)!r} was found, expected warn, fail or both, and worse: above or below")
    limits = Limits(known.get("warn"), known.get("fail"), worse)
    if len(known) == 2 and (known["warn"] >= known["fail"] if worse == "above" else known["warn"] <= known["fail"]):
        raise ValueError(f"warn ({known['warn']:g}) has to be {'below' if worse == 'above' else 'above'} fail ({known['fail']:g})")
    return limits


def compare(path: str, expected: Any, found: Mapping[str, Any], advice: str) -> Finding:
    """Return the finding for what ``find`` found at a path."""
    wanted = f"{path} to be {json.dumps(expected, default=str)}"
    if "value" not in found:
        return demand("json", False, None, wanted, f"the answer has no {path or 'document'}", advice=advice)
    value = found["value"]
    if not isinstance(expected, Mapping):
        good = same(value, expected)
        sentence = f"{path} is {json.dumps(value)[:100]}" + ("" if good else f", expected {json.dumps(expected, default=str)}")
        return demand("json", good, str(value)[:100], wanted, sentence, advice=advice)
    try:
        measured = number(value, PLAIN)
    except (ValueError, OverflowError):
        measured = math.inf
    if math.isfinite(measured):
        return judge("json", measured, limits_of(expected), name=path, advice=advice)
    return Finding("json", FAIL, str(value)[:100], wanted, f"{path} is {json.dumps(value)[:100]}, expected a number", advice=advice)


def same(value: Any, expected: Any) -> bool:
    """Are two plain values equal? A text is also compared with the JSON text of a value: templates turn numbers and flags into texts."""
    if isinstance(expected, str) and not isinstance(value, str):
        return json.dumps(value) == expected or str(value) == expected
    return isinstance(value, bool) == isinstance(expected, bool) and bool(value == expected)
