# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What short messages have in common: numbers, and how much text fits into how many parts. Pure."""

from __future__ import annotations

import re

from .channel import Message
from .text import body, utf16

# 3GPP TS 23.038, 6.2.1: the default alphabet of 7 bits, and the characters of its extension, which take two.
_GSM = frozenset("@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
                 "abcdefghijklmnopqrstuvwxyzäöñüà")
_GSM_TWO = frozenset("^{}\\[~]|€")
_NUMBER = re.compile(r"\+[1-9][0-9]{6,14}")


def wrong_number(number: str) -> str | None:
    """Return a sentence where this is no number in international form (E.164), else None."""
    return None if _NUMBER.fullmatch(number) else f"{number[:40]!r} was found, expected a number such as +8613800000000"


def room(text: str, segments: int) -> int:
    """Return how many units fit: 160, or 153 a part, of septets, else 70 or 67 of UCS-2 (3GPP TS 23.040, 9.2.3.24.1)."""
    one, many = (160, 153) if is_gsm(text) else (70, 67)
    return one if segments == 1 else many * segments


def is_gsm(text: str) -> bool:
    """Return whether the text needs no UCS-2."""
    return all(character in _GSM or character in _GSM_TWO for character in text)


def units(text: str) -> int:
    """Return the length in septets, or in units of UTF-16 where a character needs them."""
    return _septets(text) if is_gsm(text) else utf16(text)


def _septets(text: str) -> int:
    """The ellipsis is written as three dots."""
    return sum(2 if character in _GSM_TWO else 3 if character == "…" else 1 for character in text)


def short_text(message: Message, segments: int) -> str:
    """Return title, text and link in at most so many parts."""
    whole = body(message, 10000).replace("…", "...")
    if is_gsm(whole) and units(whole) <= room(whole, segments):
        return whole
    if is_gsm(whole):
        return body(message, room(whole, segments), size=_septets).replace("…", "...")
    return body(message, room(whole, segments), size=utf16)
