# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``disk``: is there room in the file systems, may they be written, are they there, do they answer?"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..kind import Kind, Look, Option, Options
from ..model import FAIL, PASS, STATES, UNKNOWN, WARN, CannotTell, Finding, Limits, Observation
from ..mounts import NOT_REAL, Mount, Wanted, holder, matches, parse_fstab, parse_mounts, real
from ..stuck import Stuck, within
from ..thresholds import demand, judge

_MOST_LOOKED_AT = 200
_MOST_FINDINGS = 20
_OPTIONS = (
    Option("paths", "list", "Paths whose file systems are looked at, or `all`: all that hold data or that fstab mounts.",
           default=("all",)),
    Option("fstypes", "list", "With `all`: only these types, in place of all but tmpfs, overlay, squashfs and the like.", default=()),
    Option("exclude", "list", "With `all`: shell patterns of mount points that are left out.", default=()),
    Option("used", "limits", "Space in use, of what an ordinary user may use: the percentage of df.", unit="%", default=Limits(85.0, 95.0)),
    Option("free", "limits", "Space left for an ordinary user (blocks reserved for root are not free).", unit="bytes", worse="below",
           default=Limits()),
    Option("inodes", "limits", "Inodes in use, where the file system has a fixed number of them.", unit="%", default=Limits(85.0, 95.0)),
    Option("read_only", "str", "When a file system that is mounted read-only fails: `unexpected` (fstab wants it writable, or the kernel"
           " made it read-only after errors), `always` or `never`.", default="unexpected", choices=("unexpected", "always", "never")),
    Option("mounted", "bool", "Each of the paths has to be a mount point itself.", default=False),
)


def refuse(options: Options) -> str | None:
    """Refuse paths that are not absolute, and options that only `all` has."""
    paths = options["paths"]
    wrong = [path for path in paths if path != "all" and not path.startswith("/")]
    if not paths or wrong or ("all" in paths and len(paths) > 1):
        return f"paths is {list(paths)}, expected absolute paths, or all."
    if "all" not in paths and (options["fstypes"] or options["exclude"]):
        return "fstypes and exclude choose among all file systems; they have no meaning beside paths."
    return "mounted needs paths: which of all have to be there says fstab." if "all" in paths and options["mounted"] else None


def observe(options: Options, look: Look) -> Observation:
    """Read the table of mounts, then ask each file system, each in a thread that is left behind where the kernel holds it."""
    deadline = look.system.monotonic() + look.timeout * 0.9
    table = look.system.read("/proc/self/mountinfo")
    if table is None:
        raise CannotTell("/proc/self/mountinfo is not there", "This kind needs a Linux host with /proc mounted.")
    mounts, fstab = parse_mounts(table.decode(errors="surrogateescape")), parse_fstab(_text(look, "/etc/fstab"))
    outer = {mount.point: mount for mount in parse_mounts(_text(look, "/proc/1/mountinfo"))}
    places = _places(options, mounts, fstab)
    seen = [{**_ask(path, mounts, _share(deadline - look.system.monotonic(), len(places) - index)), **_asked(fstab.get(path))}
            for index, path in enumerate(places[:_MOST_LOOKED_AT])]
    for one in seen:
        one.update(_flags(holder(one.get("point", ""), mounts), outer, fstab))
    with_blocks = [one for one in seen if one.get("size", 1) or not one["mounted"]]
    return Observation({"file_systems": with_blocks, "left_out": max(0, len(places) - _MOST_LOOKED_AT)})


def _text(look: Look, path: str) -> str:
    """A file that not everybody may read; its absence is no news."""
    try:
        return (look.system.read(path) or b"").decode(errors="surrogateescape")
    except OSError:
        return ""


def _places(options: Options, mounts: Sequence[Mount], fstab: Mapping[str, Wanted]) -> list[str]:
    if options["paths"] != ("all",):
        return list(options["paths"])
    there = {mount.point for mount in mounts}
    kept = [mount.point for mount in real(mounts, options["fstypes"], options["exclude"])]
    lost = [one.point for one in fstab.values() if one.automatic and one.point not in there
            and (one.fstype in options["fstypes"] if options["fstypes"] else one.fstype not in NOT_REAL)]
    return kept + [point for point in lost if not matches(point, options["exclude"])]


def _share(left: float, waiting: int) -> float:
    """Half of what is left for one that hangs, so that those after it are asked too; all of it for the last."""
    return max(0.01, left if waiting <= 1 else left / 2)


def _ask(path: str, mounts: Sequence[Mount], seconds: float, statvfs: Callable[[str], os.statvfs_result] = os.statvfs) -> dict[str, Any]:
    """Return what is known of the file system below a path."""
    shown: dict[str, Any] = {"path": path.encode(errors="surrogateescape").decode(errors="replace"), "mounted": False}
    try:
        inside, seen = within(path, seconds, lambda: (os.path.realpath(path), statvfs(path)))
    except Stuck as error:
        return {**shown, "error": str(error), "mounted": True}
    except PermissionError as error:
        return {**shown, "denied": error.strerror, "mounted": True}
    except OSError as error:
        return {**shown, "error": error.strerror or str(error), "mounted": not isinstance(error, FileNotFoundError)}
    mount = holder(inside, mounts)
    return {
        **shown, "point": mount.point if mount else "", "mounted": mount is not None and mount.point == inside,
        "size": seen.f_blocks * seen.f_frsize, "left": seen.f_bfree * seen.f_frsize, "free": seen.f_bavail * seen.f_frsize,
        "inodes": seen.f_files, "inodes_free": seen.f_ffree,
    }


