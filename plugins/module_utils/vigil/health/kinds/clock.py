# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``clock``: how far off is the clock, does something keep it right, did it jump?"""

from __future__ import annotations

from collections.abc import Mapping
from statistics import median_low
from typing import Any

from .. import sntp
from ..kind import Kind, Look, Option, Options
from ..model import UNKNOWN, Finding, Limits, Observation
from ..thresholds import demand, judge
from ..units import words

# RFC 4330, 10: a client never asks more often than every 15 s.
_LEAST_POLL = 15.0
_MOST_SERVERS = 8
# A daemon turns the clock by at most 0.05 % (500 ppm) of the time that passes; what is beyond that and half a second is a jump.
_SLEW, _NOISE = 0.001, 0.5
_MOST_EVENTS = 50
_OPTIONS = (
    Option("source", "str", "Who is asked: NTP servers (ntp), chronyd (chrony) or the kernel's flag by timedatectl (systemd: it knows no"
           " offset); auto takes ntp where servers are given, else the first of the others that answers.", default="auto",
           choices=("auto", "ntp", "chrony", "systemd")),
    Option("servers", "list", "Names or addresses of NTP servers; the middle one of their answers counts.", default=()),
    Option("port", "int", "UDP port of the NTP servers.", default=123),
    Option("poll", "duration", "Time between two questions to the source; at looks in between its last answer counts.", default=64.0),
    Option("offset", "limits", "Difference to the right time, whichever way.", unit="s", default=Limits(0.1, 1.0)),
    Option("synchronized", "bool", "The clock has to be kept right by somebody (chrony and systemd know).", default=True),
    Option("jump", "limits", "A step of the clock against the time since boot, whichever way, within `jump_window`.", unit="s",
           default=Limits(5.0, 60.0)),
    Option("jump_window", "duration", "How long a jump counts; 0 counts one since the last look.", default=600.0),
)
_ADVICE = "See who keeps the clock: timedatectl; chronyc sources -v; systemctl status chrony systemd-timesyncd"


def refuse(options: Options) -> str | None:
    """Refuse a question without a server, too many of them, and asking too often."""
    if options["source"] == "ntp" and not options["servers"]:
        return "source is ntp, which needs servers."
    if options["servers"] and options["source"] not in ("auto", "ntp"):
        return f"servers have no meaning where source is {options['source']}."
    if len(options["servers"]) > _MOST_SERVERS:
        return f"servers has {len(options['servers'])} entries, expected at most {_MOST_SERVERS}."
    if not 0 < options["port"] < 65536:
        return f"port is {options['port']}, expected 1 to 65535."
    return f"poll is {words(options['poll'], 's')}, expected 15 s or more." if options["poll"] < _LEAST_POLL else None


def observe(options: Options, look: Look) -> Observation:
    """Compare the wall clock with the time since boot, and ask the source where it is time to, or where the clock has just jumped."""
    now = {"wall": look.system.now(), "up": look.system.uptime(), "boot": _boot(look)}
    same = look.memory.get("boot") == now["boot"]
    jump = _jump(look.memory, now) if same else 0.0
    jumps = [[at, size] for at, size in look.memory.get("jumps", []) if same and now["up"] - options["jump_window"] < at]
    jumps = ([*jumps, [now["up"], jump]] if jump else jumps)[-_MOST_EVENTS:]
    answer, asked = look.memory.get("answer"), look.memory.get("asked", 0.0)
    if not answer or not same or jump or now["up"] - asked >= options["poll"]:
        answer, asked = _ask(options, look), now["up"]
    values = {**answer, "jump": max((size for _at, size in jumps), key=abs, default=0.0)}
    return Observation(values, {**now, "jumps": jumps, "answer": answer, "asked": asked})


def _boot(look: Look) -> str:
    return (look.system.read("/proc/sys/kernel/random/boot_id") or b"").decode().strip()


def _jump(last: Mapping[str, Any], now: Mapping[str, Any]) -> float:
    passed = now["up"] - last["up"]
    shift: float = now["wall"] - last["wall"] - passed
    return shift if abs(shift) > _NOISE + _SLEW * passed else 0.0


