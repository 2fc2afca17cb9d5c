# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Channels over a real network: loopback servers that answer, refuse, hang, lie, and quote secrets."""

from __future__ import annotations

import json
import socket
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.notifier import ask, signature

from tests.unit.health.serving import Authority, page, says, serve
from tests.unit.notifier.channels.telling import NOW, kept, tell

FOLDER = Path(__file__).resolve().parents[3] / "cases" / "notifier" / "channels"
ROBOTS = {"dingtalk": ["13800000000"], "feishu": ["ou_18eac85d35a26f989317ad4f02e8bbbb"], "wecom": ["zhangsan"], "slack": ["U0123ABCD"],
          "webhook": ["ops"], "sms_http": ["+8613800000000"]}
APIS = {"telegram": ["42"], "ntfy": ["alerts"], "twilio": ["+14155550100"], "aliyun_sms": ["+8613800000000"],
        "tencent_sms": ["+8613800000000"]}
TOKEN = "123456:ABC-DEF1234ghIkl-zyx57W2v1u123ew11"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


def given(name: str, where: str, folder: Path) -> dict[str, Any]:
    """Settings of a channel whose provider is at ``where``."""
    key = kept(folder, "key", "k3y-of-the-account")
    own: dict[str, dict[str, Any]] = {
        "dingtalk": {"secret_file": key}, "feishu": {"secret_file": key}, "webhook": {"secret_file": key},
        "sms_http": {"secret_file": key, "body": '{"to":"{recipient}","text":"{sms}","key":"{secret}"}', "sent_pattern": '"code":0',
                     "never_pattern": '"code":9'},
        "telegram": {"token_file": kept(folder, "token", TOKEN), "endpoint": where}, "ntfy": {"url": where, "token_file": key},
        "twilio": {"account_sid": "AC" + "0" * 32, "auth_token_file": key, "from": "+14155550199", "endpoint": where},
        "aliyun_sms": {"access_key_id": "LTAI", "access_key_secret_file": key, "sign_name": "a", "template_code": "SMS_1",
                       "endpoint": where},
        "tencent_sms": {"secret_id": "AKID", "secret_key_file": key, "app_id": "1", "sign_name": "a", "template_id": "1",
                        "endpoint": where}}
    robot = {"url_file": kept(folder, "url", f"{where}/hook/s3cr3t-path?key=s3cr3t-query")} if name in ROBOTS else {}
    return {**robot, **own.get(name, {})}


def answers(name: str, state: str) -> dict[str, Any]:
    """The first recorded answer of a channel's documents that means ``state``."""
    cases = yaml.safe_load((FOLDER / f"{name}.yml").read_text(encoding="utf-8"))
    found: dict[str, Any] = next(case["answer"] for case in cases if "answer" in case and case["outcome"]["state"] == state)
    return found


def whole(link: socket.socket) -> bytes:
    """Read a request: headers and body come apart."""
    head, _end, content = link.recv(65536).partition(b"\r\n\r\n")
    length = int(head.lower().partition(b"content-length: ")[2].split(b"\r\n")[0])
    while len(content) < length:
        content += link.recv(65536)
    return head + b"\r\n\r\n" + content


def reply(answer: dict[str, Any]) -> bytes:
    headers = [f"{key}: {value}" for key, value in answer.get("headers", {}).items()]
    return page(answer.get("body", ""), f"{answer.get('status', 200)} X", *headers)


@pytest.mark.parametrize("name", sorted({**ROBOTS, **APIS}))
@pytest.mark.parametrize("state", ["sent", "later", "never"])
def test_a_provider_that_speaks_its_protocol(name: str, state: str, tmp_path: Path) -> None:
    asked: list[bytes] = []
    with serve(says(reply(answers(name, state)), asked)) as port:
        outcome = tell(name, {**ROBOTS, **APIS}[name], given(name, f"http://127.0.0.1:{port}", tmp_path))
    assert (outcome.state, outcome.words) == (state, outcome.words)
    assert len(asked) == 1
    assert asked[0].startswith(b"POST /")
    assert b"User-Agent: vigil-notifier\r\n" in asked[0]


