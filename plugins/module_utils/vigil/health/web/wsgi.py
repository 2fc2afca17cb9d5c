# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The answers as a WSGI application (PEP 3333), alone or around another one."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

if TYPE_CHECKING:
    from .health import Health

WsgiApp = Callable[[dict[str, Any], Callable[..., Any]], Iterable[bytes]]


def wsgi_application(health: Health, app: WsgiApp | None) -> WsgiApp:
    """Return the application. Every request begins to watch, where nothing did in this process."""
    def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        path = str(environ.get("PATH_INFO", ""))
        if app is not None and not health.takes(path):
            health.begin()
            return app(environ, start_response)
        encoded = quote(path.encode("latin-1", "replace"))
        query, authorization = str(environ.get("QUERY_STRING", "")), str(environ.get("HTTP_AUTHORIZATION", ""))
        answer = health.answer(str(environ["REQUEST_METHOD"]), encoded, query, authorization)
        headers = list(answer.headers.items())
        if answer.status != HTTPStatus.NO_CONTENT:
            headers.append(("Content-Length", str(answer.length)))
        start_response(f"{answer.status} {HTTPStatus(answer.status).phrase}", headers)
        return [answer.body] if answer.body else []

    return application
