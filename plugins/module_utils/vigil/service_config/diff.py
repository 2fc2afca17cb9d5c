# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes for an operator to read: secrets hidden, binary and very long files described."""

from __future__ import annotations

from ..files import Mask
from .decide import Change
from .observe import Observed

LONGEST = 128 * 1024


def diff_of(changes: tuple[Change, ...], seen: Observed, edited: tuple[str, ...], mask: Mask) -> list[dict[str, str]]:
    """Return the changes in the form that ansible prints with ``--diff``."""
    return [_one(change, edited, mask) for change in changes]


def _one(change: Change, edited: tuple[str, ...], mask: Mask) -> dict[str, str]:
    before = after = change.path
    if change.path in edited:
        before += " (edited by hand)"
    if change.kind == "remove":
        after += f" (removed: {change.reason})"
    if change.kind == "attributes":
        return {"before_header": before, "after_header": after, "before": "", "after": change.reason + "\n"}
    if change.file and change.seen.kind == "file" and change.seen.mode != change.file.mode:
        after += f" (mode {change.seen.mode:04o} becomes {change.file.mode:04o})"
    old = _shown(change.seen.content, change.secret, mask) if change.seen.kind == "file" else ""
    new = _shown(change.file.content, change.secret, mask) if change.file else ""
    if old == new and change.kind == "change":
        new = new.rstrip("\n") + ", changed\n" if change.secret else new.rstrip("\n") + "\n(changed where it is hidden)\n"
    return {"before_header": before, "after_header": after, "before": old, "after": new}


def _shown(content: bytes, secret: bool, mask: Mask) -> str:
    if secret:
        return f"secret, {len(content)} bytes\n"
    if len(content) > LONGEST:
        return f"{len(content)} bytes, too long to show\n"
    try:
        text = content.decode()
    except UnicodeDecodeError:
        return f"binary, {len(content)} bytes\n"
    return f"binary, {len(content)} bytes\n" if "\0" in text else mask(text)