@pytest.mark.parametrize("name", sorted({**ROBOTS, **APIS}))
def test_no_secret_in_words(name: str, tmp_path: Path) -> None:
    """A provider or a proxy that quotes all it was asked."""
    def quote(link: socket.socket) -> None:
        text = whole(link).decode()
        document = {"errcode": 400013, "code": 19001, "Code": "isv.X", "errmsg": text, "msg": text, "Message": text}
        link.sendall(page(json.dumps(document), "404 No"))

    with serve(quote) as port:
        outcome = tell(name, {**ROBOTS, **APIS}[name], given(name, f"http://127.0.0.1:{port}", tmp_path))
    assert outcome.state != "sent"
    for word in ("s3cr3t", "k3y-of", TOKEN):
        assert word not in repr(outcome)


def test_the_webhook_is_signed_and_a_replay_is_refused(tmp_path: Path) -> None:
    asked: list[bytes] = []
    with serve(says(page("", "204 No Content"), asked)) as port:
        for now in (NOW, NOW, NOW + 60):
            assert tell("webhook", [], given("webhook", f"http://127.0.0.1:{port}", tmp_path), now=now).state == "sent"
    replays, verdicts = signature.Replays(), []
    for request in asked:
        head, _end, content = request.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n")[1:])
        verdicts.append(replays.refuse("k3y-of-the-account", headers, content, NOW + 100))
        assert signature.refuse("another", headers, content, NOW) == "Vigil-Signature does not match"
        assert signature.refuse("k3y-of-the-account", headers, content + b" ", NOW) == "Vigil-Signature does not match"
        for now in (NOW - 400, NOW + 400):
            assert "more than 300 s" in str(signature.refuse("k3y-of-the-account", headers, content, now))
    assert verdicts == [None, "this request was accepted before", None]


def test_a_signature_that_is_none() -> None:
    for headers in ({}, {"vigil-timestamp": "x"}, {"vigil-timestamp": "1", "vigil-signature": "ü"}):
        assert signature.refuse("s", headers, b"", 1.0)


