# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Words for the journal."""

from __future__ import annotations

import sys
import time

# The levels of syslog; journald reads them from the front of a line.
ERROR, WARNING, INFO = 3, 4, 6


def say(level: int, words: str) -> None:
    """Write one line to standard error, for the journal. A journal that cannot take it does not end the program."""
    try:
        sys.stderr.write(f"<{level}>{' '.join(words.split())}\n")
        sys.stderr.flush()
    except (OSError, ValueError):
        return


class Defects:
    """Tells what should not have happened: where, and seldom, for whoever provokes it must not fill the journal."""

    def __init__(self, every: float = 10.0) -> None:
        self._every, self._next, self.count = every, 0.0, 0

    def __call__(self, error: BaseException) -> None:
        """Count it, and say it where nothing was said lately."""
        self.count += 1
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + self._every
        trace = error.__traceback__
        while trace is not None and trace.tb_next is not None:
            trace = trace.tb_next
        place = f" in {trace.tb_frame.f_code.co_filename}, line {trace.tb_lineno}" if trace else ""
        say(ERROR, f"{type(error).__name__}: {error}{place} (number {self.count} since the start)")
