# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The answers as an ASGI 3 application, alone or around another one."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

if TYPE_CHECKING:
    from .health import Health

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
AsgiApp = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]


def asgi_application(health: Health, app: AsgiApp | None) -> AsgiApp:
    """Return the application. It watches from the server's start-up to its shutdown, or from the first request where it is told neither."""
    async def application(scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            health.start()
            await (app or _lifespan)(scope, _ending(health, receive), send)
        elif scope["type"] == "http" and (app is None or health.takes(_path(scope))):
            await _answer(health, scope, send)
        elif app is not None:
            health.begin()
            await app(scope, receive, send)
        elif scope["type"] == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1000})

    return application


def _path(scope: MutableMapping[str, Any]) -> str:
    """The path below the place where we are mounted: servers and frameworks differ in whether it begins with ``root_path``."""
    path, root = str(scope["path"]), str(scope.get("root_path") or "").rstrip("/")
    return path[len(root):] if root and path.startswith(f"{root}/") else path


async def _answer(health: Health, scope: MutableMapping[str, Any], send: Send) -> None:
    sent = {bytes(name).lower(): bytes(value) for name, value in scope.get("headers", ())}
    query, authorization = bytes(scope.get("query_string", b"")), sent.get(b"authorization", b"")
    path = quote(_path(scope), errors="replace")
    answer = health.answer(str(scope["method"]), path, query.decode("latin-1"), authorization.decode("latin-1"))
    headers = [(name.lower().encode(), value.encode()) for name, value in answer.headers.items()]
    if answer.status != HTTPStatus.NO_CONTENT:
        headers.append((b"content-length", str(answer.length).encode()))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})


def _ending(health: Health, receive: Receive) -> Receive:
    """Receive, and end the watcher when the server ends."""
    async def receiving() -> Message:
        message = await receive()
        if message["type"] == "lifespan.shutdown":
            health.stop()
        return message

    return receiving


async def _lifespan(scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
    """Say yes to the server's start and end."""
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
