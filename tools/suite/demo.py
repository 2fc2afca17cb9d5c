# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`make demo` twice and `make demo-down`, as a newcomer types them."""

from __future__ import annotations

import os
import subprocess
import sys

from tools import demo, playbook
from tools.lab.spec import from_inventory

from .parts import ROOT

NOTHING = "Demo: nothing changed"


def left_behind() -> list[str]:
    """Containers, networks and files of the demo that are still there."""
    found = []
    label = f"label=vigil.lab={from_inventory(ROOT / demo.INVENTORY).name}"
    for kind, listing in (("container", "ps --all"), ("network", "network ls"), ("volume", "volume ls")):
        argv = ["docker", *listing.split(), "--quiet", "--filter", label]
        done = subprocess.run(argv, capture_output=True, text=True, check=True)
        found += [f"{kind} {name}" for name in done.stdout.split()]
    return found + ([str(demo.STORE)] if (ROOT / demo.STORE).exists() else [])


def main() -> int:
    """Return 0 where the demo deploys, then changes nothing, and goes without a trace."""
    environment = {**os.environ, "LAB_KEEP_ENGINE": "1"}
    subprocess.run(["make", "demo-down"], cwd=ROOT, env=environment, check=True)
    complaints = []
    try:
        for run in ("first", "second"):
            status, said = playbook.watch(["make", "demo"], ROOT, environment)
            if status:
                complaints.append(f"the {run} `make demo` ended with status {status}")
                break
            if (NOTHING in said) != (run == "second"):
                complaints.append(f"the {run} `make demo`: a first run must change something, a second one nothing, and say so")
    finally:
        subprocess.run(["make", "demo-down"], cwd=ROOT, env=environment, check=False)
    complaints += [f"`make demo-down` left {thing} behind" for thing in left_behind()]
    print("\n".join(complaints))
    return int(bool(complaints))


if __name__ == "__main__":
    sys.exit(main())
