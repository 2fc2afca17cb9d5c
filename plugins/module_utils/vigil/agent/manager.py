# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the agent tells systemd: sd_notify(3) and its watchdog, spoken over the socket that the manager names."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Mapping

# A manager that does not read must not keep the agent from answering: what it does not take in this time (s) is not told.
_PATIENCE = 0.2


class Manager:
    """The service manager. Where there is none (started by hand), telling it something does nothing."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        address = environment.get("NOTIFY_SOCKET", "")
        self._address = f"\0{address[1:]}" if address.startswith("@") else address
        self._link = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) if address else None
        if self._link is not None:
            self._link.settimeout(_PATIENCE)
        self.watchdog = _watchdog(environment)

    def tell(self, *lines: str) -> None:
        """Send lines such as READY=1 or STATUS=...; a manager that cannot take them is not our failure."""
        if self._link is None:
            return
        try:
            self._link.sendto("\n".join(lines).encode(), self._address)
        except OSError:
            return

    def reloading(self) -> None:
        """Say that a reload begins. ``tell("READY=1")`` says that it ended."""
        self.tell("RELOADING=1", f"MONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}")


def _watchdog(environment: Mapping[str, str]) -> float:
    """Seconds within which the manager wants a sign of life; 0 where it wants none, or not from this process."""
    try:
        if int(environment.get("WATCHDOG_PID") or os.getpid()) != os.getpid():
            return 0.0
        return int(environment.get("WATCHDOG_USEC") or 0) / 1e6
    except ValueError:
        return 0.0
