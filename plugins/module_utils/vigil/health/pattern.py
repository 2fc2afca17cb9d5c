# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Search a long text for a pattern as people write them. Pure."""

from __future__ import annotations

import re

# Without a sign behind it that would give the star another meaning.
_BEGINNING = re.compile(r"(?:\.\*\??(?![*+?{]))+")


def search(pattern: str, text: str) -> re.Match[str] | None:
    """Search as ``re.search`` does, but ``.*word`` like ``word``: the two find the same texts.

    In a line of a megabyte without the word, the first takes an hour, in which no other thread of this process runs. What a person writes
    that is slow in other ways is slow here too.
    """
    return re.search(_BEGINNING.sub("", pattern, count=1) if _BEGINNING.match(pattern) else pattern, text)
