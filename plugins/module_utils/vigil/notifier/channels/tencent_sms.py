# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``tencent_sms``: short messages by Tencent Cloud (SendSms, 2021-01-11), signed by TC3-HMAC-SHA256."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import datetime, timezone
from urllib.parse import urlsplit

from ...health.clients import http
from ...health.kind import Option, Options
from .. import ask, sms
from ..channel import LATER, NEVER, SENT, Channel, Outcome
from ..text import fields, fill, one_line, unknown_placeholder

_TYPE = "application/json; charset=utf-8"
_WAITS = {"LimitExceeded.PhoneNumberThirtySecondLimit": 30.0, "LimitExceeded.DeliveryFrequencyLimit": 60.0}
_LIMIT_WAIT = 3600.0
_LATER = ("InternalError", "RequestLimitExceeded", "ResourceUnavailable", "ServiceUnavailable", "FailedOperation.FailResolvePacket")
_NEVER = ("AuthFailure", "UnauthorizedOperation", "InvalidParameter", "MissingParameter", "UnsupportedOperation", "FailedOperation",
          "InvalidAction", "UnknownParameter", "NoSuchVersion", "LimitExceeded.PhoneNumberCountLimit")


def sign(secret: str, key: str, service: str, host: str, content: bytes, timestamp: int) -> str:
    """Return the header Authorization of a POST with a JSON body; content-type and host are signed."""
    day = datetime.fromtimestamp(timestamp, timezone.utc).strftime("%Y-%m-%d")
    lines = f"content-type:{_TYPE}\nhost:{host}\n"
    canonical = f"POST\n/\n\n{lines}\ncontent-type;host\n{hashlib.sha256(content).hexdigest()}"
    scope = f"{day}/{service}/tc3_request"
    to_sign = f"TC3-HMAC-SHA256\n{timestamp}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
    made = f"TC3{secret}".encode()
    for part in (day, service, "tc3_request"):
        made = hmac.new(made, part.encode(), hashlib.sha256).digest()
    digest = hmac.new(made, to_sign.encode(), hashlib.sha256).hexdigest()
    return f"TC3-HMAC-SHA256 Credential={key}/{scope}, SignedHeaders=content-type;host, Signature={digest}"


def build(call: ask.Call) -> http.Request:
    """Return the request for one number."""
    settings, values = call.settings, fields(call.message, call.recipient)
    parameters = [one_line(fill(template, values), settings["param_limit"]) for template in settings["params"]]
    value = {"PhoneNumberSet": [call.recipient], "SmsSdkAppId": settings["app_id"], "SignName": settings["sign_name"],
             "TemplateId": settings["template_id"], "TemplateParamSet": parameters, "SessionContext": one_line(call.message.id, 64)}
    content = json.dumps(value, ensure_ascii=False).encode()
    host, timestamp = urlsplit(settings["endpoint"]).netloc, int(call.now)
    headers = {"X-TC-Action": "SendSms", "X-TC-Version": "2021-01-11", "X-TC-Region": settings["region"], "X-TC-Timestamp": str(timestamp),
               "Authorization": sign(call.secrets["secret_key"], settings["secret_id"], "sms", host, content, timestamp)}
    return ask.request(f"{settings['endpoint'].rstrip('/')}/", content, _TYPE, settings, headers)


def read(answer: ask.Answer, call: ask.Call) -> Outcome:
    """Read Response.Error.Code, else SendStatusSet[].Code: a 200 says only that the request was understood."""
    response = answer.data.get("Response")
    if not isinstance(response, dict):
        found = ask.by_status(answer, call.now)
        return found if found.state != SENT else Outcome(LATER, f"its answer has no Response: {answer.text}")
    status = response.get("Error")
    if not isinstance(status, dict):
        statuses = response.get("SendStatusSet")
        status = statuses[0] if isinstance(statuses, list) and statuses and isinstance(statuses[0], dict) else {}
    return _judge(str(status.get("Code", "")), str(status.get("Message", "")), str(status.get("SerialNo", "")), answer)


def _judge(code: str, said: str, serial: str, answer: ask.Answer) -> Outcome:
    if code == "Ok":
        return Outcome(SENT, "Tencent Cloud took it", provider_id=serial)
    if not code:
        return Outcome(LATER, f"its answer has no Code: {answer.text}")
    words = f"Tencent Cloud answered {code}: {said}"
    if code == "AuthFailure.SignatureExpire":
        return Outcome(LATER, f"{words} (is this host's clock right?)")
    if code.startswith("LimitExceeded.") and not code.startswith(_NEVER):
        return Outcome(LATER, words, _WAITS.get(code, _LIMIT_WAIT))
    if code.startswith(_LATER):
        return Outcome(LATER, words)
    return Outcome(NEVER if code.startswith(_NEVER) else LATER, words)


def refuse(options: Options) -> str | None:
    """Refuse templates that name what no message has."""
    return next((wrong for wrong in map(unknown_placeholder, options["params"]) if wrong), None)


CHANNEL = Channel(
    name="tencent_sms",
    text="Short messages by Tencent Cloud. The text is that of a template which Tencent Cloud approved; `params` fill its variables.",
    options=(
        Option("secret_id", "str", "Id of the API key.", required=True),
        ask.secret("secret_key", "the API key's secret"),
        Option("app_id", "str", "SdkAppId of the SMS application.", required=True),
        Option("sign_name", "str", "The approved signature.", required=True),
        Option("template_id", "str", "Number of the approved template.", required=True),
        Option("params", "list", "What stands in the template's variables, in their order: text with `{title}`, `{status}`, `{severity}`, "
               "`{count}`, `{label.<name>}`.", default=("{title}",)),
        Option("param_limit", "int", "Characters a variable may have; the console says how many the template's kind allows.", default=30),
        Option("region", "str", "Region of the API.", default="ap-guangzhou"),
        Option("endpoint", "str", "The API's address.", default="https://sms.tencentcloudapi.com"),
        ask.CA, ask.PLAIN,
    ),
    send=ask.one_by_one(build, read),
    recipients="numbers in international form, such as +8613800000000",
    needs_recipients=True,
    wrong_recipient=sms.wrong_number,
    refuse=refuse,
    example="secret_id: AKIDexample\nsecret_key_file: /etc/vigil/notifier/tencent.secret\napp_id: \"1400000000\"\nsign_name: Example\n"
            "template_id: \"1000000\"\nparams: [\"{title}\"]\n",
)
