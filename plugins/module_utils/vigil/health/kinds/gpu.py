# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``gpu``: NVIDIA GPUs: present, cool, and without memory errors. Not run on a machine with a GPU: see clients/nvml.py."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..clients.nvml import PYNVML, read_gpus
from ..kernel_log import read_xids
from ..kind import Kind, Look, Option, Options
from ..model import FAIL, PASS, WARN, Finding, Limits, Observation
from ..thresholds import demand, judge
from ..units import words
from ..wanted import FRESH

# A GPU that these name needs a reset or another one (NVIDIA, "XID Errors": 48 and 95 uncorrected memory errors, 64 no row could be
# replaced, 74 NVLink, 79 off the bus, 119 and 120 its system processor). The others come from programs as well.
_SEVERE = ("48", "64", "74", "79", "95", "119", "120")
_SLOWED = ("thermal", "power_brake", "hardware", "power_cap")
# Reading the whole kernel log costs more than all else here.
_LOG_AGE = 30.0
_OPTIONS = (
    Option("count", "int", "How many GPUs there have to be; empty: at least one.", default=None),
    Option("temperature", "limits", "Temperature of the hottest, in degrees Celsius.", default=Limits(warn=85, fail=95)),
    Option("memory", "limits", "Used memory of the fullest.", unit="%", default=Limits()),
    Option("utilisation", "limits", "How busy the busiest is.", unit="%", default=Limits()),
    Option("ecc_new", "limits", "Uncorrected memory errors since the last look.", default=Limits(fail=1)),
    Option("ecc", "limits", "Uncorrected memory errors since the driver was loaded.", default=Limits(warn=1)),
    Option("slowed", "list", "Reasons for held back clocks that warn: thermal, power_brake, hardware, power_cap (usual under full load).",
           default=("thermal", "power_brake", "hardware")),
    Option("xid", "limits", "XID errors in the kernel's log within xid_within, where the log may be read.", default=Limits(warn=1)),
    Option("xid_within", "duration", "How far back XID errors count.", default=3600.0),
    Option("xid_fail", "list", "Numbers of XID errors that fail at once.", default=_SEVERE),
    Option("xid_ignore", "list", "Numbers of XID errors that do not count (13, 31, 43 and 45 come from programs mostly).", default=()),
)
_LOOK = "Look at it: nvidia-smi -q -i {index}"
_MEASURES = {
    "temperature": ("", "the temperature of {gpu} in degrees Celsius", "See fans, air and load: nvidia-smi -q -d TEMPERATURE -i {index}"),
    "memory": ("%", "used memory of {gpu}", "See who uses it: nvidia-smi -i {index}"),
    "utilisation": ("%", "utilisation of {gpu}", "See who uses it: nvidia-smi -i {index}"),
    "ecc_new": ("", "the number of uncorrected memory errors of {gpu} since the last look", "Drain and reset it: nvidia-smi -r -i {index}"),
    "ecc": ("", "the number of uncorrected memory errors of {gpu} since its driver began", "Look at it: nvidia-smi -q -d ECC -i {index}"),
}


def refuse(options: Options) -> str | None:
    """Refuse a count below zero, reasons that do not exist, and numbers that are none."""
    if options["count"] is not None and options["count"] < 0:
        return f"count is {options['count']}, expected 0 or more."
    wrong = [reason for reason in options["slowed"] if reason not in _SLOWED]
    if wrong:
        return f"slowed: {wrong[0]!r} was found, expected reasons of {', '.join(_SLOWED)}."
    codes = [code for name in ("xid_fail", "xid_ignore") for code in options[name] if not code.isdigit()]
    return f"{codes[0]!r} was found in xid_fail or xid_ignore, expected numbers of XID errors." if codes else None


def observe(options: Options, look: Look) -> Observation:
    """Ask the driver, once for all checks of this moment, and the kernel's log, twice a minute.

    A driver that hangs cannot be interrupted: such a look is given up by the watcher, and is unknown.
    """
    gpus = look.shared.get("gpus", FRESH, read_gpus)
    within = options["xid_within"]
    xids = look.shared.get(f"xids {within}", _LOG_AGE, lambda: read_xids(look.system, within, look.timeout / 2))
    before = look.memory.get("ecc", {})
    seen = [{**gpu, "ecc_new": _new(gpu.get("ecc"), before.get(gpu["uuid"]))} for gpu in gpus]
    memory = {gpu["uuid"]: gpu["ecc"] for gpu in gpus if gpu.get("ecc") is not None}
    return Observation({"gpus": seen, "xids": xids}, {"ecc": {**before, **memory}})


def _new(total: int | None, before: int | None) -> int | None:
    """The driver counts from zero again when it is loaded."""
    if total is None or before is None:
        return None
    return total if total < before else total - before


