# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``sms_http``: any gateway for short messages over HTTP. Templates with named places say how it is asked; nothing is computed."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from urllib.parse import quote
from xml.sax.saxutils import escape as xml_escape

from ...health.clients import http
from ...health.kind import Option, Options
from .. import ask, sms
from ..channel import LATER, NEVER, SENT, Channel, Message, Outcome
from ..text import body, fields, fill, one_line, unknown_placeholder

_TYPES = {"form": "application/x-www-form-urlencoded", "json": "application/json; charset=utf-8", "xml": "text/xml; charset=utf-8",
          "text": "text/plain; charset=utf-8"}
_EXTRA = ("sms",)


def _percent(character: str) -> str:
    return quote(character, safe="", errors="replace")


_ESCAPES: dict[str, Callable[[str], str]] = {
    "form": _percent,
    "json": lambda character: json.dumps(character, ensure_ascii=False)[1:-1],
    "xml": lambda character: xml_escape(character, {'"': "&quot;", "'": "&apos;"}),
    "text": str,
}


def build(call: ask.Call) -> http.Request:
    """Return the request for one number: each value is escaped for the place it comes to."""
    settings = call.settings
    number = call.recipient.lstrip("+") if settings["number_format"] == "digits" else call.recipient
    if settings["number_format"] == "national":
        number = call.recipient.replace(f"+{settings['country_code']}", "", 1)
    values = {**fields(call.message, number, call.secrets.get("secret", "")), "sms": _text(call.message, settings["segments"])}
    url = fill(call.secrets["url"], values, _percent)
    headers = {name: fill(str(template), {"secret": values["secret"]}) for name, template in settings["headers"].items()}
    if settings["method"] == "GET":
        return replace(ask.request(url, b"", "", settings, headers, "GET"), body=None)
    content = fill(settings["body"], values, _ESCAPES[settings["format"]]).encode("utf-8", "replace")
    return ask.request(url, content, _TYPES[settings["format"]], settings, headers)


def _text(message: Message, segments: int) -> str:
    return sms.short_text(message, segments) or body(message, 70)


def read(answer: ask.Answer, call: ask.Call) -> Outcome:
    """Read the status, then what the patterns say of the body. A 2xx that no ``sent_pattern`` knows may have failed: it is tried again."""
    settings, text = call.settings, answer.body.decode(errors="replace")
    found = ask.by_status(answer, call.now)
    for state, name in ((LATER, "later_pattern"), (NEVER, "never_pattern")):
        if settings[name] and re.search(settings[name], text):
            return Outcome(state, f"the gateway answered {answer.status}: {answer.text}", found.after)
    if found.state != SENT:
        return found
    if settings["sent_pattern"] and not re.search(settings["sent_pattern"], text):
        return Outcome(LATER, f"the gateway's answer does not match sent_pattern: {answer.text}")
    identity = re.search(settings["id_pattern"], text) if settings["id_pattern"] else None
    return Outcome(SENT, "the gateway took it", provider_id=one_line(identity.group(identity.lastindex or 0), 80) if identity else "")


def refuse(options: Options) -> str | None:
    """Refuse templates that name what there is not, and a body that would not be sent."""
    for template in (options["body"] or "", *map(str, options["headers"].values())):
        wrong = unknown_placeholder(template, _EXTRA)
        if wrong:
            return wrong
    if options["method"] == "POST" and not options["body"]:
        return "body is missing: a POST needs one."
    return None if 1 <= options["segments"] <= 10 else f"segments: {options['segments']} was found, expected 1 to 10."


CHANNEL = Channel(
    name="sms_http",
    text="Any gateway for short messages that is asked over HTTP. URL and body are templates: `{recipient}`, `{sms}` (title, text, link, "
         "cut to `segments`), `{secret}`, `{title}`, `{text}`, `{severity}`, `{status}`, `{label.<name>}`; each is escaped for its place.",
    options=(
        ask.secret("url", "the gateway's address, a template too"),
        ask.secret("secret", "what `{secret}` stands for", required=False),
        Option("method", "str", "How it is asked.", default="POST", choices=("POST", "GET")),
        Option("format", "str", "What the body is; it decides how values are escaped.", default="json", choices=tuple(_TYPES)),
        Option("body", "str", "The body, a template."),
        Option("headers", "dict", "Further headers; `{secret}` may stand in them.", default={}),
        Option("number_format", "str", "How a number is written: +8613..., 8613..., or without the country's code.",
               default="international", choices=("international", "digits", "national")),
        Option("country_code", "str", "The country's code that a national number goes without.", default="86"),
        Option("segments", "int", "Parts that a message may have; longer text is cut.", default=3),
        Option("sent_pattern", "regex", "What the body of a good answer holds, such as `\"code\":\\s*0`. Without it a 2xx is good."),
        Option("later_pattern", "regex", "What the body holds where it should be tried again."),
        Option("never_pattern", "regex", "What the body holds where it will not be taken."),
        Option("id_pattern", "regex", "Where the gateway's own number of the message stands; the last group counts."),
        ask.CA, ask.PLAIN,
    ),
    send=ask.one_by_one(build, read),
    recipients="numbers in international form, such as +8613800000000",
    needs_recipients=True,
    wrong_recipient=sms.wrong_number,
    refuse=refuse,
    example="url_file: /etc/vigil/notifier/gateway.url\nsecret_file: /etc/vigil/notifier/gateway.key\n"
            "body: '{\"key\": \"{secret}\", \"to\": \"{recipient}\", \"text\": \"{sms}\"}'\nsent_pattern: '\"code\":\\s*0'\n",
)
