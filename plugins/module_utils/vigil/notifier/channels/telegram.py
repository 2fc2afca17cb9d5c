# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``telegram``: a bot of Telegram."""

from __future__ import annotations

import re

from ...health.clients import http
from ...health.kind import Option
from ...model import InvalidInput
from .. import ask
from ..channel import LATER, NEVER, SENT, Channel, Outcome
from ..text import body, one_line, utf16

# 4,096 units of UTF-16, counted after entities are parsed.
_LIMIT = 4096
_CHAT = re.compile(r"-?[0-9]{1,20}|@[A-Za-z][A-Za-z0-9_]{4,31}")
_TOKEN = re.compile(r"[0-9]{1,20}:[A-Za-z0-9_-]{10,100}")


def _escape(character: str) -> str:
    """A name behind @ would be a mention: a mark of zero width between takes that away."""
    return "@\u200b" if character == "@" else character


def build(call: ask.Call) -> http.Request:
    """Return the request. No parse_mode: nothing in an alert is markup; the title is bold by an entity."""
    if not _TOKEN.fullmatch(call.secrets["token"]):
        raise InvalidInput("the file of the token holds none, expected 123456:ABC...")
    text = body(call.message, _LIMIT, _escape, utf16)
    value: dict[str, object] = {"chat_id": call.recipient, "text": text or "-", "link_preview_options": {"is_disabled": True}}
    if one_line(call.message.title, 300):
        value["entities"] = [{"type": "bold", "offset": 0, "length": utf16(text.split("\n", maxsplit=1)[0])}]
    if call.message.severity in call.settings["silent"]:
        value["disable_notification"] = True
    return ask.post_json(f"{call.settings['endpoint'].rstrip('/')}/bot{call.secrets['token']}/sendMessage", value, call.settings)


def read(answer: ask.Answer, call: ask.Call) -> Outcome:
    """Read ok, error_code and, where it is too much, parameters.retry_after."""
    data = answer.data
    if data.get("ok") is True:
        result = data.get("result")
        return Outcome(SENT, "Telegram took it", provider_id=str(result.get("message_id", "")) if isinstance(result, dict) else "")
    if data.get("ok") is not False:
        found = ask.by_status(answer, call.now)
        return found if found.state != SENT else Outcome(LATER, f"its answer has no ok: {answer.text}")
    code, words = data.get("error_code"), f"Telegram answered {data.get('error_code')}: {data.get('description', '')}"
    parameters = data.get("parameters")
    after = parameters.get("retry_after") if isinstance(parameters, dict) else None
    if code == 429:
        return Outcome(LATER, words, float(after) if isinstance(after, (int, float)) else ask.retry_after(answer, call.now))
    return Outcome(NEVER if isinstance(code, int) and 400 <= code < 500 else LATER, words)


def wrong_chat(recipient: str) -> str | None:
    """Return a sentence where this is no chat."""
    return None if _CHAT.fullmatch(recipient) else f"{recipient[:40]!r} was found, expected the number of a chat, or @name of a channel"


CHANNEL = Channel(
    name="telegram",
    text="A bot of Telegram, which writes to each of the chats.",
    options=(
        ask.secret("token", "the bot's token"),
        Option("endpoint", "str", "The API's address, for one's own server.", default="https://api.telegram.org"),
        Option("silent", "list", "Severities that come without a sound.", default=()),
        ask.CA, ask.PLAIN,
    ),
    send=ask.one_by_one(build, read),
    recipients="numbers of chats, or @names of channels",
    needs_recipients=True,
    wrong_recipient=wrong_chat,
    example="token_file: /etc/vigil/notifier/telegram.token\n",
)