def _asked(wanted: Wanted | None) -> dict[str, bool]:
    return {"asked": wanted is not None and wanted.automatic, "needed": wanted is None or wanted.needed}


def _flags(mount: Mount | None, outer: Mapping[str, Mount], fstab: Mapping[str, Wanted]) -> dict[str, Any]:
    """Is it read-only, and why ought it not to be?

    The flag of a mount counts only as process 1 sees it: a hardened service sees everything read-only, and is no measure for the host.
    """
    if mount is None:
        return {"read_only": False, "unexpected": ""}
    flag = mount.point in outer and outer[mount.point].read_only
    wanted = fstab.get(mount.point)
    why = "fstab wants it writable" if wanted and not wanted.read_only else ""
    if mount.frozen and not mount.read_only:
        why = "the kernel made it so, as it does after errors"
    return {"read_only": mount.frozen or flag, "unexpected": why}


def decide(options: Options, values: Mapping[str, Any]) -> list[Finding]:
    """Judge each file system, the worst and fullest first; of more than 20 findings the rest is counted."""
    findings = [finding for one in values["file_systems"] for finding in _judge(options, one)]
    if values["left_out"]:
        words = f"{values['left_out']} file systems were not looked at; a look takes the first {_MOST_LOOKED_AT}"
        findings.append(Finding("left_out", UNKNOWN, values["left_out"], "all looked at", words, advice="Choose with fstypes and exclude."))
    findings.sort(key=lambda one: (STATES.index(one.state), one.what != "used", -float(one.value or 0) if one.what == "used" else 0.0))
    more = len(findings) - _MOST_FINDINGS
    if more > 0:
        state = findings[_MOST_FINDINGS - 1].state
        words = f"{more + 1} more findings, none of them worse"
        rest = Finding("more", state, more + 1, "", words, advice="" if state == PASS else "df -h")
        findings[_MOST_FINDINGS - 1:] = [rest]
    return findings


def _judge(options: Options, one: Mapping[str, Any]) -> list[Finding]:
    path = one["path"]
    if not one["mounted"] and (options["mounted"] or (one["asked"] and options["paths"] == ("all",))):
        return [demand("mounted", False, "not mounted", "mounted", f"nothing is mounted at {path}",
                       advice=f"mount {path}; journalctl -b -g mount", state=FAIL if one["needed"] else WARN)]
    if "denied" in one:
        return [Finding("answers", UNKNOWN, None, "an answer", f"{path} may not be looked at: {one['denied']}",
                        advice="Give the checker's user the right to enter the folders above it.")]
    if "error" in one:
        return [demand("answers", False, one["error"], "an answer", f"the file system of {path} cannot be asked: {one['error']}",
                       advice=f"See what is mounted there and whether its server answers: findmnt -T {path}; dmesg -T | tail")]
    return [*_room(options, one), *_writable(options, one)]


def _room(options: Options, one: Mapping[str, Any]) -> list[Finding]:
    path, used = one["path"], one["size"] - one["left"]
    findings = [
        judge("used", _percent(used, used + one["free"]), options["used"], "%", name=f"used space of {path}",
              advice=f"See what fills it: du -xh --max-depth=2 {path} | sort -h | tail; lsof +L1 names deleted files still open."),
        judge("free", one["free"], options["free"], "bytes", name=f"free space of {path}", advice=f"df -h {path}"),
    ]
    if one["inodes"]:
        share = _percent(one["inodes"] - one["inodes_free"], one["inodes"])
        findings.append(judge("inodes", share, options["inodes"], "%", name=f"share of used inodes of {path}",
                              advice=f"See which folder holds so many files: du --inodes -x {path} | sort -n | tail"))
    return findings


def _percent(part: float, whole: float) -> float:
    """Where nothing is left and nothing was used either, all of it is reserved (df prints a dash): that is full."""
    return 100.0 * part / whole if whole else 100.0


def _writable(options: Options, one: Mapping[str, Any]) -> list[Finding]:
    path, rule = one["path"], options["read_only"]
    why = one["unexpected"] if rule == "unexpected" else "it has to be writable"
    bad = one["read_only"] and rule != "never" and bool(why)
    if not bad:
        return [Finding("read_only", PASS, "ro" if one["read_only"] else "rw", "", f"{path} is {'ro' if one['read_only'] else 'rw'}")]
    return [demand("read_only", False, "ro", "rw", f"{path} is mounted read-only, and {why}",
                   advice=f"See the kernel's reason before you remount it: dmesg -T | grep -iE 'error|remount'; findmnt {one['point']}")]


KIND = Kind(
    name="disk",
    text="File systems: space and inodes in use, read-only mounts, missing mounts, and mounts that no longer answer (a lost NFS server).",
    options=_OPTIONS,
    observe=observe,
    decide=decide,
    refuse=refuse,
    example="""\
- name: disks
  kind: disk
  used: {warn: 80%, fail: 90%}
  exclude: [/media/*]
- name: backup disk
  kind: disk
  paths: [/srv/backup]
  mounted: true
  free: {warn: 50GiB, fail: 10GiB}
""",
)
