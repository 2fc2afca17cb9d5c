# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The programs beside which the agent is measured: from Debian's packages, unpacked into the cache, or built by the lab.

Nothing is installed on this machine: installing would start services of theirs.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

CACHE = Path(os.environ.get("VIGIL_CACHE", Path.home() / ".cache" / "vigil"))
DEBIAN = (
    "wrk", "apache2-utils", "libapr1", "libaprutil1", "libluajit-5.1-2", "libluajit-5.1-common", "patroni", "python3-psycopg2", "libpq5",
    "python3-yaml", "libyaml-0-2", "python3-dateutil", "python3-six", "python3-urllib3", "python3-click", "python3-prettytable",
    "python3-wcwidth", "python3-psutil",
)
_HERE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class Peers:
    """Where the programs are; None where one could not be had."""

    root: Path
    wrk: str | None
    ab: str | None
    patroni: str | None
    node_exporter: str | None

    @property
    def environment(self) -> dict[str, str]:
        """What the unpacked programs need to find their libraries."""
        folders = sorted(str(path) for path in self.root.glob("usr/lib/*-linux-gnu*"))
        return {"LD_LIBRARY_PATH": ":".join(folders), "PYTHONPATH": str(self.root / "usr" / "lib" / "python3" / "dist-packages")}


def peers() -> Peers:
    """Find the programs, and fetch those of Debian that are not here."""
    root = CACHE / "bench" / "debian"
    if not (root / ".complete").exists() and shutil.which("apt-get"):
        _unpack(root)
    node = shutil.which("node_exporter", path=str(CACHE / "build" / "bin")) or shutil.which("prometheus-node-exporter")
    library = root / "usr/lib/python3/dist-packages/patroni/version.py"
    version = library.read_text().split("'")[1] if library.exists() else None
    wrk, ab = (shutil.which(name, path=str(root / "usr" / "bin")) or shutil.which(name) for name in ("wrk", "ab"))
    return Peers(root, wrk, ab, version, node)


def _unpack(root: Path) -> None:
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir(parents=True)
    subprocess.run(["apt-get", "-qq", "download", *DEBIAN], cwd=root, stderr=subprocess.DEVNULL, check=False)
    packages = sorted(root.glob("*.deb"))
    for package in packages:
        subprocess.run(["dpkg", "-x", str(package), str(root)], check=True)
        package.unlink()
    if len(packages) == len(DEBIAN):
        (root / ".complete").touch()


@contextlib.contextmanager
def bound(argv: Sequence[str], port: int, cpu: int, environment: Mapping[str, str], log: Path) -> Iterator[int]:
    """Run a server on one processor until the block ends; return its port, once it accepts."""
    with log.open("wb") as words:
        process = subprocess.Popen(["taskset", "-c", str(cpu), *argv], env={**os.environ, **environment}, stdout=words, stderr=words)
    try:
        _await(port, process, log)
        yield port
    finally:
        process.terminate()
        process.wait(10)


def patroni_command(port: int, files: Sequence[str] = ()) -> list[str]:
    """The command line of Patroni's API; ``files`` are certificate and key for TLS."""
    return ["/usr/bin/python3", str(_HERE / "patroni_api.py"), str(port), *files]


def node_command(program: str, port: int) -> list[str]:
    """The command line of node_exporter, on one processor, without its limit of requests at a time."""
    return [program, f"--web.listen-address=127.0.0.1:{port}", "--web.max-requests=0", "--log.level=error"]


def page_size(url: str) -> int:
    """How long a page is, in bytes, as it is sent without compression."""
    with urllib.request.urlopen(url, timeout=10) as reply:
        return len(reply.read())


def free_port() -> int:
    """A port that nobody has at this moment."""
    with socket.socket() as link:
        link.bind(("127.0.0.1", 0))
        return int(link.getsockname()[1])


def _await(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + 20
    while True:
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        if process.poll() is not None or time.monotonic() > end:
            raise RuntimeError(f"{process.args!r} does not listen on {port}: {log.read_text(errors='replace')[-2000:]}")
        time.sleep(0.05)