def _ask(options: Options, look: Look) -> dict[str, Any]:
    """Return what the source says: its name, offset and whether the clock is kept right (None: it cannot say), or the problem."""
    if options["source"] == "ntp" or options["servers"]:
        return _ntp(options, look)
    asked = {"chrony": (_chrony,), "systemd": (_systemd,), "auto": (_chrony, _systemd)}[options["source"]]
    problems = []
    for source in asked:
        answer = source(look, look.timeout * 0.9 / len(asked))
        if "problem" not in answer:
            return answer
        problems.append(answer["problem"])
    return {"problem": "; ".join(problems)}


def _ntp(options: Options, look: Look) -> dict[str, Any]:
    answers = sntp.ask(options["servers"], options["port"], look.timeout * 0.9, look.system)
    good = {answer.offset: answer for answer in answers if not answer.error}
    if not good:
        return {"problem": "no time server can be asked: " + "; ".join(answer.error for answer in answers)}
    chosen = good[median_low(good)]
    return {"source": chosen.server, "offset": chosen.offset, "delay": chosen.delay, "synchronized": None, "answers": len(good)}


def _chrony(look: Look, seconds: float) -> dict[str, Any]:
    """``chronyc -c tracking``: comma-separated; 3rd the stratum, 5th the seconds the clock is off, 14th the leap status (chronyc(1))."""
    ended = look.system.bounded_run(["chronyc", "-n", "-c", "tracking"], seconds)
    fields = ended.out.strip().split(",")
    try:
        offset, leap = float(fields[4]), fields[13]
    except (IndexError, ValueError):
        return {"problem": ended.problem or f"chronyc: {(ended.out + ended.err).strip()[:200] or 'no answer'}"}
    kept = ended.rc == 0 and leap != "Not synchronised"
    return {"source": "chrony", "offset": offset if kept else None, "synchronized": kept}


def _systemd(look: Look, seconds: float) -> dict[str, Any]:
    ended = look.system.bounded_run(["timedatectl", "show", "-p", "NTPSynchronized", "--value"], seconds)
    said = ended.out.strip()
    if ended.rc != 0 or said not in ("yes", "no"):
        return {"problem": ended.problem or f"timedatectl: {(ended.err + ended.out).strip()[:200] or 'no answer'}"}
    return {"source": "the kernel", "offset": None, "synchronized": said == "yes"}


def decide(options: Options, values: Mapping[str, Any]) -> list[Finding]:
    """Kept right, near to the right time, and without a jump?"""
    findings = _right(options, values)
    good = values.get("synchronized")
    if good is not None:
        sentence = f"the clock is {'' if good else 'not '}synchronized, says {values['source']}"
        fine = good or not options["synchronized"]
        findings.append(demand("synchronized", fine, "yes" if good else "no", "yes", sentence, advice=_ADVICE))
    way = "backward" if values["jump"] < 0 else "forward"
    findings.append(judge("jump", abs(values["jump"]), options["jump"], "s", name=f"greatest jump of the clock ({way})",
                          advice="See who set the clock: journalctl -g 'time has been changed|stepped|Time jumped'"))
    return findings


def _right(options: Options, values: Mapping[str, Any]) -> list[Finding]:
    if "problem" in values:
        return [Finding("source", UNKNOWN, None, "a source of time", f"nobody can tell the right time: {values['problem']}",
                        advice="Install and start chrony, or name NTP servers that this host may ask (UDP port 123).")]
    if values["offset"] is None:
        return []
    # The sign of chronyc is another one in each of its forms.
    side = "by chrony" if values["source"] == "chrony" else f"({'behind' if values['offset'] > 0 else 'ahead of'} {values['source']})"
    return [judge("offset", abs(values["offset"]), options["offset"], "s", name=f"offset of the clock {side}", advice=_ADVICE)]


KIND = Kind(
    name="clock",
    text="The clock: its offset by NTP or chrony, whether it is kept right, and jumps against the time since boot.",
    options=_OPTIONS,
    observe=observe,
    decide=decide,
    refuse=refuse,
    example="""\
- name: clock
  kind: clock
  offset: {warn: 50ms, fail: 500ms}
- name: clock by the company's servers
  kind: clock
  servers: [ntp1.example.org, ntp2.example.org, ntp3.example.org]
  poll: 5m
""",
)
