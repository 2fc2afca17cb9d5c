# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Each channel by its documents: signatures, requests that are built, answers that are read, settings and recipients that are refused."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest
import yaml
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.model import InvalidInput
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.notifier import ask
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.notifier.channel import Message, read_settings, refuse_recipients
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.notifier.channels import CHANNELS

FOLDER = Path(__file__).resolve().parents[3] / "cases" / "notifier" / "channels"
PACKAGE = "ansible_collections.vigil.monitoring.plugins.module_utils.vigil.notifier.channels"
DOCUMENTS = {path.stem: yaml.safe_load(path.read_text(encoding="utf-8")) for path in sorted(FOLDER.glob("*.yml"))}
HTTP = sorted(set(CHANNELS) - {"mail", "apprise"})


def cases(key: str) -> list[Any]:
    return [pytest.param(name, case, id=f"{name}: {case['name']}") for name, found in DOCUMENTS.items() for case in found if key in case]


def module(name: str) -> Any:
    return importlib.import_module(f"{PACKAGE}.{name}")


def message(given: dict[str, Any]) -> Message:
    known: dict[str, Any] = dict(id="m1", status="firing", severity="warning", language="en", title="t", text="x", html="",
                                 url="https://mon.example.org/a", labels={"instance": "db1"}, count=1, at=1700000000.0)
    repeat = given.get("repeat", 1)
    known.update({name: value for name, value in given.items() if name != "repeat"})
    return Message(**{**known, "text": known["text"] * repeat})


def call(name: str, case: dict[str, Any]) -> ask.Call:
    defaults = {"url_file": "/etc/x"} if any(option.name == "url_file" for option in CHANNELS[name].options) else {}
    token = {"token_file": "/etc/x"} if name == "telegram" else {}
    settings = read_settings(CHANNELS[name], case.get("settings", {**defaults, **token}), "here")
    recipients = case.get("recipients", [])
    assert refuse_recipients(CHANNELS[name], recipients) is None or not recipients
    return ask.Call(message(case.get("message", {})), tuple(recipients), settings, case.get("secrets", {}), case.get("now", 1700000000.0))


@pytest.mark.parametrize(("name", "case"), cases("sign"))
def test_signature(name: str, case: dict[str, Any]) -> None:
    named = {key: value.encode() if key == "content" else value for key, value in case["sign"].items()}
    assert module(name).sign(**named) == case["signature"]


def subset(expected: Any, found: Any) -> None:
    if not isinstance(expected, dict):
        assert found == expected
        return
    for key, value in expected.items():
        assert key in found
        subset(value, found[key])


@pytest.mark.parametrize(("name", "case"), cases("request"))
def test_request(name: str, case: dict[str, Any]) -> None:
    made, expected = module(name).build(call(name, case)), case["request"]
    content = made.body or b""
    assert made.url == expected.get("url", made.url)
    assert made.method == expected.get("method", "POST")
    assert made.follow == 0
    subset(expected.get("headers", {}), made.headers)
    assert set(expected.get("header_names", [])) <= set(made.headers)
    if "json" in expected:
        subset(expected["json"], json.loads(content))
    if "form" in expected:
        subset(expected["form"], dict(parse_qsl(content.decode(), keep_blank_values=True)))
    lengths(expected, content)


def lengths(expected: dict[str, Any], content: bytes) -> None:
    assert content.decode() == expected.get("text", content.decode())
    assert len(content) <= expected.get("at_most", len(content))
    if "form_length" in expected:
        assert len(dict(parse_qsl(content.decode()))["Body"]) == expected["form_length"]
    if "content_bytes" in expected:
        assert len(json.loads(content)["text"]["content"].encode()) == expected["content_bytes"]
    if "message_bytes" in expected:
        assert len(json.loads(content)["message"].encode()) == expected["message_bytes"]
    if "blocks" in expected:
        assert len(json.loads(content)["blocks"]) == expected["blocks"]


@pytest.mark.parametrize(("name", "case"), cases("answer"))
def test_answer(name: str, case: dict[str, Any]) -> None:
    given, expected = case["answer"], case["outcome"]
    answer = ask.Answer(given.get("status", 200), given.get("body", "").encode(), given.get("headers", {}))
    outcome = module(name).read(answer, call(name, case))
    assert (outcome.state, outcome.words) == (expected["state"], outcome.words)
    assert expected.get("words", "") in outcome.words
    for field in ("after", "provider_id"):
        assert field not in expected or getattr(outcome, field) == expected[field]


@pytest.mark.parametrize(("name", "case"), cases("refused"))
def test_settings_that_are_refused(name: str, case: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput) as caught:
        read_settings(CHANNELS[name], case["settings"], "channel x")
    assert str(caught.value).startswith("channel x: ")
    assert case["refused"] in str(caught.value)


@pytest.mark.parametrize(("name", "case"), cases("wrong_recipient"))
def test_recipients_that_are_refused(name: str, case: dict[str, Any]) -> None:
    assert case["wrong_recipient"] in str(refuse_recipients(CHANNELS[name], case["recipients"]))


@pytest.mark.parametrize("name", sorted(CHANNELS))
def test_each_channel_has_documents(name: str) -> None:
    found = DOCUMENTS.get(name, [])
    assert any("refused" in case for case in found)
    if name in HTTP:
        assert {"sent", "later", "never"} <= {case["outcome"]["state"] for case in found if "outcome" in case}, name
        assert any("request" in case for case in found)
    if hasattr(module(name), "sign"):
        assert any("signature" in case for case in found)


@pytest.mark.parametrize("name", sorted(CHANNELS))
def test_the_example_is_good(name: str) -> None:
    assert read_settings(CHANNELS[name], yaml.safe_load(CHANNELS[name].example), "example")


@pytest.mark.parametrize("name", sorted(CHANNELS))
def test_no_option_holds_a_secret(name: str) -> None:
    for option in CHANNELS[name].options:
        assert not option.secret
        assert not {"token", "secret", "password"} & set(option.name.split("_")) or option.name.endswith(("_file", "_id"))


@pytest.mark.parametrize("name", HTTP)
@pytest.mark.parametrize("status", [100, 301, 500, 502, 503, 429])
def test_what_passes_is_tried_again(name: str, status: int) -> None:
    case = next((case for case in DOCUMENTS[name] if "answer" in case), {})
    for body in (b"", b"<html>", b"[]", b"null", b'"x"', b"\xff", b"{" * 100000):
        assert module(name).read(ask.Answer(status, body), call(name, case)).state == "later"
