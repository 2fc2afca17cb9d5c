# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``memory``: what is available, what is swapped out, and whom the kernel killed for want of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..kind import Kind, Look, Option, Options
from ..model import PASS, CannotTell, Finding, Limits, Observation
from ..thresholds import judge

_MOST_EVENTS = 100
# A cgroup without a limit: "max" in version 2, a number near 2**63 in version 1.
_NO_LIMIT = 2.0**60
_OPTIONS = (
    Option("available", "limits", "Memory that new work can have without swapping (MemAvailable), of all memory.", unit="%", worse="below",
           default=Limits(10.0, 5.0)),
    Option("available_bytes", "limits", "The same in bytes.", unit="bytes", worse="below", default=Limits()),
    Option("swap", "limits", "Swap in use. A host without swap uses none.", unit="%", default=Limits()),
    Option("oom_kills", "limits", "Processes that the kernel killed for want of memory within `oom_window`.", default=Limits(1.0, None)),
    Option("oom_window", "duration", "How long a kill counts; 0 counts those since the last look.", default=600.0),
    Option("cgroup", "str", "A control group whose own limit is looked at too, such as /system.slice/nginx.service, or self.", default=""),
    Option("cgroup_used", "limits", "Memory in use in the control group (without file cache that can be dropped), of its limit.", unit="%",
           default=Limits(85.0, 95.0)),
)
_WHO = "See who uses it: ps -eo rss,pid,user,args --sort=-rss | head"


def refuse(options: Options) -> str | None:
    """Refuse a control group that is no path."""
    group = options["cgroup"]
    if group in ("", "self") or (group.startswith("/") and ".." not in group.split("/")):
        return None
    return f"cgroup is {group!r}, expected a path that begins with / below /sys/fs/cgroup, or self."


def observe(options: Options, look: Look) -> Observation:
    """Read /proc/meminfo, the count of kills, and the control group."""
    info = _numbers(_need(look, "/proc/meminfo").replace(":", ""))
    if "MemAvailable" not in info or not info.get("MemTotal"):
        raise CannotTell("/proc/meminfo has no MemAvailable", "This kind needs Linux 3.14 or newer.")
    values = {"total": info["MemTotal"] * 1024, "available": info["MemAvailable"] * 1024,
              "swap_total": info.get("SwapTotal", 0) * 1024, "swap_free": info.get("SwapFree", 0) * 1024}
    group = _group(options["cgroup"], look) if options["cgroup"] else {}
    kills = group.pop("kills", None) if group else _numbers(_need(look, "/proc/vmstat")).get("oom_kill")
    memory = _remember(look, kills, options["oom_window"])
    return Observation({**values, **group, "kills": sum(count for _at, count in memory["events"])}, memory)


def _need(look: Look, path: str) -> str:
    try:
        text = look.system.read(path)
    except OSError as error:
        raise CannotTell(f"{path} cannot be read: {error.strerror}", "Give the checker's user the right to read it.")
    if text is None:
        raise CannotTell(f"{path} is not there", "This kind needs a Linux host with /proc mounted; a stopped unit has no control group.")
    return text.decode(errors="replace")


def _numbers(text: str) -> dict[str, int]:
    """Lines of a name and a number."""
    pairs = (line.split() for line in text.splitlines())
    return {words[0]: int(words[1]) for words in pairs if len(words) >= 2 and words[1].isdigit()}


def _remember(look: Look, kills: int | None, window: float) -> dict[str, Any]:
    """Kills by when they were noticed, on the clock since boot: both start anew with the machine."""
    now, last = look.system.monotonic(), look.memory.get("count")
    events = [[at, count] for at, count in look.memory.get("events", []) if window and now - window < at <= now]
    if kills is not None and last is not None and kills > last:
        events.append([now, kills - last])
    return {"count": kills, "events": events[-_MOST_EVENTS:]}


def _group(name: str, look: Look) -> dict[str, Any]:
    """Read a control group of either version: what it uses, its limit in bytes (None: it has none), how many were killed in it."""
    for folder, limit, used, cache, kills in (
        (_folder(name, look, ""), "memory.max", "memory.current", "inactive_file", "memory.events"),
        (_folder(name, look, "memory"), "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file", "memory.oom_control"),
    ):
        text = look.system.read(f"{folder}/{limit}")
        if text is not None:
            most = float(text) if text.strip().isdigit() else _NO_LIMIT
            dropped = _numbers(_need(look, f"{folder}/memory.stat")).get(cache, 0)
            return {"group": name, "group_limit": most if most < _NO_LIMIT else None,
                    "group_used": max(0, int(_need(look, f"{folder}/{used}")) - dropped),
                    "kills": _numbers(_need(look, f"{folder}/{kills}")).get("oom_kill")}
    raise CannotTell(f"the control group {name} has no memory controller, or is not there",
                     "See its name with systemctl show -p ControlGroup UNIT; the root group has no limit of its own.")


def _folder(name: str, look: Look, controller: str) -> str:
    base = f"/sys/fs/cgroup/{controller}".rstrip("/")
    if name != "self":
        return base + name.rstrip("/")
    lines = [line.split(":", 2) for line in _need(look, "/proc/self/cgroup").splitlines()]
    return base + next((path for _id, names, path in lines if names.split(",") == [controller]), "/").rstrip("/")


def decide(options: Options, values: Mapping[str, Any]) -> list[Finding]:
    """Available, swapped, killed, and the share of the control group's limit."""
    share = 100.0 * values["available"] / values["total"]
    swapped = values["swap_total"] - values["swap_free"]
    findings = [
        judge("available", share, options["available"], "%", name="available memory", advice=_WHO),
        judge("available_bytes", values["available"], options["available_bytes"], "bytes", name="available memory", advice=_WHO),
        judge("swap", 100.0 * swapped / values["swap_total"] if values["swap_total"] else 0.0, options["swap"], "%", name="used swap",
              advice="See who is swapped out: grep VmSwap /proc/[0-9]*/status | sort -n -k 2 | tail"),
        judge("oom_kills", values["kills"], options["oom_kills"], name="number of processes the kernel killed for want of memory",
              advice="See which ones: journalctl -k -g 'Killed process'"),
    ]
    return findings + ([_group_finding(options, values)] if "group" in values else [])


def _group_finding(options: Options, values: Mapping[str, Any]) -> Finding:
    name, limit = values["group"], values["group_limit"]
    if limit is None:
        return Finding("cgroup_used", PASS, values["group_used"], "", f"the control group {name} has no limit of its own", "bytes")
    share = 100.0 * values["group_used"] / limit if limit else 100.0
    return judge("cgroup_used", share, options["cgroup_used"], "%", name=f"share of its memory limit that the control group {name} uses",
                 advice="See what runs in it (systemd-cgtop -m), or raise its limit (MemoryMax=).")


KIND = Kind(
    name="memory",
    text="Memory: available, swapped out, and processes that the kernel killed for want of it; of a control group too where one is named.",
    options=_OPTIONS,
    observe=observe,
    decide=decide,
    refuse=refuse,
    example="""\
- name: memory
  kind: memory
  available: {warn: 15%, fail: 5%}
  swap: {warn: 50%}
- name: memory of the web server
  kind: memory
  cgroup: /system.slice/nginx.service
  cgroup_used: {warn: 80%, fail: 95%}
""",
)
