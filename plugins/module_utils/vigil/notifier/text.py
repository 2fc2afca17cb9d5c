# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Text for channels: cleaned, cut to a provider's limit between characters, filled into templates. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping

from .channel import Message

Escape = Callable[[str], str]
Size = Callable[[str], int]

_MORE = "…"
# Characters of a field that a template names: text and link, and all others.
_TEXT, _FIELD = 4000, 300
_PLACEHOLDER = re.compile(r"\{([a-z_]+(?:\.[A-Za-z_][A-Za-z0-9_]*)?)\}")
FIELDS = ("id", "status", "severity", "language", "title", "text", "url", "count", "at", "recipient", "secret")
# Characters that belong to the one before them: joiners and variation selectors, beside the combining marks.
_JOINERS = ("\u200d", "\ufe0e", "\ufe0f")


def scrub(text: str) -> str:
    """Return text without what no provider may get: controls but line ends and tabs, direction marks, halves of surrogate pairs."""
    whole = text.replace("\r\n", "\n").replace("\r", "\n")
    return "".join(_scrubbed(character) for character in whole)


def _scrubbed(character: str) -> str:
    if character in "\n\t":
        return character
    kind = unicodedata.category(character)
    if kind == "Cs":
        return "\ufffd"
    # Joiners of scripts and emoji are of the same kind as the marks that turn the direction of writing.
    return " " if kind == "Cc" or (kind == "Cf" and character not in "\u200c\u200d") or character in "\u2028\u2029" else character


def one_line(text: str, limit: int) -> str:
    """Return one printable line of at most ``limit`` characters."""
    return fit(" ".join(scrub(text).split()), limit)


def utf8(text: str) -> int:
    """Return the length in bytes."""
    return len(text.encode("utf-8", "replace"))


def utf16(text: str) -> int:
    """Return the length in units of UTF-16, as Telegram and UCS-2 count."""
    return len(text.encode("utf-16-le", "replace")) // 2


def fit(text: str, limit: int, escape: Escape = str, size: Size = len) -> str:
    """Return the escaped text, cut so that its size is at most ``limit``; an ellipsis says that it was cut.

    ``escape`` is applied to one character after the other, so that no escape is ever cut. A space in the last fifth is where it is cut.
    """
    pieces = [escape(character) for character in text]
    if sum(map(size, pieces)) <= limit:
        return "".join(pieces)
    room = limit - size(_MORE)
    count = 0
    for piece in pieces:
        room -= size(piece)
        if room < 0:
            break
        count += 1
    count = _boundary(text, count)
    return "".join(pieces[:count]).rstrip() + _MORE if limit >= size(_MORE) else ""


def _boundary(text: str, count: int) -> int:
    """Return where to cut at or before ``count``: behind a word where one ends near, never inside of what is seen as one character."""
    space = max(text.rfind(" ", 0, count + 1), text.rfind("\n", 0, count + 1))
    if space >= count * 4 // 5 and space > 0:
        return space
    while 0 < count < len(text) and (_joined(text[count]) or text[count - 1] == "\u200d"):
        count -= 1
    return count


def _joined(character: str) -> bool:
    return unicodedata.category(character) in ("Mn", "Me") or character in _JOINERS


def body(message: Message, limit: int, escape: Escape = str, size: Size = len, title: bool = True) -> str:
    """Return title, text and link as lines; the text gives way where all of it is too long, then the link is left out."""
    head = fit(" ".join(scrub(message.title).split()), min(limit, 300), escape, size) if title else ""
    link = "".join(map(escape, " ".join(scrub(message.url).split())))
    if link and size(head) + size(link) + 2 > limit:
        link = ""
    room = limit - size(head) - size(link) - (1 if head else 0) - (1 if link else 0)
    middle = fit(scrub(message.text).strip(), room, escape, size) if room > 0 else ""
    return "\n".join(part for part in (head, middle, link) if part)


def unknown_placeholder(template: str, more: tuple[str, ...] = ()) -> str | None:
    """Return a sentence where a template names what no message has, else None."""
    for name in _PLACEHOLDER.findall(template):
        if name not in FIELDS + more and not name.startswith("label."):
            return f"{{{name}}} is no field of a message; there are {', '.join(FIELDS)} and label.<name>"
    return None


def fill(template: str, values: Mapping[str, str], escape: Escape = str) -> str:
    """Put values into ``{name}``, each escaped; the template's own text is not. Nothing is computed. A name without a value is empty."""
    return _PLACEHOLDER.sub(lambda found: "".join(map(escape, values.get(found.group(1), ""))), template)


def fields(message: Message, recipient: str = "", secret: str = "") -> dict[str, str]:
    """Return what a template may name, cleaned and bounded."""
    found = {name: fit(scrub(str(getattr(message, name))), _TEXT if name in ("text", "url") else _FIELD) for name in FIELDS[:7]}
    labels = {f"label.{name}": fit(scrub(value), _FIELD) for name, value in message.labels.items()}
    return {**labels, **found, "count": str(message.count), "at": str(int(message.at)), "recipient": recipient, "secret": secret}
