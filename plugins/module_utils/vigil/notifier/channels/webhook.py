# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``webhook``: JSON to an address of one's own, signed so that the receiver knows who sent it, and when."""

from __future__ import annotations

from ...health.clients import http
from .. import ask, signature
from ..channel import Channel, Outcome
from ..text import fit, scrub, utf8

_LIMIT = 256 * 1024
_LABELS, _LABEL = 200, 1000


def build(call: ask.Call) -> http.Request:
    """Return the request: version, the message's fields and the recipients as a JSON object, signed."""
    made = ask.post_json(call.secrets["url"], _document(call), call.settings, {"Vigil-Id": _plain(call.message.id)})
    if not call.secrets.get("secret"):
        return made
    timestamp = int(call.now)
    signed = {"Vigil-Timestamp": str(timestamp), "Vigil-Signature": signature.sign(call.secrets["secret"], timestamp, made.body or b"")}
    return ask.request(made.url, made.body or b"", "application/json; charset=utf-8", call.settings, {**made.headers, **signed})


def _document(call: ask.Call) -> dict[str, object]:
    message = call.message
    labels = {scrub(name)[:_LABEL]: scrub(value)[:_LABEL] for name, value in list(message.labels.items())[:_LABELS]}
    return {
        "version": 1, "id": scrub(message.id), "status": message.status, "severity": scrub(message.severity), "language": message.language,
        "title": fit(scrub(message.title), 4096, size=utf8), "text": fit(scrub(message.text), _LIMIT, size=utf8),
        "url": scrub(message.url)[:4096], "labels": labels, "count": message.count, "at": message.at, "recipients": list(call.recipients),
    }


def _plain(text: str) -> str:
    """A header's value holds ASCII only."""
    return "".join(character if " " < character < "\x7f" else "_" for character in text)[:200]


def read(answer: ask.Answer, call: ask.Call) -> Outcome:
    """Only the status counts."""
    return ask.by_status(answer, call.now)


CHANNEL = Channel(
    name="webhook",
    text="JSON by POST to an address of one's own, signed with HMAC-SHA256 over timestamp and body where there is a secret. The receiver "
         "answers 2xx once it has kept the message; `Vigil-Id` is the same in each retry.",
    options=(
        ask.secret("url", "the address; it is a secret, for it may hold a token"),
        ask.secret("secret", "the secret shared with the receiver, 16 characters or more", required=False),
        ask.CA, ask.PLAIN,
    ),
    send=ask.at_once(build, read),
    recipients="any names; they stand in `recipients` of the document",
    example="url_file: /etc/vigil/notifier/webhook.url\nsecret_file: /etc/vigil/notifier/webhook.secret\n",
)
