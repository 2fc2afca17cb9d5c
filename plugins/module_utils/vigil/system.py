# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every touch of the host goes through a System: programs, files, HTTP and the clock."""

from __future__ import annotations

import base64
import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    # What speaks HTTP is imported where it is used: it would take 30 ms of every module that makes no request.
    import ssl
    import urllib.request

    from . import bounded


@dataclass(frozen=True)
class Ran:
    """A program that ended. ``rc`` is None where it never did: not found, no permission, timed out."""

    argv: tuple[str, ...]
    rc: int | None
    out: str = ""
    err: str = ""

    @property
    def words(self) -> str:
        """What the program said, standard error first, for an operator to read."""
        return "\n".join(part for part in (self.err.strip(), self.out.strip()) if part)


@dataclass(frozen=True)
class Client:
    """How to speak HTTP: files of the authority and of the client certificate; a user's name and password, or a bearer token."""

    ca: str | None = None
    cert: str | None = None
    key: str | None = None
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)
    verify: bool = True


@dataclass(frozen=True)
class Answer:
    """An HTTP answer of any status. ``status`` is None where none came; ``error`` then says why."""

    url: str
    status: int | None
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    error: str = ""


class System:
    """The real host. A test hands in a subclass or a temporary folder, never a patch."""

    def run(
        self,
        argv: Sequence[str],
        timeout: float = 60.0,
        stdin: str | None = None,
        env: Mapping[str, str] | None = None,
    ) -> Ran:
        """Run a program without a shell, in the C locale; ``timeout`` is in seconds. Never raises for the program."""
        environment = {**os.environ, "LC_ALL": "C", **(env or {})}
        try:
            done = subprocess.run(
                list(argv), input=stdin, env=environment, timeout=timeout, capture_output=True, text=True,
                errors="replace", check=False, stdin=subprocess.DEVNULL if stdin is None else None,
            )
        except subprocess.TimeoutExpired:
            return Ran(tuple(argv), None, err=f"{argv[0]} did not end within {timeout:g} s")
        except OSError as error:
            return Ran(tuple(argv), None, err=f"{argv[0]} could not be started: {error.strerror}")
        return Ran(tuple(argv), done.returncode, done.stdout, done.stderr)

    def bounded_run(
        self, argv: Sequence[str], timeout: float, env: Mapping[str, str] | None = None, cwd: str | None = None, keep: int = 64 * 1024
    ) -> bounded.Ended:
        """Run a program that may hang, print without end or leave children: see ``bounded.run``. Never raises for the program."""
        from . import bounded

        return bounded.run(argv, timeout, env, cwd, keep)

    def read(self, path: str) -> bytes | None:
        """Return a file's content, or None where there is no such file. Other errors are raised as OSError."""
        try:
            with open(path, "rb") as handle:
                return handle.read()
        except (FileNotFoundError, NotADirectoryError):
            return None

    def http(
        self,
        url: str,
        client: Client | None = None,
        timeout: float = 10.0,
        headers: Mapping[str, str] | None = None,
        limit: int = 16 * 1024 * 1024,
        method: str = "GET",
    ) -> Answer:
        """Ask for a URL, proxies of the environment ignored; at most ``limit`` bytes are read. Never raises."""
        client = client or Client()
        import http.client
        import urllib.error
        import urllib.request

        request = urllib.request.Request(url, headers={**_authorization(client), **(headers or {})}, method=method)
        try:
            with _opener(url, client).open(request, timeout=timeout) as reply:
                return Answer(url, reply.status, reply.read(limit), dict(reply.headers.items()))
        except urllib.error.HTTPError as error:
            return Answer(url, error.code, error.read(limit), dict(error.headers.items()))
        except (OSError, ValueError, http.client.HTTPException) as error:
            return Answer(url, None, error=str(getattr(error, "reason", error)))

    def now(self) -> float:
        """Seconds since the epoch."""
        return time.time()

    def monotonic(self) -> float:
        """Seconds on a clock that never goes back."""
        return time.monotonic()

    def uptime(self) -> float:
        """Seconds since boot, the time that the machine slept included."""
        return time.clock_gettime(time.CLOCK_BOOTTIME)

    def sleep(self, seconds: float) -> None:
        """Wait between two looks at a condition."""
        time.sleep(seconds)


def _opener(url: str, client: Client) -> urllib.request.OpenerDirector:
    """Reading the system's authorities takes 20 ms of CPU, so it is done for https only."""
    import urllib.request

    handlers: list[urllib.request.BaseHandler] = [urllib.request.ProxyHandler({})]
    if url.lower().startswith("https:"):
        handlers.append(urllib.request.HTTPSHandler(context=_tls_context(client)))
    return urllib.request.build_opener(*handlers)


def _authorization(client: Client) -> dict[str, str]:
    if client.token is not None:
        return {"Authorization": f"Bearer {client.token}"}
    if client.username is None:
        return {}
    token = base64.b64encode(f"{client.username}:{client.password or ''}".encode()).decode()
    return {"Authorization": f"Basic {token}"}


def _tls_context(client: Client) -> ssl.SSLContext:
    import ssl

    context = ssl.create_default_context(cafile=client.ca)
    if not client.verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if client.cert:
        context.load_cert_chain(client.cert, client.key)
    return context
