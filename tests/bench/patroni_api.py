# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Patroni's own REST API (its package's RestApiServer, unchanged) before a database that always runs. Usage: patroni_api.py PORT [CERT KEY]

What Patroni knows of its cluster is replaced by the few values that /liveness reads; server, threads and answers are Patroni's.
"""

from __future__ import annotations

import signal
import sys
import time
from types import SimpleNamespace

from patroni.api import RestApiServer


def main() -> None:
    """Serve until a signal ends it."""
    node = SimpleNamespace(
        postgresql=SimpleNamespace(role="replica", is_running=lambda: True), dcs=SimpleNamespace(ttl=30, cluster=None),
        ha=SimpleNamespace(is_paused=lambda: False), next_run=time.time() + 86400,
    )
    files = dict(zip(("certfile", "keyfile"), sys.argv[2:]))
    address = f"127.0.0.1:{sys.argv[1]}"
    server = RestApiServer(node, {"listen": address, "connect_address": address, **files})
    server.start()
    signal.pause()


if __name__ == "__main__":
    main()
