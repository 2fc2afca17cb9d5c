# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a reading of a metric proves. Pure."""

from __future__ import annotations

import math
from dataclasses import dataclass

from .checks import Proof
from .metrics import Sample


@dataclass(frozen=True)
class Verdict:
    """``holds`` with what was read, in words."""

    holds: bool
    words: str


def verdict(proof: Proof, found: list[Sample], swapped: float | None, earlier: list[Sample]) -> Verdict:
    """Judge a reading: every series that matches must hold.

    ``swapped`` is the moment of the swap in seconds since the epoch, None where nothing was loaded anew and a time need not
    have moved. Programs that cut their times to whole seconds are served by accepting any time within the second of the
    swap, unless it was read like that before the swap already (``earlier``).
    """
    name = title(proof)
    if not found:
        return Verdict(False, f"{name} was not found")
    read = f"{name} is {', '.join(f'{item.value:.15g}' for item in found)}"
    if proof.value is not None and any(item.value != proof.value for item in found):
        return Verdict(False, f"{read}, {proof.value:.15g} was expected")
    if proof.moved and swapped is not None:
        old = {item.value for item in earlier}
        if any(not _newer(item.value, swapped, old) for item in found):
            return Verdict(False, f"{read}, which is not after the swap at {swapped:.3f}: the new set has not been loaded")
        return Verdict(True, f"{read}, after the swap at {swapped:.3f}")
    return Verdict(True, read)


def title(proof: Proof) -> str:
    """Return the metric with its labels, as a query would have it."""
    labels = ",".join(f'{key}="{value}"' for key, value in sorted(proof.labels.items()))
    return f"{proof.metric}{{{labels}}}" if labels else proof.metric


def _newer(value: float, swapped: float, earlier: set[float]) -> bool:
    return value >= swapped or (value >= math.floor(swapped) and value not in earlier)
