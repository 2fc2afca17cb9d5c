# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``load``: the machine's load average, per processor."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from ..kind import Kind, Look, Option, Options
from ..model import CannotTell, Finding, Limits, Observation
from ..thresholds import judge

_INDEX = {"1m": 0, "5m": 1, "15m": 2}
_OPTIONS = (
    Option("per_cpu", "limits", "Load average divided by the number of processors.", default=Limits(2.0, 4.0)),
    Option("over", "str", "The time that is averaged over.", default="5m", choices=tuple(_INDEX)),
)
_ADVICE = "See what runs or waits: ps -eo state,pcpu,pid,args --sort=-pcpu | head; state D waits for a disk."


def observe(options: Options, look: Look) -> Observation:
    """Read /proc/loadavg and count the processors this process may use."""
    text = look.system.read("/proc/loadavg")
    if text is None:
        raise CannotTell("/proc/loadavg is not there", "This kind needs a Linux host with /proc mounted.")
    return Observation({"load": float(text.split()[_INDEX[options["over"]]]), "cpus": len(os.sched_getaffinity(0))})


def decide(options: Options, values: Mapping[str, Any]) -> list[Finding]:
    """Compare the load of one processor with the limits."""
    share = values["load"] / values["cpus"]
    name = f"load over {options['over']} ({values['load']:g} on {values['cpus']} processors), per processor,"
    return [judge("per_cpu", share, options["per_cpu"], name=name, advice=_ADVICE)]


KIND = Kind(
    name="load",
    text="The load average of the machine, for each processor: how many processes run or wait for a processor or a disk.",
    options=_OPTIONS,
    observe=observe,
    decide=decide,
    example="""\
- name: load
  kind: load
  per_cpu: {warn: 1.5, fail: 3}
  over: 15m
""",
)
