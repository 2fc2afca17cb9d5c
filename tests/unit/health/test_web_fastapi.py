# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Health in a FastAPI application, on uvicorn."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Any

import pytest
from vigil.health.web import Fail, Health

from tests.unit.health.web_client import TOKEN, assert_serves, get, until

fastapi = pytest.importorskip("fastapi")
uvicorn = pytest.importorskip("uvicorn")


def shop(life: list[str]) -> Any:
    @asynccontextmanager
    async def lifespan(app: Any) -> AsyncIterator[None]:
        life.append("began")
        yield
        life.append("ended")

    app = fastapi.FastAPI(lifespan=lifespan)

    @app.get("/")
    async def page() -> str:
        return "shop"

    return app


def healthy() -> Health:
    health = Health("shop", token=TOKEN)

    @health.check("queue", interval=1, timeout=0.5)
    async def queue() -> str:
        await asyncio.sleep(0.01)
        return "3 jobs wait"

    @health.check("hangs", interval=1, timeout=0.2, ready=False)
    async def hangs() -> None:
        await asyncio.sleep(30)

    return health


@contextmanager
def served(app: Any) -> Iterator[str]:
    """The application on a real server, in a thread."""
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="critical"))
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        until(lambda: server.started)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(20)
    assert not thread.is_alive()


def test_around_the_application() -> None:
    life: list[str] = []
    health = healthy()
    with served(health.asgi(shop(life))) as base:
        assert get(base).body == b'"shop"'
        assert_serves(base, names={"queue", "hangs"})
        document = get(f"{base}/health", token=TOKEN).document
        assert document["checks"]["queue"][0]["output"] == "3 jobs wait"
        assert document["checks"]["hangs"][0]["state"] == "unknown"
        assert get(f"{base}/primary").document == {"detail": "Not Found"}
    assert life == ["began", "ended"]
    assert "watcher" not in [thread.name for thread in threading.enumerate()]


def test_mounted_below_a_path() -> None:
    health, app = healthy(), shop([])
    app.mount("/internal", health.asgi())
    with served(app) as base:
        assert_serves(f"{base}/internal", names={"queue", "hangs"})
        assert get(f"{base}/internal/primary").status == 503
        assert get(f"{base}/health").status == 404
    health.stop()


def test_the_test_client() -> None:
    from fastapi.testclient import TestClient

    health = healthy()

    @health.check("orders", parents=["queue"])
    def orders() -> None:
        raise Fail("no order for an hour")

    with TestClient(health.asgi(shop([]))) as client:
        until(lambda: client.get("/health/startup").status_code == 200)
        assert client.get("/health/ready").status_code == 503
        assert client.get("/health/orders", headers={"Authorization": f"Bearer {TOKEN}"}).json()["output"].endswith("no order for an hour")
        assert client.get("/").json() == "shop"
