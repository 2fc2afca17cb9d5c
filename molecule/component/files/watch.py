# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes a line whenever node_exporter's port begins to listen, or the demo's program runs; looks forty times a second."""

from __future__ import annotations

import time
from pathlib import Path

LOG = Path("/run/watch.log")
PORT = f":{9100:04X} "


def listening() -> bool:
    """Whether any socket listens (state 0A of proc(5)) on the port."""
    lines = [line for name in ("tcp", "tcp6") for line in Path("/proc/net", name).read_text(encoding="ascii").splitlines()]
    return any(PORT in line.split(" 0A ")[0] for line in lines if " 0A " in line)


def main() -> None:
    """Look until systemd ends it."""
    LOG.write_text("watching\n", encoding="ascii")
    before: tuple[bool, bool] = (False, False)
    while True:
        now = (listening(), Path("/run/vigil-demo-runs").exists())
        if now != before:
            with LOG.open("a", encoding="ascii") as log:
                log.write(f"port {now[0]} demo {now[1]}\n")
        before = now
        time.sleep(0.025)


if __name__ == "__main__":
    main()
