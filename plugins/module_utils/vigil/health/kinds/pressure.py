# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``pressure``: the share of time in which work stood still for want of processor, memory or disk (PSI, Linux 4.20)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..kind import Kind, Look, Option, Options
from ..model import UNKNOWN, CannotTell, Finding, Limits, Observation
from ..thresholds import judge

_FIELDS = {"10s": "avg10", "1m": "avg60", "5m": "avg300"}
_NAMES = {"cpu": "a processor", "memory": "memory", "io": "a disk"}
_DEFAULTS = {"cpu_some": Limits(80.0), "memory_some": Limits(20.0), "memory_full": Limits(10.0, 30.0), "io_full": Limits(40.0, 80.0)}
_OPTIONS = (
    *(Option(f"{resource}_{share}", "limits",
             f"Share of time in which {'at least one task' if share == 'some' else 'every task that had work'} waited for {name}.",
             unit="%", default=_DEFAULTS.get(f"{resource}_{share}", Limits()))
      for resource, name in _NAMES.items() for share in ("some", "full")),
    Option("over", "str", "The time that is averaged over.", default="1m", choices=tuple(_FIELDS)),
)
_NO_PSI = "Boot a kernel of 4.20 or newer with the parameter psi=1 (it needs CONFIG_PSI)."
_ADVICE = {
    "cpu": "See what runs: ps -eo state,pcpu,pid,args --sort=-pcpu | head",
    "memory": "See who uses memory (ps -eo rss,pid,args --sort=-rss | head) and what is swapped in and out (vmstat 1 5).",
    "io": "See who waits for which disk: ps -eo state,pid,wchan:30,args | grep '^D'; iostat -x 1 3",
}


def observe(options: Options, look: Look) -> Observation:
    """Read /proc/pressure/{cpu,memory,io}."""
    values: dict[str, float] = {}
    for resource in _NAMES:
        for line in _read(look, f"/proc/pressure/{resource}").splitlines():
            share, *fields = line.split()
            numbers = dict(field.split("=", 1) for field in fields)
            values[f"{resource}_{share}"] = float(numbers[_FIELDS[options["over"]]])
    return Observation(values)


def _read(look: Look, path: str) -> str:
    try:
        text = look.system.read(path)
    except PermissionError:
        raise CannotTell(f"{path} may not be read", "Give the checker's user the right to read it.")
    except OSError:  # where PSI is built in and switched off, reading is refused as not supported
        text = None
    if not text:
        raise CannotTell(f"this kernel does not measure pressure: {path} is not there or empty", _NO_PSI)
    return text.decode()


def decide(options: Options, values: Mapping[str, Any]) -> list[Finding]:
    """Compare each share that has a limit, and the others for the record."""
    return [_judge(name, options, values) for name in (option.name for option in _OPTIONS if option.type == "limits")
            if name in values or options[name] != Limits()]


def _judge(name: str, options: Options, values: Mapping[str, Any]) -> Finding:
    resource, share = name.split("_")
    if name not in values:
        advice = "Take the limit away, or use a newer kernel (5.13)."
        return Finding(name, UNKNOWN, None, "", f"this kernel does not measure {name}", advice=advice)
    who = "a task" if share == "some" else "every task"
    sentence = f"share of time in which {who} waited for {_NAMES[resource]} (over {options['over']})"
    return judge(name, values[name], options[name], "%", name=sentence, advice=_ADVICE[resource])


KIND = Kind(
    name="pressure",
    text="Pressure stall information of the kernel: for how much of the time tasks waited for a processor, for memory or for a disk.",
    options=_OPTIONS,
    observe=observe,
    decide=decide,
    example="""\
- name: pressure
  kind: pressure
  memory_full: {warn: 5%, fail: 20%}
  io_full: {warn: 30%, fail: 60%}
  over: 5m
""",
)
