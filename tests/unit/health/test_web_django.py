# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Health in a Django application: around its WSGI and ASGI applications, and as a view of its own."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest
from vigil.health.web import Health

from tests.unit.health.web_client import TOKEN, assert_serves, get, until

django = pytest.importorskip("django")


class Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[types.ModuleType]:
    """A project of one file: settings, a page, and health by a view."""
    from django.conf import settings

    urls = types.ModuleType("vigil_test_urls")
    sys.modules[urls.__name__] = urls
    database = {"ENGINE": "django.db.backends.sqlite3", "NAME": str(tmp_path_factory.mktemp("django") / "shop.sqlite3")}
    common = ["django.middleware.common.CommonMiddleware"]
    settings.configure(
        ROOT_URLCONF=urls.__name__, ALLOWED_HOSTS=["shop.example"], MIDDLEWARE=common, DATABASES={"default": database}, SECRET_KEY="x")
    django.setup()

    from django.db import connection, connections
    from django.http import HttpResponse
    from django.urls import path

    health = Health("shop", token=TOKEN, after=connections.close_all)

    @health.check("database", interval=1)
    def database_answers() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")

    def watched(request: Any, rest: str) -> HttpResponse:
        sent = request.META
        answer = health.answer(request.method, f"/{rest}", sent["QUERY_STRING"], sent.get("HTTP_AUTHORIZATION", ""))
        return HttpResponse(answer.body, status=answer.status, headers=answer.headers)

    urls.health = health
    urls.urlpatterns = [path("", lambda request: HttpResponse("shop")), path("internal/<path:rest>", watched)]
    yield urls
    health.stop()
    del sys.modules[urls.__name__]


def test_around_the_wsgi_application(project: types.ModuleType) -> None:
    from django.core.wsgi import get_wsgi_application

    application = project.health.wsgi(get_wsgi_application())
    server = make_server("127.0.0.1", 0, application, handler_class=Quiet)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        base = f"http://127.0.0.1:{server.server_port}"
        # A prober asks by address: what is ours answers nevertheless, Django itself does not.
        assert get(base).status == 400
        assert_serves(base, names={"database"})
        assert get(f"{base}/health", token=TOKEN).document["checks"]["database"][0]["state"] == "pass"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_around_the_asgi_application(project: types.ModuleType) -> None:
    from asgiref.testing import ApplicationCommunicator
    from django.core.asgi import get_asgi_application

    application = project.health.asgi(get_asgi_application())

    async def ask(path: str) -> tuple[int, bytes]:
        headers = [(b"host", b"shop.example")]
        scope = {"type": "http", "method": "GET", "path": path, "query_string": b"", "headers": headers, "asgi": {"version": "3.0"}}
        talk = ApplicationCommunicator(application, scope)
        await talk.send_input({"type": "http.request", "body": b""})
        start, body = await talk.receive_output(5), await talk.receive_output(5)
        return start["status"], body["body"]

    until(lambda: asyncio.run(ask("/health/ready"))[0] == 200)
    assert asyncio.run(ask("/")) == (200, b"shop")


def test_as_a_view(project: types.ModuleType) -> None:
    from django.test import Client

    client = Client(HTTP_HOST="shop.example")
    until(lambda: client.get("/internal/health/ready").status_code == 200)
    assert "serviceId" not in client.get("/internal/health").json()
    assert client.get("/internal/health", HTTP_AUTHORIZATION=f"Bearer {TOKEN}").json()["serviceId"] == "shop"
    assert client.get("/internal/replica?lag=x").status_code == 400
    head = client.head("/internal/health/live")
    assert (head.status_code, head.content) == (200, b"")


def test_no_connection_of_a_check_stays_open(project: types.ModuleType) -> None:
    def last() -> float:
        return float(project.health.snapshot.results[0].at)

    def opened() -> list[str]:
        return [path for path in map(os.path.realpath, Path("/proc/self/fd").iterdir()) if path.endswith("shop.sqlite3")]

    until(lambda: project.health.snapshot.started)
    before = last()
    until(lambda: last() > before)
    until(lambda: not opened())
