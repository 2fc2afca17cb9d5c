# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``twilio``: short messages by Twilio."""

from __future__ import annotations

import base64
import re
from urllib.parse import urlencode

from ...health.clients import http
from ...health.kind import Option, Options
from .. import ask, sms
from ..channel import LATER, NEVER, SENT, Channel, Outcome

_SID = re.compile(r"AC[0-9a-fA-F]{32}")
# Too many requests; queues that are full; no answer of Twilio's own parts.
_LATER = (20429, 21611, 30001, 20500, 20503)


def build(call: ask.Call) -> http.Request:
    """Return the request for one number."""
    settings = call.settings
    sender = settings["from"]
    who = {"MessagingServiceSid": sender} if sender.startswith("MG") else {"From": sender}
    text = sms.short_text(call.message, settings["segments"])
    content = urlencode({"To": call.recipient, **who, "Body": text}, errors="replace").encode()
    basic = base64.b64encode(f"{settings['account_sid']}:{call.secrets['auth_token']}".encode()).decode()
    url = f"{settings['endpoint'].rstrip('/')}/2010-04-01/Accounts/{settings['account_sid']}/Messages.json"
    return ask.request(url, content, "application/x-www-form-urlencoded", settings, {"Authorization": f"Basic {basic}"})


def read(answer: ask.Answer, call: ask.Call) -> Outcome:
    """Read the status, and the error code in the body."""
    code, data = answer.data.get("code"), answer.data
    said = f"{code} {data.get('message', '')}" if code else ""
    found = ask.by_status(answer, call.now, said)
    if found.state == SENT and not data.get("sid"):
        return Outcome(LATER, f"its answer has no sid: {answer.text}")
    if found.state == SENT and data.get("status") in ("failed", "undelivered", "canceled"):
        return Outcome(NEVER, f"Twilio says {data['status']}: {data.get('error_code')} {data.get('error_message')}")
    if found.state == SENT:
        return Outcome(SENT, "Twilio took it", provider_id=str(data["sid"]))
    return Outcome(LATER, found.words, found.after) if code in _LATER else found


def refuse(options: Options) -> str | None:
    """Refuse what is no account or sender."""
    if not _SID.fullmatch(options["account_sid"]):
        return "account_sid: expected AC and 32 hexadecimal digits."
    return None if 1 <= options["segments"] <= 10 else f"segments: {options['segments']} was found, expected 1 to 10."


CHANNEL = Channel(
    name="twilio",
    text="Short messages by Twilio.",
    options=(
        Option("account_sid", "str", "The account (AC...).", required=True),
        ask.secret("auth_token", "the account's token"),
        Option("from", "str", "The number, sender or messaging service (MG...) that sends.", required=True),
        Option("segments", "int", "Parts that a message may have; longer text is cut. Each is paid for.", default=3),
        Option("endpoint", "str", "The API's address.", default="https://api.twilio.com"),
        ask.CA, ask.PLAIN,
    ),
    send=ask.one_by_one(build, read),
    recipients="numbers in international form, such as +14155550100",
    needs_recipients=True,
    wrong_recipient=sms.wrong_number,
    refuse=refuse,
    example="account_sid: AC00000000000000000000000000000000\nauth_token_file: /etc/vigil/notifier/twilio.token\nfrom: \"+14155550100\"\n",
)
