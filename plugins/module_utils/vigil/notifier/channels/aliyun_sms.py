# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``aliyun_sms``: short messages by Alibaba Cloud (SendSms, 2017-05-25), signed by ACS3-HMAC-SHA256."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from datetime import datetime, timezone
from urllib.parse import quote, urlsplit

from ...health.clients import http
from ...health.kind import Option, Options
from .. import ask, sms
from ..channel import LATER, NEVER, SENT, Channel, Outcome
from ..text import fields, fill, one_line, unknown_placeholder

_LIMITS = {"isv.BUSINESS_LIMIT_CONTROL": 60.0, "isv.DAY_LIMIT_CONTROL": 3600.0, "isv.MONTH_LIMIT_CONTROL": 3600.0}
_LATER = ("isp.SYSTEM_ERROR", "isp.GATEWAY_ERROR", "isp.UNKNOWN", "Throttling", "ServiceUnavailable", "InternalError", "SignatureNonceUsed")
_CLOCK = ("InvalidTimeStamp", "IllegalTimestamp")
_NEVER = ("isv.", "isp.", "Invalid", "Missing", "Forbidden", "NoPermission", "SignatureDoesNotMatch", "IncompleteSignature", "Unsupported")


def sign(secret: str, key: str, host: str, query: Mapping[str, str], headers: Mapping[str, str], content: bytes = b"") -> str:
    """Return the header Authorization of a POST to /: method, path, sorted query, host and these headers (all x-acs-), and the body."""
    signed = {"host": host, **{name.lower(): value for name, value in headers.items()}}
    names = ";".join(sorted(signed))
    lines = "".join(f"{name}:{signed[name].strip()}\n" for name in sorted(signed))
    canonical = "\n".join(("POST", "/", encode(query), lines, names, hashlib.sha256(content).hexdigest()))
    to_sign = f"ACS3-HMAC-SHA256\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    digest = hmac.new(secret.encode(), to_sign.encode(), hashlib.sha256).hexdigest()
    return f"ACS3-HMAC-SHA256 Credential={key},SignedHeaders={names},Signature={digest}"


def encode(query: Mapping[str, str]) -> str:
    """Return the query as it is signed and sent: sorted, all but unreserved characters percent-encoded."""
    return "&".join(f"{quote(name, safe='~')}={quote(query[name], safe='~')}" for name in sorted(query))


def build(call: ask.Call) -> http.Request:
    """Return the request. The nonce follows from message, number and time: it differs in each retry, and needs no randomness."""
    settings, values = call.settings, fields(call.message, call.recipient)
    parameters = {name: one_line(fill(str(template), values), settings["param_limit"]) for name, template in settings["params"].items()}
    query = {"PhoneNumbers": _number(call.recipient), "SignName": settings["sign_name"], "TemplateCode": settings["template_code"],
             "TemplateParam": json.dumps(parameters, ensure_ascii=False), "OutId": one_line(call.message.id, 64)}
    nonce = hashlib.sha256(f"{call.message.id} {call.recipient} {call.now!r}".encode("utf-8", "replace")).hexdigest()[:32]
    headers = {"x-acs-action": "SendSms", "x-acs-version": "2017-05-25", "x-acs-signature-nonce": nonce,
               "x-acs-date": datetime.fromtimestamp(call.now, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
               "x-acs-content-sha256": hashlib.sha256(b"").hexdigest()}
    host = urlsplit(settings["endpoint"]).netloc
    headers["Authorization"] = sign(call.secrets["access_key_secret"], settings["access_key_id"], host, query, headers)
    return ask.request(f"{settings['endpoint'].rstrip('/')}/?{encode(query)}", b"", "", settings, headers)


def _number(number: str) -> str:
    """Numbers of the mainland stand without +86, others without the plus."""
    return number[3:] if number.startswith("+86") else number[1:]


def read(answer: ask.Answer, call: ask.Call) -> Outcome:
    """Read Code, whatever the status is."""
    code, said = str(answer.data.get("Code", "")), str(answer.data.get("Message", ""))
    if not code:
        found = ask.by_status(answer, call.now)
        return found if found.state != SENT else Outcome(LATER, f"its answer has no Code: {answer.text}")
    if code == "OK":
        return Outcome(SENT, "Alibaba Cloud took it", provider_id=str(answer.data.get("BizId", "")))
    words = f"Alibaba Cloud answered {code}: {said}"
    if code in _LIMITS:
        return Outcome(LATER, words, ask.retry_after(answer, call.now) or _wait(code, said))
    if code.startswith(_CLOCK):
        return Outcome(LATER, f"{words} (is this host's clock right?)")
    if code.startswith(_LATER):
        return Outcome(LATER, words, ask.retry_after(answer, call.now))
    return Outcome(NEVER if code.startswith(_NEVER) else LATER, words)


def _wait(code: str, said: str) -> float:
    """The words tell which of the limits was met: of the minute, of the hour or of the day."""
    if any(word in said for word in ("小时级", "天级", "hour", "Hour", "day", "Day")):
        return 3600.0
    return _LIMITS[code]


def refuse(options: Options) -> str | None:
    """Refuse templates that name what no message has."""
    return next((wrong for wrong in map(unknown_placeholder, map(str, options["params"].values())) if wrong), None)


CHANNEL = Channel(
    name="aliyun_sms",
    text="Short messages by Alibaba Cloud. The text is that of a template which Alibaba Cloud approved; `params` fill its variables.",
    options=(
        Option("access_key_id", "str", "Id of the access key.", required=True),
        ask.secret("access_key_secret", "the access key's secret"),
        Option("sign_name", "str", "The approved signature.", required=True),
        Option("template_code", "str", "The approved template, such as SMS_123456789.", required=True),
        Option("params", "dict", "The template's variables, each a text with `{title}`, `{status}`, `{severity}`, `{count}`, "
               "`{label.<name>}`. It refuses URLs in variables.", default={"title": "{title}"}),
        Option("param_limit", "int", "Characters a variable may have.", default=35),
        Option("endpoint", "str", "The API's address.", default="https://dysmsapi.aliyuncs.com"),
        ask.CA, ask.PLAIN,
    ),
    send=ask.one_by_one(build, read),
    recipients="numbers in international form, such as +8613800000000",
    needs_recipients=True,
    wrong_recipient=sms.wrong_number,
    refuse=refuse,
    example="access_key_id: LTAI5tExample\naccess_key_secret_file: /etc/vigil/notifier/aliyun.secret\nsign_name: Example\n"
            "template_code: SMS_123456789\nparams: {title: \"{title}\", status: \"{status}\"}\n",
)
