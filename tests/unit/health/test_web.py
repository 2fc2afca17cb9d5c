# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Health in an application of one's own, without any framework: functions as checks, forks, deadlines, WSGI and ASGI."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from wsgiref.util import setup_testing_defaults
from wsgiref.validate import validator

import pytest
from vigil.health.web import CannotTell, Fail, Health, Warn
from vigil.model import InvalidInput

ROOT = Path(__file__).resolve().parents[3]
TOKEN = "s3cret"
Made = Callable[..., Health]


@pytest.fixture
def make() -> Iterator[Made]:
    made: list[Health] = []

    def build(**options: Any) -> Health:
        made.append(Health("shop", token=TOKEN, **options))
        return made[-1]

    yield build
    for health in made:
        health.stop()


def until(wanted: Callable[[], Any], seconds: float = 10.0) -> Any:
    end = time.monotonic() + seconds
    while not wanted():
        assert time.monotonic() < end, "it did not come about"
        time.sleep(0.005)
    return wanted()


def results(health: Health) -> dict[str, Any]:
    until(lambda: health.snapshot.started)
    return {result.name: result for result in health.snapshot.results}


def looked_at(make: Made, function: Callable[[], Any], **options: Any) -> Any:
    health = make()
    health.check("own", **options)(function)
    return results(health)["own"]


def raising(error: BaseException) -> Callable[[], None]:
    def own() -> None:
        raise error

    return own


class OperationalError(Exception):
    """As a database's library has it: no OSError, and nothing that we could know."""


RETURNED = [(None, "pass", "the check passed"), (True, "pass", "the check passed"), ("42 jobs wait", "pass", "42 jobs wait"),
            ("", "pass", "passed"), (False, "fail", "returned False"), (0, "unknown", "returned int, expected None"),
            ({}, "unknown", "returned dict, expected None")]
RAISED = [(Fail("the queue is full"), "fail", "the queue is full"), (Warn("slow"), "warn", "slow"), (Fail(""), "fail", "own says fail"),
          (OperationalError("server closed the connection"), "fail", "OperationalError: server closed the connection"),
          (ConnectionRefusedError(111, "Connection refused"), "fail", "ConnectionRefusedError: [Errno 111] Connection refused"),
          (TimeoutError("timed out"), "fail", "TimeoutError: timed out"), (AssertionError(), "fail", "AssertionError"),
          (KeyError("status"), "fail", "KeyError: 'status'"),
          (CannotTell("no permission", "Ask an administrator."), "unknown", "no permission"),
          (NameError("name 'db' is not defined"), "unknown", "the check itself is broken: NameError: name 'db' is not defined"),
          (TypeError("x"), "unknown", "TypeError: x"), (ImportError("no psycopg"), "unknown", "ImportError: no psycopg"),
          (AttributeError("x"), "unknown", "AttributeError: x"), (SystemExit(1), "unknown", "ended from within: SystemExit: 1"),
          (asyncio.CancelledError(), "unknown", "ended from within: CancelledError")]


@pytest.mark.parametrize(("value", "state", "words"), RETURNED)
def test_what_a_function_returns(make: Made, value: Any, state: str, words: str) -> None:
    result = looked_at(make, lambda: value)
    assert (result.state, words in result.summary) == (state, True), result
    assert bool(result.advice) == (state != "pass")


@pytest.mark.parametrize(("error", "state", "words"), RAISED, ids=[repr(error) for error, *_rest in RAISED])
def test_what_a_function_raises(make: Made, error: BaseException, state: str, words: str) -> None:
    result = looked_at(make, raising(error))
    assert (result.state, words in result.summary) == (state, True), result
    assert result.advice


def test_what_was_observed(make: Made) -> None:
    observed = [looked_at(make, function).observed for function in (lambda: None, raising(Warn("slow")), raising(Fail("down")))]
    assert observed == ["pass", "warn", "fail"]
    assert looked_at(make, raising(OperationalError("down"))).observed == "OperationalError"


def test_advice_of_the_function_and_of_the_declaration(make: Made) -> None:
    assert looked_at(make, raising(Fail("full", "Empty it."))).advice == "Empty it."
    assert looked_at(make, raising(Fail("full", "Empty it.")), advice="Call Ann.").advice == "Call Ann."
    assert "test_web.raising.<locals>.own" in looked_at(make, raising(OperationalError("x"))).advice


def test_asynchronous_functions(make: Made) -> None:
    async def passes() -> str:
        await asyncio.sleep(0)
        return "awaited"

    async def fails() -> None:
        await asyncio.sleep(0)
        raise Fail("awaited")

    assert (looked_at(make, passes).state, looked_at(make, fails).state) == ("pass", "fail")


