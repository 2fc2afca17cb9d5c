# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The client and its pool against real servers on loopback: good ones, and all the bad ones that we could think of."""

from __future__ import annotations

import asyncio
import gzip
import json
import socket
import ssl
import time
from pathlib import Path

import pytest
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.sweep import model, read, silence
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.sweep.ask import Manner, Progress, ask_all
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.sweep.client import (
    CONNECTING,
    Late,
    Question,
    Shared,
    ask,
    request,
    trust,
)
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.sweep.model import Answer, Target

from tests.bench import fleet
from tests.unit.sweep.loops import Handler, listen, running

LIMIT = 100_000
HEAD = b"HTTP/1.1 200 OK\r\n"
BODY = fleet.document("a", "pass", 3)
# A server that is no good agent: what it sends after the question, and the reason that must follow.
SAYS = {
    "garbage": (b"\x00\xff" * 500, model.NOT_AGENT),
    "another protocol": (b"SSH-2.0-OpenSSH_9.2p1\r\n", model.NOT_AGENT),
    "nothing": (b"", model.CLOSED),
    "half a body": (HEAD + b"Content-Length: 999\r\n\r\n{", model.NOT_AGENT),
    "a header of 1 MB": (HEAD + b"A: " + b"b" * 1_000_000 + b"\r\n\r\n", model.NOT_AGENT),
    "a body without end": (HEAD + b"\r\n" + b"x" * 5_000_000, model.NOT_AGENT),
    "1 GB by its own word": (HEAD + b"Content-Length: 1000000000\r\n\r\n", model.NOT_AGENT),
    "a redirect": (b"HTTP/1.1 302 Found\r\nLocation: http://192.0.2.1/health\r\nContent-Length: 0\r\n\r\n", model.NOT_AGENT),
    "a page that is not there": (b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n", model.NOT_AGENT),
    "a page": (HEAD + b"Content-Length: 15\r\n\r\n<html>hi</html>", model.NOT_AGENT),
    "other JSON": (HEAD + b"Content-Length: 4\r\n\r\n[{}]", model.NOT_AGENT),
    "JSON without end": (HEAD + b"\r\n" + b"[" * 50_000, model.NOT_AGENT),
    "a number without end": (HEAD + b'\r\n{"checks": {}, "time": ' + b"9" * 90_000 + b"}", model.NOT_AGENT),
    "gzip": (HEAD + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(BODY), model.NOT_AGENT),
    "a wrong token": (b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n", model.TOKEN),
    "no details": (HEAD + b'\r\n{"status": "pass"}', model.TOKEN),
    "another host": (HEAD + b"\r\n" + fleet.document("b", "pass", 1), model.NOT_AGENT),
    "an old snapshot": (HEAD + b"Age: 31\r\n\r\n" + BODY, model.STALE),
}


def says(data: bytes) -> Handler:
    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(data)
        await writer.drain()

    return handle


async def drip(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    for byte in HEAD + b"Content-Length: 5000\r\n\r\n" + b" " * 5000:
        writer.write(bytes([byte]))
        await asyncio.sleep(0.05)


async def hang(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read(-1)


def asked(port: int, *, timeout: float = 5.0, retries: int = 0) -> Answer:
    return ask_all([Target("a", "127.0.0.1", port)], Question(timeout=timeout, limit=LIMIT), Manner(retries=retries))[0]


@pytest.mark.parametrize("name", SAYS)
def test_who_is_no_agent_is_told_apart(name: str) -> None:
    data, reason = SAYS[name]
    with running() as run:
        answer = asked(run(listen(says(data))))
    assert answer.silence is not None
    assert (answer.silence.reason, bool(answer.silence.advice)) == (reason, True), answer.silence
    assert answer.seconds < 4


@pytest.mark.parametrize("handler", [hang, drip])
def test_the_deadline_is_one_for_all(handler: Handler) -> None:
    with running() as run:
        answer = asked(run(listen(handler)), timeout=0.5)
    assert answer.silence is not None
    assert answer.silence.reason == model.TIMEOUT
    assert 0.4 < answer.seconds < 1.5


def test_a_good_agent_is_read_with_503_too_and_chunked() -> None:
    chunked = b"HTTP/1.1 503 Service Unavailable\r\nAge: 0\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(BODY), BODY)
    with running() as run:
        answer = asked(run(listen(says(chunked))))
    assert answer.silence is None
    assert [row.name for row in answer.seen.rows] == ["check-0", "check-1", "check-2"]


def test_refused_and_a_port_that_nobody_has() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        answer = asked(taken.getsockname()[1], timeout=2)
    assert answer.silence is not None
    assert answer.silence.reason == model.REFUSED


def test_a_retry_helps_an_agent_that_was_down_for_a_moment() -> None:
    tries = []

    async def second(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tries.append(1)
        await says(HEAD + b"Age: 0\r\n\r\n" + BODY if len(tries) > 1 else b"")(reader, writer)

    with running() as run:
        port = run(listen(second))
        assert asked(port, retries=3).silence is None
    assert len(tries) == 2


def test_certificates_names_and_tokens_are_told_apart(tmp_path: Path) -> None:
    wanted = [fleet.GOOD, fleet.UNTRUSTED, fleet.EXPIRED, fleet.MISNAMED, fleet.REFUSES]
    with running() as run:
        agents = run(fleet.Fleet(tmp_path, wanted, checks=2).start())
        hanging = Target("a", "127.0.0.1", run(listen(hang)))
        targets = [Target(agent.host, agent.address, agent.port) for agent in agents]
        context = trust(str(tmp_path / "good" / "ca.crt"))
        answers = ask_all(targets, Question(token=fleet.TOKEN, context=context), Manner())
        answers += ask_all([hanging], Question(context=context, timeout=0.4), Manner())
        wrong = ask_all(targets[:1], Question(token="wrong", context=context), Manner())
    reasons = [answer.silence.reason if answer.silence else "" for answer in [*answers, *wrong]]
    assert reasons == ["", model.UNTRUSTED, model.EXPIRED, model.WRONG_NAME, model.REFUSED, model.TIMEOUT, model.TOKEN]
    assert "TLS handshake" in answers[5].silence.words
    assert answers[3].silence.words == "its certificate is for another name: IP address mismatch"


def test_http_behind_an_https_question_is_no_agent(tmp_path: Path) -> None:
    async def speak(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()
        await reader.read(-1)

    fleet.make_certificates(tmp_path, {"good-1": ["127.0.0.1"]})
    with running() as run:
        target = Target("a", "127.0.0.1", run(listen(speak)))
        answer = ask_all([target], Question(context=trust(str(tmp_path / "good" / "ca.crt"))), Manner())[0]
    assert answer.silence is not None
    assert (answer.silence.reason, answer.silence.words) == (model.NOT_AGENT, "what answers speaks no TLS")


def test_a_name_that_nobody_knows() -> None:
    answer = ask_all([Target("a", "no-such-name.invalid", 1)], Question(timeout=20), Manner())[0]
    assert answer.silence is not None
    assert answer.silence.reason == model.NO_NAME


def test_half_of_a_fleet_hangs_and_the_other_half_is_seen_in_time(tmp_path: Path) -> None:
    wanted = [fleet.GOOD, fleet.HANGS] * 60
    told: list[Progress] = []
    with running() as run:
        agents = run(fleet.Fleet(tmp_path, wanted, checks=2, tls=False).start())
        targets = [Target(agent.host, agent.address, agent.port) for agent in agents]
        began = time.monotonic()
        answers = ask_all(targets, Question(token=fleet.TOKEN, timeout=1), Manner(concurrency=40, every=0.5), told.append)
        seconds = time.monotonic() - began
    assert [bool(answer.seen) for answer in answers] == [True, False] * 60
    assert [answer.host for answer in answers] == [target.host for target in targets]
    # 60 hang for 1 s each, up to 40 at a time: two rounds, and some for those in between.
    assert seconds < 6
    assert told and told[-1].total == 120
    assert told[-1].done > told[-1].silent > 0


def test_a_connection_ends_with_its_answer_and_not_with_the_sweep() -> None:
    ended: list[float] = []

    async def stays(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await says(HEAD + b"Age: 0\r\nContent-Length: %d\r\n\r\n" % len(BODY) + BODY)(reader, writer)
        await reader.read(-1)
        ended.append(time.monotonic())

    with running() as run:
        targets = [Target("a", "127.0.0.1", run(listen(stays))), Target("b", "127.0.0.1", run(listen(hang)))]
        answers = ask_all(targets, Question(timeout=1), Manner())
        over = time.monotonic()
    assert [bool(answer.seen) for answer in answers] == [True, False]
    assert ended and over - ended[0] > 0.5


class Places(asyncio.Semaphore):
    """Counts who holds a place."""

    def __init__(self, places: int) -> None:
        super().__init__(places)
        self.held, self.most, self.ever = 0, 0, 0

    async def acquire(self) -> bool:
        await super().acquire()
        self.held, self.ever = self.held + 1, self.ever + 1
        self.most = max(self.most, self.held)
        return True

    def release(self) -> None:
        self.held -= 1
        super().release()


def test_only_a_few_large_answers_are_held_at_once() -> None:
    async def ask_many(ports: list[int]) -> tuple[list[int], Places]:
        shared = Shared()
        shared.large = places = Places(2)
        question = Question(limit=1_000_000, timeout=20)
        found = await asyncio.gather(*(ask(Target("a", "127.0.0.1", port), question, shared) for port in ports))
        return [len(raw.body) for raw in found], places

    with running() as run:
        large, small = run(listen(says(HEAD + b"\r\n" + b"x" * 600_000))), run(listen(says(HEAD + b"\r\n" + b"x" * 1000)))
        sizes, places = asyncio.run(ask_many([large] * 6 + [small] * 6))
    assert sizes == [600_000] * 6 + [1000] * 6
    assert (places.most, places.ever, places.held) == (2, 6, 0)


def test_no_target_is_no_error() -> None:
    assert ask_all([], Question(), Manner()) == []


def test_no_descriptor_is_left_behind(tmp_path: Path) -> None:
    wanted = [fleet.GOOD, fleet.HANGS, fleet.REFUSES] * 5
    with running() as run:
        agents = run(fleet.Fleet(tmp_path, wanted, checks=2, tls=False).start())
        targets = [Target(agent.host, agent.address, agent.port) for agent in agents]
        before = len(list(Path("/proc/self/fd").iterdir()))
        ask_all(targets, Question(token=fleet.TOKEN, timeout=0.3), Manner())
        until = time.monotonic() + 5
        # The servers are in this process too; theirs end when they see the farewell.
        while len(list(Path("/proc/self/fd").iterdir())) > before and time.monotonic() < until:
            time.sleep(0.02)
    assert len(list(Path("/proc/self/fd").iterdir())) <= before


def test_the_question_names_its_token_only_where_there_is_one() -> None:
    target = Target("a", "2001:db8::1", 9890)
    assert b"Authorization" not in request(target, Question())
    assert b"Authorization: Bearer geheim\r\n" in request(target, Question(token="geheim"))
    assert b"Host: [2001:db8::1]:9890\r\n" in request(target, Question())
    assert "geheim" not in repr(Question(token="geheim"))


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (Late(CONNECTING), model.TIMEOUT), (ConnectionResetError(104, "Connection reset by peer"), model.CLOSED),
        (OSError(113, "No route to host"), model.NO_ROUTE), (OSError(24, "Too many open files"), model.HERE),
        (OSError("the name has no address"), model.NO_ROUTE), (ssl.SSLError(1, "[SSL: TLSV1_ALERT_INTERNAL_ERROR]"), model.NO_TLS),
    ],
)
def test_errors_have_a_reason_and_a_next_step(error: Exception, reason: str) -> None:
    found = silence.of_error(error, 5)
    assert found.reason == reason
    assert found.advice


HOSTILE = [
    {"checks": {"a": [{"state": "pass", "duration": []}]}}, {"checks": {"a": [{"state": "pass", "time": "never"}]}},
    {"checks": {"a": [{"state": "pass", "tags": 5}]}}, {"checks": {"a": "pass"}}, {"checks": {"a": [{"state": ["pass"]}]}},
    {"checks": []}, {"checks": {}, "time": "9999999999"},
]


@pytest.mark.parametrize("document", HOSTILE, ids=range(len(HOSTILE)))
def test_a_document_of_wrong_types_is_no_agent(document: dict[str, object]) -> None:
    told = {"status": "pass", "time": "2026-01-01T00:00:00Z", **document}
    raw = read.Raw(200, {"date": "Thu, 01 Jan 2026 00:00:05 GMT"}, json.dumps(told).encode())
    answer = read.answer("a", raw, now=0, seconds=0)
    assert answer.silence is not None
    assert answer.silence.reason == model.NOT_AGENT


def test_the_age_counts_by_the_agents_own_clock() -> None:
    body = json.dumps({"status": "pass", "time": "2026-01-01T00:00:00Z", "interval": 10, "checks": {}}).encode()
    for headers, stale in [({"date": "Thu, 01 Jan 2026 00:00:29 GMT"}, False), ({"date": "Thu, 01 Jan 2026 00:00:31 GMT"}, True),
                           ({"age": "30"}, False), ({"age": "31"}, True), ({"age": "x", "date": "Thu, 01 Jan 2026 00:00:01 GMT"}, False)]:
        answer = read.answer("a", read.Raw(200, headers, body), now=4e9, seconds=0)
        assert (answer.silence is not None) == stale, headers


def test_no_text_of_a_host_reaches_a_terminal_as_it_is() -> None:
    entry = {"state": "fail", "output": "a\x1b[2Jb\nc\u202ed" + "x" * 5000, "observedValue": "\x1b]0;x\x07", "advice": "\ud800"}
    body = json.dumps({"status": "fail", "time": "2026-01-01T00:00:00Z", "checks": {"n\ta\x00me": [entry]}}).encode()
    answer = read.answer("a", read.Raw(503, {"age": "0"}, body), now=0, seconds=0)
    row = answer.seen.rows[0]
    assert row.name == "n a me"
    assert row.summary.startswith("a [2Jb c d")
    assert len(row.summary) == 500
    assert all(text.isprintable() for text in row if isinstance(text, str))


def test_a_host_with_endless_checks_is_kept_within_bounds() -> None:
    checks = {f"c{number}": [{"state": "fail" if number % 2 else "pass", "status": "pass"}] for number in range(3000)}
    body = json.dumps({"status": "pass", "time": "2026-01-01T00:00:00Z", "checks": checks}).encode()
    rows = read.answer("a", read.Raw(200, {"age": "0"}, body), now=0, seconds=0).seen.rows
    assert len(rows) == read.ROWS + 1
    assert "1000 more" in rows[-1].summary
