# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""XID errors of NVIDIA's driver in the kernel's log: from /dev/kmsg (CAP_SYSLOG), else from the journal (group systemd-journal)."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from typing import Any

from ..system import System

# NVIDIA, "XID Errors": NVRM: Xid (PCI:0000:3b:00): 79, pid=1234, GPU has fallen off the bus.
_XID = re.compile(r"NVRM: Xid \((?:PCI:)?([0-9A-Fa-f:.]+)\): (\d+)(?:, )?(.*)")
_MOST_RECORDS = 100_000
_TEXT = 120


def read_xids(system: System, within: float, timeout: float, kmsg: str = "/dev/kmsg") -> list[dict[str, Any]] | None:
    """Return the XID errors of the last ``within`` seconds as bus, code, age (seconds) and text; None where no log may be read."""
    try:
        records = _kernel_records(kmsg)
    except OSError:
        return _from_journal(system, within, timeout)
    found = from_records(records, system.monotonic())
    return [xid for xid in found if xid["age"] <= within]


def from_records(records: Iterable[str], now: float) -> list[dict[str, Any]]:
    """Read records of /dev/kmsg (Documentation/ABI/testing/dev-kmsg): "priority,number,microseconds since boot,flags;text". Pure."""
    found = []
    for record in records:
        head, _semicolon, text = record.partition(";")
        match = _XID.search(text)
        if match:
            found.append(_xid(match, max(0.0, now - int(head.split(",")[2]) / 1e6)))
    return found


def from_journal(text: str, now: float) -> list[dict[str, Any]]:
    """Read lines of journalctl -o short-unix: "seconds since the epoch host kernel: text". Pure."""
    found = []
    for line in text.splitlines():
        moment, match = re.match(r"(\d+\.\d+) ", line), _XID.search(line)
        if moment and match:
            found.append(_xid(match, max(0.0, now - float(moment.group(1)))))
    return found


def _xid(match: re.Match[str], age: float) -> dict[str, Any]:
    return {"bus": match.group(1), "code": int(match.group(2)), "text": match.group(3).strip()[:_TEXT], "age": age}


def _kernel_records(path: str) -> list[str]:
    """Only those that speak of an XID: each read is one record, and there may be thousands."""
    found: list[str] = []
    handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        for _record in range(_MOST_RECORDS):
            try:
                record = os.read(handle, 8192)
            except BrokenPipeError:  # it was overwritten while we read
                continue
            except BlockingIOError:
                break
            if not record:
                break
            if b"NVRM: Xid" in record:
                found.append(record.decode(errors="replace"))
    finally:
        os.close(handle)
    return found


def _from_journal(system: System, within: float, timeout: float) -> list[dict[str, Any]] | None:
    """Where journalctl says anything beside, it hints that it may not see the kernel's messages."""
    ran = system.bounded_run(
        ["journalctl", "-k", "--no-pager", "-o", "short-unix", f"--since=-{max(1, int(within))}s", "--grep=NVRM: Xid"], timeout, keep=2**20)
    if ran.err.strip() or ran.rc not in (0, 1) or (ran.rc == 1 and "No entries" not in ran.out):
        return None
    return [xid for xid in from_journal(ran.out, system.now()) if xid["age"] <= within]
