# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Health in a Flask application, on Werkzeug's server."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest
from vigil.health.web import Fail, Health

from tests.unit.health.web_client import TOKEN, assert_serves, get, until

flask = pytest.importorskip("flask")


@pytest.fixture
def state() -> dict[str, bool]:
    return {"up": True}


@pytest.fixture
def application(state: dict[str, bool]) -> Iterator[flask.Flask]:
    app = flask.Flask("shop")
    app.add_url_rule("/", "page", view_func=lambda: "shop")
    app.add_url_rule("/primary", "primary", view_func=lambda: "the application's own page")
    health = Health("shop", token=TOKEN)

    @health.check("database", interval=1, timeout=0.5)
    def database() -> None:
        if not state["up"]:
            raise Fail("no connection to db1")

    @health.check("hangs", interval=1, timeout=0.2, ready=False)
    def hangs() -> None:
        threading.Event().wait(20)

    app.wsgi_app = health.wsgi(app.wsgi_app)
    yield app
    health.stop()


def test_the_test_client(application: flask.Flask, state: dict[str, bool]) -> None:
    client = application.test_client()
    assert client.get("/").text == "shop"
    assert client.get("/primary").text == "the application's own page"
    until(lambda: client.get("/health/ready").status_code == 200)
    state["up"] = False
    until(lambda: client.get("/health/ready").status_code == 503)
    told = client.get("/health", headers={"Authorization": f"Bearer {TOKEN}"}).json
    assert told["checks"]["database"][0]["output"] == "no connection to db1"
    assert client.get("/").text == "shop"


def test_a_real_server(application: flask.Flask) -> None:
    from werkzeug.serving import make_server

    server = make_server("127.0.0.1", 0, application, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        base = f"http://127.0.0.1:{server.port}"
        assert get(base).body == b"shop"
        assert_serves(base, names={"database", "hangs"})
        began = time.monotonic()
        assert get(f"{base}/health", token=TOKEN).document["checks"]["hangs"][0]["state"] == "unknown"
        assert time.monotonic() - began < 5
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_mounted_below_a_path() -> None:
    from werkzeug.middleware.dispatcher import DispatcherMiddleware
    from werkzeug.test import Client

    app = flask.Flask("shop")
    app.add_url_rule("/", "page", view_func=lambda: "shop")
    health = Health("shop", token=TOKEN)
    client = Client(DispatcherMiddleware(app, {"/internal": health.wsgi()}))
    assert (client.get("/").text, client.get("/internal/health").json["status"]) == ("shop", "pass")
    assert client.get("/internal/primary").status_code == 503
    assert client.get("/health").status_code == 404
    health.stop()
