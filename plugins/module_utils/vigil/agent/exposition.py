# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Samples in Prometheus' text format, version 0.0.4. Pure."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
LONGEST_LABEL = 120
_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": " ", "\0": " "})


class Page:
    """Metrics in the order in which they were added."""

    def __init__(self) -> None:
        self._lines: list[str] = []

    def metric(self, name: str, type_: str, text: str) -> None:
        """Begin a metric; its samples follow."""
        self._lines += (f"# HELP {name} {text}", f"# TYPE {name} {type_}")

    def sample(self, name: str, labels: str, value: float) -> None:
        """Add a sample; ``labels`` is what ``labels()`` returned, or empty."""
        self._lines.append(f"{name}{{{labels}}} {number(value)}" if labels else f"{name} {number(value)}")

    def one(self, name: str, type_: str, text: str, value: float) -> None:
        """Add a metric of one sample without labels."""
        self.metric(name, type_, text)
        self.sample(name, "", value)

    def bytes(self) -> bytes:
        """Return the whole text."""
        return "".join(f"{line}\n" for line in self._lines).encode("utf-8", "replace")


def labels(given: Mapping[str, str]) -> str:
    """Return labels as they stand between the braces; long values are cut, with a sum of the whole so that two stay apart."""
    return ",".join(f'{name}="{shortened(value).translate(_ESCAPES)}"' for name, value in given.items())


def shortened(value: str) -> str:
    """Return a label value of a length that a database can bear."""
    if len(value) <= LONGEST_LABEL:
        return value
    return f"{value[:LONGEST_LABEL - 9]}~{hashlib.sha256(value.encode('utf-8', 'replace')).hexdigest()[:8]}"


def number(value: float) -> str:
    """Return a number as the format wants it."""
    if math.isnan(value):
        return "NaN"
    if value in (float("inf"), float("-inf")):
        return "+Inf" if value > 0 else "-Inf"
    return str(int(value)) if isinstance(value, bool) or float(value).is_integer() and abs(value) < 1e15 else repr(float(value))
