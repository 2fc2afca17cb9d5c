# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``wecom``: a group's robot of WeCom. Its address is the only secret; it has no signature."""

from __future__ import annotations

import re

from ...health.clients import http
from .. import ask
from ..channel import Channel, Outcome
from ..text import body, utf8

# A text has at most 2,048 bytes.
_LIMIT = 2048
_MOBILE = re.compile(r"\+?[0-9]{6,15}")
_USER = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.@-]{0,63}")
# -1: busy; 45009 and 45033: 20 messages a minute, or too many at the same time.
_BUSY = {-1: None, 45009: 60.0, 45033: 10.0, 50001: None}


def _escape(character: str) -> str:
    """A text may mention by <@user>: a mark of zero width behind the bracket takes that away."""
    return "<\u200b" if character == "<" else character


def build(call: ask.Call) -> http.Request:
    """Return the request. Text, not Markdown: nothing in an alert can become a link or a mention."""
    mobiles = [recipient for recipient in call.recipients if _MOBILE.fullmatch(recipient)]
    users = [recipient for recipient in call.recipients if recipient not in mobiles]
    text = {"content": body(call.message, _LIMIT, _escape, utf8), "mentioned_list": users, "mentioned_mobile_list": mobiles}
    return ask.post_json(call.secrets["url"], {"msgtype": "text", "text": text}, call.settings)


def read(answer: ask.Answer, call: ask.Call) -> Outcome:
    """Read errcode."""
    return ask.by_errcode(answer, call, "WeCom", _BUSY, lambda code, said: 40000 <= code < 50000 or code == 93000)


def wrong_user(recipient: str) -> str | None:
    """Return a sentence where this is neither a user's id nor a mobile number; "@all" would wake everybody."""
    if _MOBILE.fullmatch(recipient) or _USER.fullmatch(recipient) and recipient.lower() != "all":
        return None
    return f"{recipient[:40]!r} was found, expected a user's id of WeCom or a mobile number"


CHANNEL = Channel(
    name="wecom",
    text="A group's robot of WeCom. It takes 20 messages a minute; more are delivered later, or as a digest.",
    options=(ask.secret("url", "the robot's webhook address, with its key"), ask.CA, ask.PLAIN),
    send=ask.at_once(build, read),
    recipients="users' ids or mobile numbers of members who are mentioned",
    wrong_recipient=wrong_user,
    example="url_file: /etc/vigil/notifier/wecom.url\n",
)
