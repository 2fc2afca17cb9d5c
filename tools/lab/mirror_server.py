# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Serves a folder over HTTP with ranges, and makes faults on request. Runs alone on a lab host (Python 3.9, standard library).

/github.com/<path> and /<path> are the same file. A first part of the path asks for a fault:

* ``/truncate/<path>``: half of the body, then the connection is closed; each address is truncated once, whole after that
* ``/cut/<path>``: as above, every time
* ``/slow/<path>``: 64 KiB a second
* ``/status/<code>/<path>``: that status
* ``/flaky/<n>/<path>``: status 503 the first n times
* ``/corrupt/<path>``: one byte in the middle is another one

``/_log`` gives the requests so far as JSON lines (method, path, range, status, bytes); ``POST /_reset`` forgets them.
"""

from __future__ import annotations

import argparse
import json
import re
import threading
import time
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar
from urllib.parse import unquote, urlsplit

CHUNK = 65536
FAULT = re.compile(r"/(?P<kind>truncate|cut|slow|corrupt|status/(?P<code>\d{3})|flaky/(?P<times>\d+))(?P<path>/.*)")
RANGE = re.compile(r"bytes=(\d+)-(\d*)")


@dataclass(frozen=True)
class Asked:
    """A request: the file's path, and the fault that it asks for ("" for none)."""

    path: str
    fault: str = ""
    number: int = 0


def parse_path(target: str) -> Asked:
    """Split the request's target into a fault and a path."""
    path = unquote(urlsplit(target).path)
    match = FAULT.fullmatch(path)
    fault = match["kind"].split("/")[0] if match else ""
    number = int(match["code"] or match["times"] or 0) if match else 0
    path = match["path"] if match else path
    return Asked(path[len("/github.com") :] if path.startswith("/github.com/") else path, fault, number)


def parse_range(header: str | None, size: int) -> tuple[int, int] | None:
    """The first and last byte asked for; None for the whole file. ValueError where the range is past the end."""
    match = RANGE.fullmatch(header or "")
    if not match:
        return None
    first = int(match[1])
    if first >= size:
        raise ValueError("past the end")
    return first, min(int(match[2]), size - 1) if match[2] else size - 1


def resolve(root: Path, path: str) -> Path | None:
    """A file below ``root``; None for anything else."""
    file = (root / path.lstrip("/")).resolve()
    return file if root in file.parents and file.is_file() else None


class Handler(BaseHTTPRequestHandler):
    """One request."""

    protocol_version = "HTTP/1.1"
    root: ClassVar[Path]
    log: ClassVar[list[dict[str, object]]] = []
    seen: ClassVar[dict[str, int]] = {}
    lock: ClassVar[threading.Lock] = threading.Lock()

    def do_GET(self) -> None:
        """Serve a file, or the log."""
        if self.path == "/_log":
            self._small(200, "".join(json.dumps(entry) + "\n" for entry in self.log))
        else:
            self._serve(parse_path(self.path))

    def do_HEAD(self) -> None:
        """As GET, without a body."""
        self._serve(parse_path(self.path))

    def do_POST(self) -> None:
        """Forget the log and the faults that were made."""
        self.log.clear()
        self.seen.clear()
        self._small(200, "")

    def _serve(self, asked: Asked) -> None:
        with self.lock:
            turn = self.seen[self.path] = self.seen.get(self.path, 0) + (self.command == "GET")
        file = resolve(self.root, asked.path)
        if asked.fault == "status":
            return self._note(self._small(asked.number, "a fault that was asked for\n"), 0)
        if asked.fault == "flaky" and turn <= asked.number:
            return self._note(self._small(503, "a fault that was asked for\n"), 0)
        if file is None:
            return self._note(self._small(404, f"no such file: {asked.path}\n"), 0)
        try:
            part = parse_range(self.headers.get("Range"), file.stat().st_size)
        except ValueError:
            return self._note(self._small(416, ""), 0)
        return self._send(file, part, asked, turn)

    def _send(self, file: Path, part: tuple[int, int] | None, asked: Asked, turn: int) -> None:
        stat = file.stat()
        first, last = part or (0, stat.st_size - 1)
        length = last - first + 1
        self.send_response(206 if part else 200)
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("Content-Length", str(length))
        self.send_header("ETag", f'"{stat.st_mtime_ns:x}-{stat.st_size:x}"')
        if part:
            self.send_header("Content-Range", f"bytes {first}-{last}/{stat.st_size}")
        self.end_headers()
        cut = asked.fault == "cut" or (asked.fault == "truncate" and turn == 1)
        sent = 0 if self.command == "HEAD" else self._body(file, first, length // 2 if cut else length, asked)
        self.close_connection = self.close_connection or cut
        self._note(206 if part else 200, sent)

    def _body(self, file: Path, first: int, length: int, asked: Asked) -> int:
        sent = 0
        with file.open("rb") as handle:
            handle.seek(first)
            while sent < length:
                chunk = bytearray(handle.read(min(CHUNK, length - sent)))
                if asked.fault == "corrupt" and sent <= length // 2 < sent + len(chunk):
                    chunk[length // 2 - sent] ^= 0xFF
                if asked.fault == "slow":
                    time.sleep(1)
                self.wfile.write(chunk)
                sent += len(chunk)
        return sent

    def _small(self, status: int, text: str) -> int:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
        return status

    def _note(self, status: int, sent: int) -> None:
        asked = self.headers.get("Range") or ""
        self.log.append({"method": self.command, "path": self.path, "range": asked, "status": status, "bytes": sent})

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: /_log tells it."""


def main() -> None:
    """Serve until told to end."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--port", type=int, default=8080)
    options = parser.parse_args()
    Handler.root = options.root.resolve()
    ThreadingHTTPServer(("", options.port), Handler).serve_forever()


if __name__ == "__main__":
    main()