@pytest.mark.parametrize(("answer", "words"), [
    (b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nabc", "in the middle"), (b"", "without an answer"), (b"SSH-2.0-x\r\n", "no HTTP"),
    (page("", "302 Found", "Location: http://127.0.0.1:1/"), "302"), (page("x" * 200000, "500 X"), "500"),
])
def test_odd_answers_are_tried_again(answer: bytes, words: str, tmp_path: Path) -> None:
    with serve(says(answer)) as port:
        outcome = tell("webhook", [], given("webhook", f"http://127.0.0.1:{port}", tmp_path))
    assert outcome.state == "later"
    assert words in outcome.words
    assert len(outcome.words) <= 300


def test_a_provider_that_hangs_does_not_hold_us(tmp_path: Path) -> None:
    ended = threading.Event()
    began = time.monotonic()
    with serve(lambda link: ended.wait(5) and None) as port:
        outcome = tell("telegram", ["1", "2", "3"], given("telegram", f"http://127.0.0.1:{port}", tmp_path), seconds=0.4)
        ended.set()
    assert (outcome.state, outcome.pending, outcome.words) == ("later", ("1", "2", "3"), "no answer in time")
    assert time.monotonic() - began < 1.5


def test_each_recipient_has_its_own_verdict(tmp_path: Path) -> None:
    def answer(link: socket.socket) -> None:
        request = whole(link)
        name = "sent" if b'"chat_id":"1"' in request else "later" if b'"chat_id":"2"' in request else "never"
        link.sendall(reply(answers("telegram", name)))

    with serve(answer) as port:
        outcome = tell("telegram", ["1", "2", "3"], given("telegram", f"http://127.0.0.1:{port}", tmp_path))
    assert (outcome.state, outcome.pending, outcome.refused, outcome.after) == ("later", ("2",), ("3",), 35.0)
    assert outcome.provider_id == "42"


def test_a_certificate_for_another_name_gets_nothing(authority: Authority, tmp_path: Path) -> None:
    asked: list[bytes] = []
    settings = {**given("webhook", "https://localhost", tmp_path), "ca": str(authority.file)}
    for name, state in (("localhost", "sent"), ("other.example.org", "later")):
        with serve(says(page("ok"), asked), tls=authority.server(name, name)) as port:
            kept(tmp_path, "url", f"https://localhost:{port}/x")
            outcome = tell("webhook", [], settings)
        assert outcome.state == state, outcome.words
    assert len(asked) == 1
    assert "not trusted" in outcome.words


@pytest.mark.parametrize(("content", "state", "words"), [
    ("http://hooks.example.org/s3cr3t", "never", "without TLS"), ("s3cr3t", "never", "no URL"), ("ftp://s3cr3t/x", "never", "no URL"),
    ("https://user:s3cr3t@h/x", "never", "no URL"), ("", "later", "is empty"),
])
def test_an_address_that_is_none(content: str, state: str, words: str, tmp_path: Path) -> None:
    outcome = tell("webhook", [], {"url_file": kept(tmp_path, "url", content)})
    assert (outcome.state, words in outcome.words, "s3cr3t" in outcome.words) == (state, True, False), outcome.words


def test_a_token_that_is_none(tmp_path: Path) -> None:
    outcome = tell("telegram", ["1"], {"token_file": kept(tmp_path, "token", "s3cr3t/../x")})
    assert (outcome.state, "s3cr3t" in outcome.words) == ("never", False)
    assert "holds none" in outcome.words


@pytest.mark.parametrize("quoted", ["a b/c\\ü", "a%20b%2Fc%5C%C3%BC", "a+b%2Fc%5C%C3%BC", "a b/c\\\\\\u00fc"])
def test_a_secret_is_known_however_it_is_quoted(quoted: str) -> None:
    assert ask.redact(f"key={quoted}!", ["a b/c\\ü", ""]) == "key=***!"


def test_no_file(tmp_path: Path) -> None:
    outcome = tell("telegram", ["1"], {"token_file": str(tmp_path / "none")})
    assert outcome.state == "later"
    assert "is not there" in outcome.words


_APPRISE = """
import logging
import threading

class Apprise:
    def add(self, url):
        self.url = url
        logging.getLogger("apprise").error("cannot read %s", url)
        return "://" in url

    def notify(self, body, title, notify_type, body_format, interpret_escapes):
        if "hang" in self.url:
            threading.Event().wait(3)
        if "raise" in self.url:
            raise RuntimeError(self.url)
        return (body, title, notify_type) == ("for 5 min\\nhttps://mon.example.org/a", "db1 down", "failure") and "good" in self.url
"""


@pytest.mark.parametrize(("url", "state", "words"), [
    ("good://s3cr3t", "sent", "was sent"), ("bad://s3cr3t", "later", "was not sent"), ("raise://s3cr3t", "later", "was not sent"),
    ("hang://s3cr3t", "later", "did not end in time"), ("s3cr3t", "never", "no URL that Apprise knows"),
])
def test_apprise(
    url: str, state: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A library in the shape of Apprise: the adapter's deadline, and that nothing it says is told."""
    (tmp_path / "apprise.py").write_text(_APPRISE, encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "apprise", raising=False)
    outcome = tell("apprise", [], {"url_file": kept(tmp_path, "url", url)}, seconds=0.3)
    assert (outcome.state, words in outcome.words) == (state, True), outcome.words
    assert "s3cr3t" not in outcome.words + caplog.text


def test_a_library_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "apprise", None)
    outcome = tell("apprise", [], {"url_file": kept(tmp_path, "url", "json://127.0.0.1:1/s3cr3t")})
    assert (outcome.state, "python3-apprise" in outcome.words) == ("later", True)
