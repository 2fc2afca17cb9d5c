# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hostile titles, texts and labels: no header, no command, no address is changed by them; requests stay valid and within their limits."""

from __future__ import annotations

import email
import email.policy
import json
from typing import Any
from urllib.parse import parse_qsl

import pytest
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.access import wrong_url
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.notifier import ask, sms, text
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.notifier.channel import read_settings
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.notifier.channels import CHANNELS, mail
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.notifier.channels.telling import NOW, message
from tests.unit.notifier.channels.test_channel_cases import module

ANY = st.one_of(st.text(st.characters(), max_size=200), st.text(st.characters(), max_size=50).map(lambda found: found * 300),
                st.sampled_from(["\r\nBcc: x@y.org\r\n\r\n", "<script>&amp;", "\ud800", "\u202e\u2028", "{secret}",
                                 "👨\u200d👩\u200d👧" * 3000, "é" * 5000, "a\u0301" * 5000]))
LIMITS = {"dingtalk": 20000, "feishu": 20480, "slack": 60000, "telegram": 30000, "ntfy": 16000, "webhook": 1200000, "wecom": 6000,
          "twilio": 6000, "tencent_sms": 4000, "aliyun_sms": 0, "sms_http": 6000}
OWN: dict[str, dict[str, Any]] = {
    "sms_http": {"body": '{"to":"{recipient}","text":"{sms}","l":"{label.instance}","t":"{title}"}'},
    "twilio": {"account_sid": "AC" + "0" * 32, "from": "x"},
    "aliyun_sms": {"access_key_id": "a", "sign_name": "b", "template_code": "c", "params": {"a": "{title}", "b": "{text}"}},
    "tencent_sms": {"secret_id": "a", "app_id": "b", "sign_name": "c", "template_id": "d", "params": ["{title}", "{label.instance}"]}}
SECRETS = {"url": "https://h.example.org/x", "secret": "s", "token": "123456:ABC-DEF1234ghIkl-zyx57W2v1u123ew11", "auth_token": "t",
           "access_key_secret": "k", "secret_key": "k"}


@pytest.mark.parametrize("name", sorted(LIMITS))
@settings(max_examples=40, deadline=None)
@given(title=ANY, body=ANY, label=ANY, url=ANY)
def test_requests_stay_valid(name: str, title: str, body: str, label: str, url: str) -> None:
    files = {option.name: "/x" for option in CHANNELS[name].options if option.name.endswith("_file") and option.required}
    options = read_settings(CHANNELS[name], {**files, **OWN.get(name, {})}, name)
    told = message(id=label, title=title, text=body, url=f"https://{url}", labels={"instance": label, label: title}, severity=label)
    made = module(name).build(ask.Call(told, ("+8613800000000",), options, SECRETS, NOW))
    assert wrong_url(made.url) is None
    for key, value in made.headers.items():
        assert value.isascii(), key
        assert value.isprintable(), key
    content = (made.body or b"").decode()
    assert len(content.encode()) <= LIMITS[name]
    if name == "twilio":
        assert set(dict(parse_qsl(content, keep_blank_values=True, strict_parsing=True))) == {"To", "From", "Body"}
    elif content:
        assert isinstance(json.loads(content), dict)


@settings(max_examples=150, deadline=None)
@given(title=ANY, body=ANY, html=ANY, status=ANY)
def test_a_mail_has_its_headers_and_no_others(title: str, body: str, html: str, status: str) -> None:
    options = read_settings(CHANNELS["mail"], {"host": "h", "from": "A <a@example.org>"}, "mail")
    made = mail.build(message(id=title, title=title, text=body, html=html, status=status), ["ops@example.org"], options)
    assert b"\r" not in made.replace(b"\r\n", b"")
    assert b"\n" not in made.replace(b"\r\n", b"")
    assert max(map(len, made.split(b"\r\n"))) <= 998
    read = email.message_from_bytes(made, policy=email.policy.default)
    assert set(read.keys()) <= {"From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "X-Vigil-Status", "MIME-Version",
                                "Content-Type", "Content-Transfer-Encoding"}
    assert str(read["to"]) == "ops@example.org"
    assert not read.defects


@settings(max_examples=150, deadline=None)
@given(found=ANY, limit=st.integers(0, 300), size=st.sampled_from([len, text.utf8, text.utf16]))
def test_cut(found: str, limit: int, size: Any) -> None:
    cut = text.fit(text.scrub(found), limit, size=size)
    assert size(cut) <= limit
    cut.encode()


@settings(max_examples=100, deadline=None)
@given(title=ANY, body=ANY, segments=st.integers(1, 10))
def test_short_messages_fit(title: str, body: str, segments: int) -> None:
    made = sms.short_text(message(title=title, text=body), segments)
    assert sms.units(made) <= sms.room(made, segments)


def test_an_escape_is_never_cut() -> None:
    for limit in range(30):
        made = text.fit("<&>" * 10, limit, {"&": "&amp;", "<": "&lt;", ">": "&gt;"}.__getitem__)
        assert made.replace("&amp;", "").replace("&lt;", "").replace("&gt;", "") in ("", "…")


def test_a_character_of_several_is_kept_whole() -> None:
    assert text.fit("xxxx👨\u200d👩\u200d👧y", 7) == "xxxx…"
    assert text.fit("aaaae\u0301b", 6) == "aaaa…"


def test_a_cut_is_made_between_words() -> None:
    assert text.fit("the host db1 has been down for 5 minutes", 36) == "the host db1 has been down for 5…"
