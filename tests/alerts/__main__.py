# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Mutate every rule and say which mutants the tests do not catch: `python3 -m tests.alerts [area...]`.

Ends with 1 where more than one in twenty survives.
"""

from __future__ import annotations

import sys

from .case import areas, cases
from .mutation import survivors
from .trial import promtool

LEAST = 0.95


def main(wanted: list[str]) -> int:
    """Return the exit status."""
    tool = promtool()
    if tool is None:
        print("promtool 3 or newer was found nowhere; put one into the PATH")
        return 2
    catalogue = areas()
    left, total = survivors(tool, [case for case in cases().values() if not wanted or case.rule.area in wanted], catalogue)
    print("".join(f"{name}: no test sees the difference\n" for name in left), end="")
    print(f"{total - len(left)} of {total} mutants are caught")
    return int(total - len(left) < LEAST * total)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