def test_an_asynchronous_function_that_hangs_is_cancelled(make: Made) -> None:
    ended = threading.Event()

    async def hangs() -> None:
        try:
            await asyncio.sleep(30)
        finally:
            ended.set()

    result = looked_at(make, hangs, timeout=0.2)
    assert (result.state, "did not end within 0.2 s" in result.summary) == ("unknown", True), result
    assert ended.wait(5)


def test_a_timeout_of_the_function_itself_is_a_failure(make: Made) -> None:
    async def asks() -> None:
        await asyncio.wait_for(asyncio.sleep(30), 0.05)

    assert looked_at(make, asks, timeout=5).state == "fail"


def test_a_check_that_blocks_delays_no_answer_and_no_other_check(make: Made) -> None:
    release = threading.Event()
    health = make(size=1)
    health.check("blocks", interval=1, timeout=0.3)(lambda: release.wait(30) and None)
    health.check("works", interval=1)(lambda: None)
    began = time.monotonic()
    health.answer("GET", "/health")
    assert time.monotonic() - began < 5
    found = results(health)
    assert {name: result.state for name, result in found.items()} == {"blocks": "unknown", "works": "pass"}
    assert "did not end within 0.3 s" in found["blocks"].summary
    release.set()
    until(lambda: health.answer("GET", "/health/blocks", authorization=f"Bearer {TOKEN}").body.find(b'"state":"pass"') > 0)


def test_parents_and_declared_kinds(make: Made) -> None:
    health = make()
    health.check("database")(raising(OperationalError("down")))
    health.check("orders", parents=["database"])(lambda: None)
    health.add({"name": "load", "kind": "load", "per_cpu": {"fail": "1000"}}, {"name": "off", "kind": "load", "enabled": False})
    assert {name: result.state for name, result in results(health).items()} == {"database": "fail", "orders": "skipped", "load": "pass"}
    assert health.answer("GET", "/health/ready").status == 503


@pytest.mark.parametrize(("options", "words"), [
    ({"name": "a", "intervall": 5}, "did you mean interval?"), ({"name": "a", "interval": "0.1s"}, "interval is 0.1 s, expected 1 s"),
    ({"name": "first"}, "the name first is there twice"), ({"name": "a", "parents": ["b"]}, "its parent b is no check"),
    ({"name": "a", "interval": 2, "timeout": 3}, "timeout is 3 s")])
def test_a_wrong_declaration_is_refused_where_it_stands(make: Made, options: dict[str, Any], words: str) -> None:
    health = make()
    health.check("first")(lambda: None)
    with pytest.raises(InvalidInput, match=words.replace("?", r"\?")):
        health.check(**options)
    assert list(results(health)) == ["first"]


def test_a_kind_that_is_not_there_is_refused(make: Made) -> None:
    with pytest.raises(InvalidInput, match="is no kind of check"):
        make().add({"name": "db", "kind": "postgre"})


def test_a_check_that_is_declared_late_joins(make: Made) -> None:
    health = make()
    health.check("early")(lambda: None)
    results(health)
    health.check("late", parents=["early"])(lambda: None)
    assert health.answer("GET", "/health/ready").status == 200
    until(lambda: {result.name: result.state for result in health.snapshot.results} == {"early": "pass", "late": "pass"})
    assert [thread.name for thread in threading.enumerate()].count("watcher") == 1


def test_what_belongs_to_a_thread_is_given_back_after_each_look(make: Made) -> None:
    threads: list[int] = []
    health = make(after=lambda: threads.append(threading.get_ident()))
    health.check("passes")(lambda: threads.append(threading.get_ident()))
    results(health)
    assert len(threads) == 2 and len(set(threads)) == 1
    health.check("fails")(raising(OperationalError("x")))
    until(lambda: health.snapshot.started and len(threads) >= 5)


def test_start_and_stop(make: Made) -> None:
    looks: list[int] = []
    health = make()
    health.check("own", interval=1)(lambda: looks.append(1))
    health.start()
    until(lambda: looks)
    health.stop()
    assert "watcher" not in [thread.name for thread in threading.enumerate()]
    at = health.snapshot.at
    assert health.answer("GET", "/health/own").status == 200
    assert (health.snapshot.at, "watcher" in [thread.name for thread in threading.enumerate()]) == (at, False)
    health.start()
    until(lambda: health.snapshot.at > at)


def test_tokens_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    health = Health("shop", token_file=tmp_path / "token")
    assert (health.answer("GET", "/health", authorization="Bearer wrong").status, b"serviceId" in ask_all(health)) == (401, True)
    health.stop()
    for content in (None, "", " \n"):
        path = tmp_path / "other"
        if content is not None:
            path.write_text(content)
        with pytest.raises(InvalidInput, match="token_file"):
            Health("shop", token_file=path)


