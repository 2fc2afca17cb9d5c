# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``ntfy``: topics of ntfy.sh or of one's own server."""

from __future__ import annotations

import re

from ...health.clients import http
from ...health.kind import Option
from .. import ask
from ..channel import LATER, RESOLVED, SENT, Channel, Outcome
from ..text import fit, one_line, scrub, utf8

# A longer message becomes an attachment.
_LIMIT = 4096
_TOPIC = re.compile(r"[A-Za-z0-9_-]{1,64}")
_PRIORITIES = {"critical": 5, "page": 5, "error": 4, "warning": 4, "info": 2, "none": 1}
_QUOTA_HOUR = 3600.0


def build(call: ask.Call) -> http.Request:
    """Return the request, in JSON: headers could not carry every character."""
    message = call.message
    resolved = message.status == RESOLVED
    value: dict[str, object] = {
        "topic": call.recipient, "title": one_line(message.title, 250),
        "message": fit(scrub(message.text).strip(), _LIMIT, size=utf8) or "-",
        "priority": 3 if resolved else _PRIORITIES.get(message.severity, 3), "tags": ["white_check_mark" if resolved else "rotating_light"],
    }
    if message.url.startswith(("http://", "https://")) and len(message.url) <= 2000:
        value["click"] = scrub(message.url)
    token = call.secrets.get("token")
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    return ask.post_json(call.settings["url"].rstrip("/") + "/", value, call.settings, headers)


def read(answer: ask.Answer, call: ask.Call) -> Outcome:
    """Read the status; code 42908 is the day's quota, which a minute does not refill."""
    said = answer.data.get("error")
    found = ask.by_status(answer, call.now, str(said) if said else "")
    if found.state == SENT:
        identity = str(answer.data.get("id") or "")
        return Outcome(SENT, "ntfy took it", None, identity) if identity else Outcome(LATER, f"its answer has no id: {answer.text}")
    if answer.data.get("code") == 42908 and found.after is None:
        return Outcome(found.state, found.words, _QUOTA_HOUR)
    return found


def wrong_topic(recipient: str) -> str | None:
    """Return a sentence where this is no topic."""
    return None if _TOPIC.fullmatch(recipient) else f"{recipient[:40]!r} was found, expected a topic: letters, digits, - and _, 64 at most"


CHANNEL = Channel(
    name="ntfy",
    text="Topics of ntfy.sh or of one's own server. Who knows a topic's name on a server without access control reads it.",
    options=(
        Option("url", "str", "The server.", default="https://ntfy.sh"),
        ask.secret("token", "an access token", required=False),
        ask.CA, ask.PLAIN,
    ),
    send=ask.one_by_one(build, read),
    recipients="topics",
    needs_recipients=True,
    wrong_recipient=wrong_topic,
    example="url: https://ntfy.example.org\ntoken_file: /etc/vigil/notifier/ntfy.token\n",
)
