# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``Health``: the checks of an application, and what it answers about them."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from ...model import InvalidInput
from ...system import System
from ..endpoints import Request, Response, respond
from ..kind import Kind, Look, Shared
from ..kinds import KINDS
from ..look import look_at
from ..model import Check, Result
from ..round import SLACK
from ..snapshot import Snapshot
from ..spec import merge, parse
from ..watcher import Watcher
from . import metrics
from .asgi import AsgiApp, asgi_application
from .functions import NAME, kind_of
from .runner import Runner
from .wsgi import WsgiApp, wsgi_application

F = TypeVar("F", bound=Callable[[], Any])


class Health:
    """The health of one application, looked at in the background of each of its processes.

    ``service`` is its name in the answers. Only who sends ``Authorization: Bearer <token>`` is told more than statuses; the token is
    given, or read from ``token_file``; without one nobody is, unless ``public`` is set. ``prefix`` stands before the paths of ours
    (``/internal``). ``release`` is the application's own version. At most ``size`` checks run at the same time. ``after`` is called in the
    thread of each function when it has ended, to give back what belongs to a thread: in Django, ``django.db.connections.close_all``.

    Raises InvalidInput for a token file that cannot be read or is empty, and for a prefix that is no path.
    """

    def __init__(
        self, service: str, *, token: str = "", token_file: str | os.PathLike[str] | None = None, prefix: str = "", release: str = "",
        public: bool = False, size: int = 8, after: Callable[[], Any] | None = None,
    ) -> None:
        self._service, self._release, self._public, self._size, self._after = service, release, public, size, after
        self._token = _token(token_file) if token_file is not None else token
        self._prefix = _prefix(prefix)
        self._entries: list[dict[str, Any]] = []
        self._functions: dict[str, Kind] = {}
        self._checks: tuple[Check, ...] = ()
        self._system = System()
        self._runner = Runner(self._watcher, self._change)

    def check(self, name: str, **options: Any) -> Callable[[F], F]:
        """Declare the decorated function as a check. It takes no arguments, may be asynchronous, and runs in a thread of the watcher.

        ``options`` are those that every check has: interval (10 s), timeout (5 s), parents, rise, fall, start_grace, ready, tags,
        description, advice. How the function tells a state: see ``functions.kind_of``. Past its timeout the check is unknown. Raises
        InvalidInput for options that are not right, a name that is taken, and a parent that is not declared before.
        """
        self._declare([{"name": name, "kind": NAME, **options}])

        def decorate(function: F) -> F:
            self._functions[name] = kind_of(function, self._after)
            self._runner.renew()
            return function

        return decorate

    def add(self, *entries: Mapping[str, Any]) -> None:
        """Declare checks as in the inventory: ``{"name": "db", "kind": "postgresql", ...}``. Raises InvalidInput, like ``check``."""
        self._declare(merge([entries], ["add"]))
        self._runner.renew()

    def start(self) -> None:
        """Begin to watch now, in this process. Otherwise the first request begins it, in each process that answers."""
        self._runner.start()

    def begin(self) -> None:
        """Begin to watch where nothing does so in this process, unless it was stopped."""
        self._runner.current()

    def stop(self, timeout: float = 2.0) -> None:
        """End the watcher of this process, within ``timeout`` seconds; a function that still runs is left alone."""
        self._runner.stop(timeout)

    @property
    def snapshot(self) -> Snapshot:
        """What is known now. Never waits for a check; begins to watch where nothing did."""
        return self._runner.current().snapshot

    def answer(self, method: str, path: str, query: str = "", authorization: str = "") -> Response:
        """Answer a request, for a framework's own view. ``path`` is below the place where it is mounted, and percent-encoded."""
        request = Request(method, path, query, authorization)
        if metrics.wanted(request, self._prefix):
            return metrics.answer(self.snapshot, request, token=self._token, public=self._public)
        return respond(self.snapshot, request, time.time(), token=self._token, prefix=self._prefix, public=self._public)

    def wsgi(self, app: WsgiApp | None = None) -> WsgiApp:
        """Return a WSGI application: around ``app``, which gets every request that is not for /health; or alone, to be mounted."""
        return wsgi_application(self, app)

    def asgi(self, app: AsgiApp | None = None) -> AsgiApp:
        """Return an ASGI application: around ``app``, which gets every request that is not for /health; or alone, to be mounted."""
        return asgi_application(self, app)

    def takes(self, path: str) -> bool:
        """Whether a request that comes by on its way to another application is for us.

        Below a prefix all is ours. Without one only /health is: the application may have a page /primary of its own.
        """
        own = self._prefix or "/health"
        return path == own or path.startswith(f"{own}/")

    def _declare(self, entries: list[dict[str, Any]]) -> None:
        function = Kind(NAME, "", (), observe=None, decide=None, example="")  # type: ignore[arg-type]
        self._checks = parse([*self._entries, *entries], {**KINDS, NAME: function})
        self._entries += entries

    def _watcher(self, saved: Mapping[str, Any]) -> Watcher:
        shared = Shared(self._system.monotonic)

        def look(check: Check, memory: Mapping[str, Any]) -> tuple[Result, Mapping[str, Any]]:
            kind = self._functions[check.name] if check.kind == NAME else KINDS[check.kind]
            return look_at(check, kind, Look(self._system, check.timeout, memory, shared))

        return Watcher(self._ready(), look, host=self._service, release=self._release, size=self._size, saved=saved, slack=_slack)

    def _change(self, watcher: Watcher) -> None:
        watcher.change(self._ready(), self._size)

    def _ready(self) -> list[Check]:
        """Every declared check whose function is there: between the two a request may come in."""
        return [check for check in self._checks if check.kind != NAME or check.name in self._functions]


def _slack(check: Check) -> float:
    """A function knows nothing of its deadline, and so gets no time to speak about it."""
    return 0.0 if check.kind == NAME else SLACK


def _token(path: str | os.PathLike[str]) -> str:
    try:
        token = Path(path).read_text(encoding="utf-8").strip()
    except (OSError, ValueError) as error:
        raise InvalidInput(f"token_file: {path} cannot be read: {error}. Let the application's user read it.")
    if not token:
        raise InvalidInput(f"token_file: {path} is empty, expected a token. Write one into it.")
    return token


def _prefix(prefix: str) -> str:
    if prefix and (not prefix.startswith("/") or prefix.endswith("/")):
        raise InvalidInput(f"prefix: {prefix!r} was found, expected a path such as /internal, without a slash at its end.")
    return prefix
