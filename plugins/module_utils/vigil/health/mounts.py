# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Mounted file systems: /proc/self/mountinfo and /etc/fstab as values. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from fnmatch import fnmatchcase

# Views of the kernel, of memory, or of an image that is full by nature. Whatever is not in here counts as real, so that a new kind of
# file system is seen rather than missed. An autofs would be mounted by asking for it.
NOT_REAL = frozenset((
    "autofs", "binfmt_misc", "bpf", "cgroup", "cgroup2", "configfs", "cramfs", "debugfs", "devpts", "devtmpfs", "efivarfs", "erofs",
    "fusectl", "hugetlbfs", "iso9660", "mqueue", "nsfs", "overlay", "proc", "pstore", "ramfs", "rpc_pipefs", "securityfs",
    "selinuxfs", "smackfs", "squashfs", "sysfs", "tmpfs", "tracefs", "udf", "fuse.lxcfs", "fuse.gvfsd-fuse", "fuse.portal",
    "fuse.snapfuse", "fuse.squashfuse", "swap",
))


@dataclass(frozen=True)
class Mount:
    """A mounted file system. ``read_only`` is the mount's own flag, ``frozen`` the file system's (the kernel sets it after errors)."""

    point: str
    fstype: str
    device: str
    source: str
    root: str = "/"
    read_only: bool = False
    frozen: bool = False


@dataclass(frozen=True)
class Wanted:
    """A line of fstab that asks for a mount."""

    point: str
    fstype: str
    read_only: bool
    automatic: bool
    needed: bool


def parse_mounts(text: str) -> list[Mount]:
    """Read /proc/self/mountinfo (proc_pid_mountinfo(5)); of mounts over each other the last one, which is the one that is seen."""
    found: dict[str, Mount] = {}
    for line in text.splitlines():
        left, _dash, right = line.partition(" - ")
        before, after = left.split(" "), right.split(" ")
        if len(before) >= 6 and len(after) >= 3:
            point = _plain(before[4])
            found.pop(point, None)
            found[point] = Mount(point, after[0], before[2], _plain(after[1]), _plain(before[3]), "ro" in before[5].split(","),
                                 "ro" in after[2].split(","))
    return list(found.values())


def parse_fstab(text: str) -> dict[str, Wanted]:
    """Read /etc/fstab (fstab(5)): what is wanted at each mount point; swap and ``none`` are left out."""
    wanted = {}
    for line in text.splitlines():
        words = line.split()
        if len(words) >= 3 and not words[0].startswith("#") and words[1].startswith("/"):
            options = words[3].split(",") if len(words) > 3 else []
            automatic = not {"noauto", "x-systemd.automount", "bind", "rbind"} & set(options)
            point = _plain(words[1]).rstrip("/") or "/"
            wanted[point] = Wanted(point, words[2], "ro" in options, automatic, "nofail" not in options)
    return wanted


def real(mounts: Iterable[Mount], fstypes: Iterable[str], exclude: Iterable[str]) -> list[Mount]:
    """Return the mounts that hold data, each device once (at its root, else at the shortest path). ``/`` always counts.

    ``fstypes`` chooses the types in place of the default, ``exclude`` are patterns of mount points.
    """
    types, patterns = set(fstypes), tuple(exclude)
    chosen: dict[str, Mount] = {}
    for mount in mounts:
        wanted = mount.fstype in types if types else mount.fstype not in NOT_REAL or mount.point == "/"
        if wanted and not matches(mount.point, patterns):
            other = chosen.get(mount.device)
            if other is None or _rank(mount) < _rank(other):
                chosen[mount.device] = mount
    return list(chosen.values())


def matches(point: str, patterns: Iterable[str]) -> bool:
    """Return whether one of the shell patterns matches the mount point."""
    return any(fnmatchcase(point, pattern) for pattern in patterns)


def holder(path: str, mounts: Iterable[Mount]) -> Mount | None:
    """Return the mount in which a path lies: the one with the longest mount point above it."""
    above = [mount for mount in mounts if path == mount.point or path.startswith(mount.point.rstrip("/") + "/")]
    return max(above, key=lambda mount: len(mount.point), default=None)


def _rank(mount: Mount) -> tuple[bool, int]:
    return mount.root != "/", len(mount.point)


def _plain(text: str) -> str:
    """Space, tab, newline and backslash are written as three octal digits."""
    return re.sub(r"\\([0-7]{3})", lambda form: chr(int(form.group(1), 8)), text)
