# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``mail``: by a mail server of one's own, over TLS and with a user's name."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from email import policy
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import formatdate, parseaddr
from typing import Any

from ...health.kind import Option, Options
from ...health.model import CannotTell
from .. import ask, smtp
from ..channel import LATER, NEVER, Channel, Message, Outcome, Wire
from ..text import fit, one_line, scrub, utf8

_ADDRESS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252}[A-Za-z0-9])?")
_TEXT, _HTML = 256 * 1024, 1024 * 1024
_PORTS = {"starttls": 587, "tls": 465, "none": 25}


def build(message: Message, recipients: Sequence[str], settings: Mapping[str, Any]) -> bytes:
    """Return the mail. Its Message-ID is the same in each attempt, so that a server or a reader knows a second one for the same."""
    sender = _sender(settings["from"])
    made = EmailMessage(policy.SMTP)
    made["From"] = sender
    made["To"] = [Address(addr_spec=recipient) for recipient in recipients]
    made["Subject"] = one_line(message.title, 200) or "-"
    made["Date"] = formatdate(message.at)
    made["Message-ID"] = f"<{hashlib.sha256(message.id.encode('utf-8', 'replace')).hexdigest()[:40]}@{sender.domain}>"
    made["Auto-Submitted"] = "auto-generated"
    made["X-Vigil-Status"] = one_line(message.status, 40)
    if settings["reply_to"]:
        made["Reply-To"] = _sender(settings["reply_to"])
    made.set_content(_text(message))
    html = scrub(message.html)
    # HTML that is cut is broken HTML: where it is too long, the text alone goes.
    if html and utf8(html) <= _HTML:
        made.add_alternative(html, subtype="html")
    return made.as_bytes()


def _text(message: Message) -> str:
    text = fit(scrub(message.text).strip(), _TEXT, size=utf8)
    url = one_line(message.url, 2000)
    return f"{text}\n\n{url}\n" if url else f"{text}\n"


def _sender(given: str) -> Address:
    name, spec = parseaddr(given)
    return Address(one_line(name, 100), addr_spec=spec)


def send(message: Message, recipients: Sequence[str], settings: Mapping[str, Any], wire: Wire, now: float) -> Outcome:
    """Hand the mail to the server, once for all recipients; each gets its own verdict: 4xx later, 5xx never."""
    if not recipients:
        return Outcome(NEVER, "there is no recipient")
    try:
        content = build(message, recipients, settings)
        secrets = ask.read_secrets(settings, wire)
        outcome = ask.combine(smtp.deliver(_server(settings, secrets), parseaddr(settings["from"])[1], recipients, content, wire))
    except CannotTell as error:
        return Outcome(LATER, f"{error}. {error.advice}")
    except ValueError as error:
        return Outcome(NEVER, f"the mail cannot be written: {one_line(str(error), 200)}")
    return replace(outcome, words=ask.redact(outcome.words, secrets.values()))


def _server(settings: Mapping[str, Any], secrets: Mapping[str, str]) -> smtp.Server:
    port = settings["port"] or _PORTS[settings["tls"]]
    name, password = settings["username"] or "", secrets.get("password", "")
    return smtp.Server(settings["host"], port, settings["tls"], settings["ca"], settings["helo"], name, password)


def wrong_address(recipient: str) -> str | None:
    """Return a sentence where this is no mail address."""
    good = _ADDRESS.fullmatch(recipient) and ".." not in recipient and not recipient.startswith(".") and ".@" not in recipient
    return None if good else f"{recipient[:80]!r} was found, expected a mail address such as ops@example.org"


def refuse(options: Options) -> str | None:
    """Refuse a sender that is none, a password that would go in the clear, and halves of pairs."""
    for given in (options["from"], options["reply_to"]):
        wrong = wrong_address(parseaddr(given)[1]) if given else None
        if wrong:
            return f"{wrong}."
    if bool(options["username"]) != bool(options["password_file"]):
        return "username and password_file go together."
    local = options["host"] in ("localhost", "127.0.0.1", "::1")
    if options["username"] and options["tls"] == "none" and not local:
        return "tls: none would send the password in the clear: take starttls or tls."
    return None


CHANNEL = Channel(
    name="mail",
    text="Mail, as text and HTML, by a mail server of one's own. A server's 4xx is tried again, its 5xx is not, each recipient apart.",
    options=(
        Option("host", "str", "The mail server.", required=True),
        Option("port", "int", "Its port; without it 587 for starttls, 465 for tls, 25 for none."),
        Option("tls", "str", "starttls: TLS is required after the greeting. tls: from the first byte. none: in the clear.",
               default="starttls", choices=("starttls", "tls", "none")),
        Option("from", "str", "The sender: ops@example.org, or Name <ops@example.org>.", required=True),
        Option("reply_to", "str", "Where answers go."),
        Option("username", "str", "The user's name."),
        ask.secret("password", "the user's password", required=False),
        Option("helo", "str", "The name that this host gives; without it the address that it comes from.", default=""),
        ask.CA,
    ),
    send=send,
    recipients="mail addresses",
    needs_recipients=True,
    wrong_recipient=wrong_address,
    refuse=refuse,
    example="host: smtp.example.org\nfrom: Alerts <alerts@example.org>\nusername: alerts\n"
            "password_file: /etc/vigil/notifier/mail.password\n",
)