def ask_all(health: Health) -> bytes:
    return health.answer("GET", "/health", authorization=f"Bearer {TOKEN}").body


def test_without_a_token_nobody_is_told_more_than_statuses() -> None:
    health = Health("shop")
    health.check("own")(raising(Fail("secret")))
    results(health)
    assert set(json.loads(ask_all(health))) == {"status", "version", "time", "interval"}
    health.stop()


@pytest.mark.parametrize("prefix", ["internal", "/internal/", "/"])
def test_a_prefix_that_is_no_path_is_refused(prefix: str) -> None:
    with pytest.raises(InvalidInput, match="expected a path such as /internal"):
        Health("shop", prefix=prefix)


def test_metrics_are_for_who_has_the_token(make: Made) -> None:
    health = make(prefix="/internal")
    health.check("own")(raising(Fail("secret")))
    results(health)
    told = health.answer("GET", "/internal/metrics", authorization=f"Bearer {TOKEN}")
    assert told.status == 200 and told.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    assert b'vigil_check_state{check="own",kind="function",state="fail"} 1\n' in told.body
    head = health.answer("HEAD", "/internal/metrics", authorization=f"Bearer {TOKEN}")
    assert (head.status, head.body, head.length) == (200, b"", len(told.body))
    for authorization in ("", "Bearer wrong", "Bearer "):
        refused = health.answer("GET", "/internal/metrics", authorization=authorization)
        assert (refused.status, b"vigil_" in refused.body, refused.headers["WWW-Authenticate"]) == (401, False, "Bearer")
    statuses = [health.answer(method, path).status for method, path in (("POST", "/internal/metrics"), ("GET", "/metrics"))]
    assert (statuses, health.answer("OPTIONS", "/internal/metrics").status) == ([405, 404], 204)


@pytest.mark.parametrize(("options", "status", "wrong"), [
    ({"public": True}, 200, 200), ({}, 401, 401), ({"public": True, "token": TOKEN}, 200, 401)])
def test_metrics_without_a_token(options: dict[str, Any], status: int, wrong: int) -> None:
    health = Health("shop", **options)
    assert health.answer("GET", "/metrics").status == status
    assert health.answer("GET", "/metrics", authorization="Bearer wrong").status == wrong
    health.stop()


FORKED = """
import os, sys, threading, time
from vigil.health.web import Health
health = Health("shop")
pids = []
health.check("own", interval=1)(lambda: pids.append(os.getpid()))
health.start()
end = time.monotonic() + 10
while not health.snapshot.started:
    assert time.monotonic() < end
    time.sleep(0.01)
held = threading.Event()
def hold():
    with health._runner._lock:
        held.set()
        time.sleep(60)
threading.Thread(target=hold, daemon=True).start()
held.wait()
child = os.fork()
if not child:
    while os.getpid() not in pids:
        health.answer("GET", "/health/live")
        if time.monotonic() > end:
            os._exit(1)
        time.sleep(0.01)
    os._exit(0 if health.snapshot.ready else 2)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)
os._exit(0)
"""


def test_a_forked_child_watches_anew() -> None:
    done = run(FORKED)
    assert (done.stdout.strip(), done.stderr) == ("0", "")


def test_the_program_ends_while_a_check_hangs() -> None:
    began = time.monotonic()
    done = run("""
import threading
from vigil.health.web import Health
health = Health("shop")
begun = threading.Event()
health.check("own")(lambda: begun.set() or threading.Event().wait(60))
health.start()
assert begun.wait(10)
""")
    assert (done.returncode, done.stderr) == (0, "")
    assert time.monotonic() - began < 30


def run(program: str) -> subprocess.CompletedProcess[str]:
    place = {"PYTHONPATH": str(ROOT / "plugins" / "module_utils"), "PATH": "/usr/bin:/bin"}
    argv = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", program]
    return subprocess.run(argv, env=place, capture_output=True, text=True, timeout=60, check=False)


def call(app: Any, path: str, method: str = "GET", **environ: str) -> tuple[str, dict[str, str], bytes]:
    given: dict[str, Any] = {"SCRIPT_NAME": "", "PATH_INFO": path, "REQUEST_METHOD": method, "QUERY_STRING": "", **environ}
    setup_testing_defaults(given)
    seen: list[Any] = []
    answer = validator(app)(given, lambda status, headers, exc_info=None: seen.extend((status, dict(headers))))
    body = b"".join(answer)
    answer.close()
    return seen[0], seen[1], body


def shop(environ: dict[str, Any], start_response: Callable[..., Any]) -> list[bytes]:
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", "4")])
    return [b"shop"]


