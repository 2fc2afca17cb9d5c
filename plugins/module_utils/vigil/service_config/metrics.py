# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Prometheus' text format, as much of it as a proof needs. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

_LINE = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)\s*(?:\{(.*)\})?\s+(\S+)(?:\s+-?\d+)?\s*$")
_LABEL = re.compile(r'\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*=\s*"((?:[^"\\]|\\.)*)"\s*(?:,|$)')
_ESCAPED = {"\\n": "\n", "\\\\": "\\", '\\"': '"'}


@dataclass(frozen=True)
class Sample:
    """One line of an exposition."""

    name: str
    value: float
    labels: dict[str, str] = field(default_factory=dict)


def samples(text: str, metric: str, labels: dict[str, str] | None = None) -> list[Sample]:
    """Return the samples of a metric that carry these labels (and may carry more); lines that are none are passed over."""
    found = (_sample(line) for line in text.splitlines() if line.startswith(metric))
    wanted = (labels or {}).items()
    return [item for item in found if item is not None and item.name == metric and wanted <= item.labels.items()]


def _sample(line: str) -> Sample | None:
    match = _LINE.match(line)
    labels = _labels(match.group(2) or "") if match else None
    if match is None or labels is None:
        return None
    try:
        return Sample(match.group(1), float(match.group(3)), labels)
    except ValueError:
        return None


def _labels(text: str) -> dict[str, str] | None:
    labels, at = {}, 0
    while text[at:].strip():
        match = _LABEL.match(text, at)
        if match is None:
            return None
        labels[match.group(1)] = re.sub(r'\\[n"\\]', lambda found: _ESCAPED[found.group()], match.group(2))
        at = match.end()
    return labels