def decide(options: Options, values: Mapping[str, Any]) -> list[Finding]:
    """Present and not broken first, then each measure of the worst GPU, then what its memory and the log say."""
    gpus = values["gpus"]
    findings = [_count(options, gpus)]
    findings += [demand("present", False, gpu["broken"], "a GPU that answers", f"{_name(gpu)} {gpu['broken']}",
                        advice="Drain the host; reset the GPU or restart the host: dmesg | grep -i xid") for gpu in gpus if gpu["broken"]]
    whole = [gpu for gpu in gpus if not gpu["broken"]]
    findings += [finding for name in _MEASURES for finding in _measure(name, options, whole)]
    findings += [finding for gpu in whole for finding in (*_repairs(gpu), *_slowed(options, gpu))]
    return findings + _xids(options, values["xids"])


def _name(gpu: Mapping[str, Any]) -> str:
    return f"GPU {gpu['index']}" + (f" ({gpu['name']})" if gpu["name"] else "")


def _count(options: Options, gpus: list[Mapping[str, Any]]) -> Finding:
    wanted, number = options["count"], len(gpus)
    good = number == wanted if wanted is not None else number > 0
    expected = "1 or more" if wanted is None else str(wanted)
    sentence = f"the driver sees {number} GPU{'' if number == 1 else 's'}" + ("" if good else f", expected {expected}")
    return demand("count", good, number, expected, sentence, advice="Compare with what is there: nvidia-smi -L; lspci | grep -i nvidia")


def _measure(name: str, options: Options, gpus: list[Mapping[str, Any]]) -> list[Finding]:
    unit, phrase, advice = _MEASURES[name]
    limits, known = options[name], [gpu for gpu in gpus if gpu.get(name) is not None]
    if not known or (limits.warn is None and limits.fail is None):
        return []
    worst = max(known, key=lambda gpu: float(gpu[name]))
    return [judge(name, worst[name], limits, unit, name=phrase.format(gpu=_name(worst)), advice=advice.format(index=worst["index"]))]


def _repairs(gpu: Mapping[str, Any]) -> list[Finding]:
    """Memory that was replaced is mended; what waits for a reset, or cannot be replaced any more, is not."""
    findings = []
    for what, noun in (("rows", "rows"), ("pages", "pages")):
        told = gpu.get(what)
        if told is None:
            continue
        state = FAIL if told["failure"] else WARN if told["pending"] else PASS
        fate = {FAIL: "and has none left to replace more", WARN: "and waits for a reset to replace more", PASS: "and waits for none"}[state]
        sentence = f"{_name(gpu)} has replaced {told['replaced']} {noun} of its memory {fate}"
        advice = "" if state == PASS else _LOOK.format(index=gpu["index"])
        findings.append(Finding(what, state, told["replaced"], "none pending", sentence, advice=advice))
    return findings


def _slowed(options: Options, gpu: Mapping[str, Any]) -> list[Finding]:
    if gpu.get("slowed") is None:
        return []
    reasons = [reason for reason in gpu["slowed"] if reason in options["slowed"]]
    sentence = f"{_name(gpu)} " + (f"holds its clocks back: {', '.join(reasons)}" if reasons else "runs at the clocks it wants")
    return [demand("slowed", not reasons, ", ".join(reasons) or "no", "no", sentence, state=WARN,
                   advice=f"See power and cooling: nvidia-smi -q -d PERFORMANCE,TEMPERATURE,POWER -i {gpu['index']}")]


def _xids(options: Options, xids: list[Mapping[str, Any]] | None) -> list[Finding]:
    """Where no log may be read, nothing is said."""
    if xids is None:
        return []
    counted = [xid for xid in xids if str(xid["code"]) not in options["xid_ignore"] and xid["age"] <= options["xid_within"]]
    severe = [xid for xid in counted if str(xid["code"]) in options["xid_fail"]]
    last = min(severe or counted, key=lambda xid: float(xid["age"]), default=None)
    advice = "Look the number up in NVIDIA's list of XID errors: dmesg | grep -i xid"
    if severe and last:
        return [Finding("xid", FAIL, last["code"], "no such error", f"{_told(last)}", advice=advice)]
    name = f"the number of XID errors in {words(options['xid_within'], 's')}" + (f" (last: {_told(last)})" if last else "")
    return [judge("xid", len(counted), options["xid"], name=name, advice=advice)]


def _told(xid: Mapping[str, Any]) -> str:
    return f"XID {xid['code']} of {xid['bus']}, {words(xid['age'], 's')} ago" + (f": {xid['text']}" if xid["text"] else "")


KIND = Kind(
    name="gpu",
    text="NVIDIA GPUs by the driver's library (pynvml, which no distribution packages): how many there are, temperature, memory, "
         "uncorrected memory errors, replaced memory, held back clocks, and XID errors in the kernel's log where it may be read. It was "
         "tried with the real library without a GPU, and with a stand-in for the driver; it was not run on a GPU.",
    options=_OPTIONS,
    observe=observe,
    decide=decide,
    refuse=refuse,
    packages=(PYNVML,),
    capabilities=("CAP_SYSLOG",),
    example="""\
- name: gpus
  kind: gpu
  count: 8
  temperature: {warn: 80, fail: 90}
  xid_ignore: [13, 31, 43, 45]
  interval: 30s
""",
)
