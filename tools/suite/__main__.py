# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run parts of the suite: `python3 -m tools.suite [--list] [--jobs N] [part or group ...]`; all parts where none is named."""

from __future__ import annotations

import argparse
import sys
import time
from pathlib import Path

from . import needs, report
from .model import Outcome, Part
from .parts import ROOT, parts, select
from .runner import run_all, run_part

LOGS = ROOT / "tests" / "output" / "suite"


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python3 -m tools.suite", description=__doc__)
    parser.add_argument("wanted", nargs="*", metavar="part or group")
    parser.add_argument("--list", action="store_true", help="print the parts and run none")
    parser.add_argument("--jobs", type=int, default=2, help="parts that run at the same time (default 2)")
    return parser.parse_args()


def _say(outcome: Outcome) -> None:
    print(report.line(outcome), flush=True)
    if outcome.state == "failed" and outcome.log:
        print(report.failure(outcome, Path(ROOT, outcome.log).read_text(errors="replace")), flush=True)


def main() -> int:
    """Return 0 where no part failed and at least one passed."""
    options = _options()
    try:
        chosen = select(parts(), options.wanted)
    except KeyError as error:
        print(f"no part or group is called {error.args[0]}; these are there:\n{report.listing(parts())}", file=sys.stderr)
        return 2
    if options.list:
        print(report.listing(chosen))
        return 0
    start = time.monotonic()
    outcomes = run_all(chosen, options.jobs, _work, needs.lacking, _say)
    print(report.summary(outcomes, time.monotonic() - start), flush=True)
    return int(any(outcome.state == "failed" for outcome in outcomes) or not any(outcome.state == "passed" for outcome in outcomes))


def _work(part: Part) -> Outcome:
    return run_part(part, ROOT, LOGS / f"{part.name}.log")


if __name__ == "__main__":
    sys.exit(main())
