# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``feishu``: a group's custom bot of Feishu or Lark, with its signature."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re

from ...health.clients import http
from .. import ask
from ..channel import LATER, NEVER, SENT, Channel, Outcome
from ..text import fit, one_line, scrub, utf8

# The whole request may have 20 KiB; JSON doubles quotes and line ends at worst.
_LIMIT = 9000
_USER = re.compile(r"(ou_[A-Za-z0-9]{8,64}|[A-Za-z0-9][A-Za-z0-9_-]{3,63})")
_BUSY = {11232: 60.0, 11233: 60.0, 99991400: 60.0, 11247: None, 19036: None, 1500: None, 190005: None}
_REFUSED = (9499, 19001, 19002, 19005, 19006, 19007, 19021, 19022, 19024, 10014, 11246)


def sign(secret: str, timestamp: int) -> str:
    """Return the signature: HMAC-SHA256 of nothing, by a key that is timestamp (seconds), line end and secret."""
    return base64.b64encode(hmac.new(f"{timestamp}\n{secret}".encode(), b"", hashlib.sha256).digest()).decode()


def build(call: ask.Call) -> http.Request:
    """Return the request. A post has its parts apart (text, link, mention), so nothing in an alert is read as markup."""
    message = call.message
    rows: list[list[dict[str, object]]] = [[{"tag": "text", "text": fit(scrub(message.text).strip(), _LIMIT - 1500, size=utf8)}]]
    url = scrub(message.url)
    if url.startswith(("http://", "https://")) and utf8(url) <= 1000:
        rows.append([{"tag": "a", "text": fit(url, 200), "href": url}])
    if call.recipients:
        rows.append([{"tag": "at", "user_id": user} for user in call.recipients])
    language = "zh_cn" if message.language == "zh" else "en_us"
    post = {language: {"title": one_line(message.title, 200), "content": rows}}
    value: dict[str, object] = {"msg_type": "post", "content": {"post": post}}
    if call.secrets.get("secret"):
        timestamp = int(call.now)
        value = {"timestamp": str(timestamp), "sign": sign(call.secrets["secret"], timestamp), **value}
    return ask.post_json(call.secrets["url"], value, call.settings)


def read(answer: ask.Answer, call: ask.Call) -> Outcome:
    """Read code, which stands inside a 200 (StatusCode in the older form)."""
    code, said = answer.data.get("code", answer.data.get("StatusCode")), str(answer.data.get("msg", answer.data.get("StatusMessage", "")))
    if not isinstance(code, int):
        found = ask.by_status(answer, call.now)
        return found if found.state != SENT else Outcome(LATER, f"its answer has no code: {answer.text}")
    if code == 0:
        return Outcome(SENT, "Feishu took it")
    words = f"Feishu answered {code}: {said}"
    # 9499 is a request that is wrong, or, by its words, one too many.
    if code in _BUSY or "frequency" in said.lower() or "too many" in said.lower() or answer.status == 429:
        return Outcome(LATER, words, ask.retry_after(answer, call.now) or _BUSY.get(code, 60.0))
    return Outcome(NEVER if code in _REFUSED else LATER, words)


def wrong_user(recipient: str) -> str | None:
    """Return a sentence where this is no user; "all" would wake everybody, and is too short for one."""
    if _USER.fullmatch(recipient):
        return None
    return f"{recipient[:40]!r} was found, expected an open_id such as ou_18eac85d35a26f989317ad4f02e8bbbb"


CHANNEL = Channel(
    name="feishu",
    text="A group's custom bot of Feishu or Lark. It takes 100 messages a minute and 5 a second.",
    options=(
        ask.secret("url", "the bot's webhook address"),
        ask.secret("secret", "the bot's signing secret", required=False),
        ask.CA, ask.PLAIN,
    ),
    send=ask.at_once(build, read),
    recipients="open_ids of members who are mentioned",
    wrong_recipient=wrong_user,
    example="url_file: /etc/vigil/notifier/feishu.url\nsecret_file: /etc/vigil/notifier/feishu.secret\n",
)
