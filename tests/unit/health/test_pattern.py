# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A pattern finds what re.search finds, and sooner."""

from __future__ import annotations

import re
import time

from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.pattern import search
from hypothesis import given
from hypothesis import strategies as st

PARTS = st.lists(st.sampled_from([".*", ".*?", "a", "b", "a+", "$", "^", "|", "(?:a|b)", ".*{1}", "\\n", r"\.*"]), max_size=6).map("".join)


def test_a_long_line_takes_no_time() -> None:
    began = time.monotonic()
    assert search(".*ready.*", "x" * 1_000_000) is None
    assert search(".*.*?ready", "x" * 1_000_000 + "ready")
    assert time.monotonic() - began < 1


@given(PARTS, st.text("ab\n.", max_size=20))
def test_it_finds_what_re_finds(pattern: str, text: str) -> None:
    try:
        wanted = re.search(pattern, text)
    except re.error:
        return
    assert (search(pattern, text) is None) == (wanted is None)
