# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read what a unit wrote to the journal since the last look, by the journal's own cursor."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ..system import System
from .model import CannotTell

Take = Callable[[bytes], None]
_RIGHTS = "Add the checker's user to the group systemd-journal."


@dataclass(frozen=True)
class Entries:
    """What a look read: where to go on, and whether the place of the last one is gone from the journal."""

    cursor: str
    lost: bool = False
    more: bool = False


def follow(unit: str, cursor: str, since: float, limit: int, timeout: float, system: System, take: Take) -> Entries:
    """Hand every message since ``cursor``, or since a time (epoch) where there is none yet, to ``take``. Raises CannotTell."""
    place = [f"--after-cursor={cursor}"] if cursor else [f"--since=@{since:.6f}"]
    argv = ["journalctl", "--no-pager", f"--unit={unit}", "--output=json", "--output-fields=MESSAGE", *place]
    ended = system.bounded_run(argv, timeout, keep=limit)
    if cursor and ended.rc and "cursor" in ended.err.lower():
        return Entries("", lost=True)
    words = ended.err.strip()
    if "insufficient permissions" in words or "not seeing messages" in words or "Permission denied" in words:
        raise CannotTell(f"the journal may not be read: {words.splitlines()[-1][:200]}", _RIGHTS)
    if ended.rc != 0 and not (ended.timed_out and ended.out):
        raise CannotTell(f"journalctl failed: {ended.problem or words[:200] or f'exit code {ended.rc}'}", f"Try it: journalctl -u {unit}")
    whole = ended.out[: ended.out.rfind("\n") + 1]
    return Entries(_hand_over(whole, take) or cursor, more=ended.out_bytes > len(ended.out.encode()) or ended.timed_out)


def _hand_over(text: str, take: Take) -> str:
    cursor = ""
    for line in text.splitlines():
        try:
            entry = json.loads(line)
        except ValueError:
            continue
        cursor = str(entry.get("__CURSOR") or cursor)
        for part in _message(entry.get("MESSAGE")).split(b"\n"):
            take(part)
    return cursor


def _message(message: Any) -> bytes:
    """Text; or a list of bytes where it is none; or nothing where it was too long for journalctl."""
    if isinstance(message, str):
        return message.encode(errors="replace")
    if isinstance(message, list) and all(isinstance(byte, int) and 0 <= byte < 256 for byte in message):
        return bytes(message)
    return b""
