# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A small service that behaves like the real ones: it reads a configuration, reloads on SIGHUP, and shows both in /metrics."""

from __future__ import annotations

import http.server
import json
import os
import signal
import sys
import threading
import time

PATH = sys.argv[1]
STATE = {"config": {}, "good": 0, "loaded": 0.0, "started": time.time()}


def load() -> None:
    """Read the configuration; a broken one, or one that asks to be refused, leaves the old one in use."""
    try:
        with open(PATH, encoding="utf-8") as handle:
            config = json.load(handle)
        if config.get("refuse"):
            raise ValueError("this configuration asks to be refused")
    except (OSError, ValueError) as error:
        STATE["good"] = 0
        sys.stderr.write(f"loading {PATH} failed: {error}\n")
        return
    STATE.update(config=config, good=1, loaded=time.time())
    sys.stderr.write(f"loaded {PATH}, greeting {config.get('greeting')}, token {config.get('token')}\n")


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers /ready, /metrics and / (the greeting in use)."""

    def do_GET(self) -> None:
        """Answer one request."""
        late = time.time() < STATE["started"] + STATE["config"].get("ready_after", 0)
        if self.path == "/metrics":
            status, body = 200, f"tiny_config_good {STATE['good']}\ntiny_config_loaded_seconds {STATE['loaded']!r}\n"
        elif self.path == "/ready":
            status, body = (503, "starting\n") if late else (200, "ready\n")
        else:
            status, body = 200, str(STATE["config"].get("greeting")) + "\n"
        self.send_response(status)
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *args: object) -> None:
        """Say nothing of requests."""


def main() -> None:
    """Serve until stopped, or until the configuration's ``die_after`` seconds are over."""
    load()
    if not STATE["good"]:
        sys.exit("no configuration to start with")
    signal.signal(signal.SIGHUP, lambda *_: load())
    server = http.server.ThreadingHTTPServer(("127.0.0.1", STATE["config"].get("port", 8099)), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    die_after = STATE["config"].get("die_after")
    while True:
        time.sleep(0.2)
        if die_after is not None and time.time() > STATE["started"] + die_after:
            sys.stderr.write("dying, as the configuration asks\n")
            os._exit(3)


main()