def test_wsgi_around_an_application(make: Made) -> None:
    health = make()
    health.check("a b/é")(lambda: None)
    app = health.wsgi(shop)
    assert call(app, "/")[2] == b"shop"
    until(lambda: health.snapshot.started)
    assert call(app, "/health/ready")[0] == "200 OK"
    assert call(app, "/health/a b/é".encode().decode("latin-1"), HTTP_AUTHORIZATION=f"Bearer {TOKEN}")[0] == "200 OK"
    assert [call(app, path)[2] for path in ("/healthy", "/primary", "/replica", "/metrics")] == [b"shop"] * 4
    status, headers, body = call(app, "/health", "HEAD")
    assert (status, int(headers["Content-Length"]) > 0, body) == ("200 OK", True, b"")
    assert call(app, "/health", "OPTIONS")[0] == "204 No Content"
    assert call(app, "/health", "POST")[0] == "405 Method Not Allowed"


def test_wsgi_below_a_prefix_and_alone(make: Made) -> None:
    app = make(prefix="/internal").wsgi(shop)
    paths = {"/internal/health/live": "200", "/internal/primary": "503", "/internal": "404", "/internal/x": "404"}
    assert {path: call(app, path)[0][:3] for path in paths} == paths
    assert [call(app, path)[2] for path in ("/health", "/internals")] == [b"shop"] * 2
    alone = make().wsgi()
    assert [call(alone, path)[0][:3] for path in ("/health/live", "/primary", "/")] == ["200", "503", "404"]


async def exchange(app: Any, scope: dict[str, Any], *received: dict[str, Any]) -> list[dict[str, Any]]:
    waiting, sent = list(received), []

    async def receive() -> dict[str, Any]:
        return waiting.pop(0)

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    await app(scope, receive, send)
    return sent


def http(app: Any, path: str, method: str = "GET", **scope: Any) -> tuple[int, dict[bytes, bytes], bytes]:
    sent = asyncio.run(exchange(app, {"type": "http", "method": method, "path": path, "query_string": b"", "headers": [], **scope}))
    return sent[0]["status"], dict(sent[0]["headers"]), sent[1]["body"]


async def other(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": f"other.{scope['type']}"})


def test_asgi_alone(make: Made) -> None:
    health = make()
    health.check("own")(lambda: None)
    app = health.asgi()
    results(health)
    assert http(app, "/health/ready")[0] == 200
    assert b"serviceId" in http(app, "/health", headers=[(b"authorization", f"Bearer {TOKEN}".encode())])[2]
    assert http(app, "/health", headers=[(b"Authorization", b"Bearer \xff")])[0] == 401
    status, headers, body = http(app, "/health", "HEAD")
    assert (status, int(headers[b"content-length"]) > 0, body) == (200, True, b"")
    assert http(app, "/replica", query_string=b"lag=x")[0] == 400
    assert [http(app, path, root_path="/internal")[0] for path in ("/internal/health", "/health", "/internalhealth")] == [200, 200, 404]
    closed = asyncio.run(exchange(app, {"type": "websocket", "path": "/"}, {"type": "websocket.connect"}))
    assert closed == [{"type": "websocket.close", "code": 1000}]


@pytest.mark.parametrize("around", [False, True])
def test_asgi_starts_and_ends_with_its_server(make: Made, around: bool) -> None:
    looks: list[int] = []
    health = make()
    health.check("own")(lambda: looks.append(1))

    async def lives(scope: Any, receive: Any, send: Any) -> None:
        while (await receive())["type"] != "lifespan.shutdown":
            until(lambda: looks)
            await send({"type": "lifespan.startup.complete"})
        await send({"type": "lifespan.shutdown.complete"})

    app = health.asgi(lives if around else None)
    sent = asyncio.run(exchange(app, {"type": "lifespan"}, {"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}))
    assert [message["type"] for message in sent] == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
    assert "watcher" not in [thread.name for thread in threading.enumerate()]


def test_asgi_around_an_application(make: Made) -> None:
    app = make().asgi(other)
    assert http(app, "/health/live")[0] == 200
    for scope in ({"type": "http", "path": "/primary"}, {"type": "http", "path": "/healthy"}, {"type": "websocket", "path": "/health"}):
        assert asyncio.run(exchange(app, scope)) == [{"type": f"other.{scope['type']}"}]


def test_what_was_stopped_stays_so_when_a_check_comes_late(make: Made) -> None:
    health = make()
    health.stop()
    looks: list[int] = []
    health.check("own")(lambda: looks.append(1))
    assert (health.answer("GET", "/health/startup").status, health.answer("GET", "/health/live").status) == (503, 200)
    assert "watcher" not in [thread.name for thread in threading.enumerate()]
    health.start()
    until(lambda: looks)
