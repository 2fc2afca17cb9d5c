# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``slack``: an incoming webhook of Slack."""

from __future__ import annotations

import re

from ...health.clients import http
from .. import ask
from ..channel import LATER, NEVER, SENT, Channel, Outcome
from ..text import body, fit, one_line, scrub

_MEMBER = re.compile(r"[UWS][A-Z0-9]{5,20}")
# Plain text of a header has 150 characters, of a section 3,000; beyond 4,000 the text of the notification is cut by Slack itself.
_HEADER, _SECTION, _TEXT = 150, 3000, 4000
_ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}


def escape(character: str) -> str:
    """Escape what begins a link, a mention or an entity in mrkdwn."""
    return _ESCAPES.get(character, character)


def build(call: ask.Call) -> http.Request:
    """Return the request. Title and text are plain_text blocks, which know no mentions; the notification's text is escaped."""
    message = call.message
    blocks: list[dict[str, object]] = [
        {"type": "header", "text": _plain(one_line(message.title, _HEADER) or "-")},
        {"type": "section", "text": _plain(fit(scrub(message.text).strip(), _SECTION) or "-")},
    ]
    link = "".join(map(escape, scrub(message.url)))
    if link.startswith(("http://", "https://")) and len(link) <= 2000 and not re.search(r"[\s|]", link):
        blocks.append(_marked(f"<{link}>"))
    if call.recipients:
        blocks.append(_marked(" ".join(f"<!subteam^{who}>" if who[0] == "S" else f"<@{who}>" for who in call.recipients)))
    value = {"text": body(message, _TEXT, escape), "blocks": blocks, "unfurl_links": False}
    return ask.post_json(call.secrets["url"], value, call.settings)


def _plain(text: str) -> dict[str, object]:
    return {"type": "plain_text", "text": text, "emoji": False}


def _marked(text: str) -> dict[str, object]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


def read(answer: ask.Answer, call: ask.Call) -> Outcome:
    """Slack answers ok, or a status and a word such as invalid_payload or no_service."""
    found = ask.by_status(answer, call.now)
    if found.state == SENT and answer.text != "ok":
        return Outcome(LATER, f"it answered {answer.text!r}, expected ok")
    if found.state == NEVER and "rollup_error" in answer.text:
        return Outcome(LATER, found.words)
    return Outcome(SENT, "Slack took it") if found.state == SENT else found


def wrong_member(recipient: str) -> str | None:
    """Return a sentence where this is no member's or group's id; here and channel would wake everybody."""
    return None if _MEMBER.fullmatch(recipient) else f"{recipient[:40]!r} was found, expected a member's id such as U0123ABCD"


CHANNEL = Channel(
    name="slack",
    text="An incoming webhook of Slack. It takes one message a second.",
    options=(ask.secret("url", "the webhook's address"), ask.CA, ask.PLAIN),
    send=ask.at_once(build, read),
    recipients="ids of members (U...) or user groups (S...) who are mentioned",
    wrong_recipient=wrong_member,
    example="url_file: /etc/vigil/notifier/slack.url\n",
)
