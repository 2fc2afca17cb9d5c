# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``dingtalk``: a group's robot of DingTalk, with its signature."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from dataclasses import replace
from urllib.parse import quote_plus

from ...health.clients import http
from .. import ask
from ..channel import Channel, Outcome
from ..text import body, utf8

# The whole request may have 20,000 bytes; JSON doubles quotes and line ends at worst.
_LIMIT = 9000
_MOBILE = re.compile(r"(\+[0-9]{1,4}-)?[0-9]{6,15}")
# -1: busy; 130101 and 90030: more than 20 messages a minute or a quota; 410100: the same limit in newer words; 88: a gateway's limit.
_BUSY = {-1: None, 130101: 60.0, 410100: 60.0, 90030: 600.0, 88: 60.0}
_REFUSED = (310000, 300001, 300005, 400013, 400101, 400102, 400105, 400106, 430101, 430102, 430103, 430104)


def sign(secret: str, milliseconds: int) -> str:
    """Return the signature, not yet encoded for a URL: HMAC-SHA256, by the secret, of timestamp, line end and the secret."""
    digest = hmac.new(secret.encode(), f"{milliseconds}\n{secret}".encode(), hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


def build(call: ask.Call) -> http.Request:
    """Return the request. Text, not Markdown: nothing in an alert can become a link, an image or a mention."""
    url = call.secrets["url"]
    if call.secrets.get("secret"):
        milliseconds = int(call.now * 1000)
        url += f"{'&' if '?' in url else '?'}timestamp={milliseconds}&sign={quote_plus(sign(call.secrets['secret'], milliseconds))}"
    mentions = "".join(f" @{mobile}" for mobile in call.recipients)
    content = body(call.message, _LIMIT - utf8(mentions), size=utf8) + mentions
    return ask.post_json(url, {"msgtype": "text", "text": {"content": content},
                               "at": {"atMobiles": list(call.recipients), "isAtAll": False}}, call.settings)


def read(answer: ask.Answer, call: ask.Call) -> Outcome:
    """Read errcode. 310000 (keyword, signature, address not allowed) lasts until somebody changes it, but for a clock that is wrong."""
    found = ask.by_errcode(answer, call, "DingTalk", _BUSY, _lasts)
    return replace(found, words=f"{found.words} (is this host's clock right?)") if _late(answer) else found


def _late(answer: ask.Answer) -> bool:
    return answer.data.get("errcode") == 310000 and "timestamp" in str(answer.data.get("errmsg", ""))


def _lasts(code: int, said: str) -> bool:
    if code == 310000 and "timestamp" in said:
        return False
    return code in _REFUSED or 40000 <= code < 41000


def wrong_mobile(recipient: str) -> str | None:
    """Return a sentence where this is no mobile number."""
    return None if _MOBILE.fullmatch(recipient) else f"{recipient[:40]!r} was found, expected a mobile number such as 13800000000"


CHANNEL = Channel(
    name="dingtalk",
    text="A group's robot of DingTalk. It takes 20 messages a minute; more are delivered later, or as a digest.",
    options=(
        ask.secret("url", "the robot's webhook address, with its access_token"),
        ask.secret("secret", "the robot's signing secret (SEC...)", required=False),
        ask.CA, ask.PLAIN,
    ),
    send=ask.at_once(build, read),
    recipients="mobile numbers of members who are mentioned",
    wrong_recipient=wrong_mobile,
    example="url_file: /etc/vigil/notifier/dingtalk.url\nsecret_file: /etc/vigil/notifier/dingtalk.secret\n",
)
