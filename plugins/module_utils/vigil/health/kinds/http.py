# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``http``: does a URL answer as it should: status, body, JSON, time, certificate?"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from .. import certificate, json_path
from ..access import ACCESS, REDIRECTS, access, refuse_access, shown, wrong_url
from ..clients import http, net, tls
from ..kind import Kind, Look, Option, Options
from ..model import WARN, Finding, Limits, Observation
from ..pattern import search
from ..thresholds import demand, judge
from ..units import BYTES, words

_MIB = 1024 * 1024
_OPTIONS = (
    Option("url", "str", "What is asked for: http or https, with host, port and path.", required=True),
    Option("method", "str", "The method.", default="GET", choices=("GET", "HEAD", "POST", "PUT", "OPTIONS")),
    Option("send", "str", "The body that is sent with POST or PUT.", default=""),
    Option("headers", "dict", "Headers that are sent; `Host` replaces the one of the URL.", default={}, secret=True),
    Option("address", "str", "Where to connect instead of the URL's host: a virtual host is asked on 127.0.0.1.", default=""),
    Option("socket", "path", "Unix socket to connect to instead of the URL's host and port."),
    Option("status", "list", "Statuses that are right: 200, or a range such as 200-299.", default=("200-299",)),
    Option("body", "regex", "Pattern that the body has to contain.", default=""),
    Option("body_absent", "regex", "Pattern that the body must not contain.", default=""),
    Option("json", "dict", "Values of a JSON body, by paths such as items[0].name. A value has to be equal; "
           "{warn, fail, worse: above or below} are limits on a number.", default={}),
    Option("latency", "limits", "Time until the whole body is there.", unit="s", default=Limits()),
    Option("body_limit", "size", "As much of the body is read, and no more.", default=_MIB),
    Option("follow", "int", "Redirects that are followed, never from https to http. With 0 a redirect is a status like others.", default=0),
    certificate.EXPIRES_IN,
    *ACCESS,
)
_ADVICE = "Ask it yourself: curl -v URL; see the log of the service."


def refuse(options: Options) -> str | None:
    """Refuse a URL, statuses, headers and paths that are none, and bodies where none is sent."""
    wrong = wrong_url(options["url"])
    if wrong:
        return f"url: {wrong}."
    for text in options["status"]:
        if not re.fullmatch(r"[1-5]\d\d(-[1-5]\d\d)?", text):
            return f"status: {text!r} was found, expected a status such as 200 or a range such as 200-299."
    for name, value in options["headers"].items():
        if not re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", name) or re.search(r"[\r\n\0]", str(value)) or not str(value).isascii():
            return f"headers: {name!r} is no header that can be sent."
    for path, expected in options["json"].items():
        wrong = json_path.wrong_expectation(path, expected)
        if wrong:
            return f"{wrong}."
    return _refuse_contradictions(options) or refuse_access(options)


def _refuse_contradictions(options: Options) -> str | None:
    if options["send"] and options["method"] not in ("POST", "PUT"):
        return f"send: a body is sent with POST or PUT, not with {options['method']}."
    if options["method"] == "HEAD" and (options["body"] or options["body_absent"] or options["json"]):
        return "an answer to HEAD has no body: ask by GET."
    if options["address"] and options["socket"]:
        return "address and socket are two places to connect to: take one."
    if not 0 <= options["follow"] <= 20:
        return f"follow is {options['follow']}, expected 0 to 20."
    if not 0 < options["body_limit"] <= 64 * _MIB:
        return f"body_limit is {words(float(options['body_limit']), BYTES)}, expected 1 byte to 64 MiB."
    return None


def observe(options: Options, look: Look) -> Observation:
    """Ask once, within the timeout; keep of the body only what is asked about."""
    headers, files = access(options, look)
    request = http.Request(
        options["url"], options["method"], {**headers, **{name: str(value) for name, value in options["headers"].items()}},
        options["send"].encode() if options["method"] in ("POST", "PUT") else None, options["address"], options["socket"] or "",
        options["follow"], options["body_limit"], files,
    )
    deadline = net.Deadline(look.system.monotonic, look.timeout)
    try:
        reply = http.ask(request, deadline, look.shared)
    except http.NoAnswer as error:
        return Observation({"error": str(error), "code": error.code, **_certificate(error.certificate, look)})
    latency = deadline.spent()
    seen = {"status": reply.status, "latency": latency, "size": len(reply.body), "truncated": reply.truncated}
    location = {"location": shown(str(reply.headers.get("Location")))} if reply.status in REDIRECTS else {}
    return Observation({**seen, **location, **_body(options, reply), **_certificate(reply.certificate, look)})


def _certificate(data: bytes, look: Look) -> dict[str, Any]:
    try:
        return {"certificate": tls.describe(data, look.system.now())} if data else {}
    except ValueError:
        return {}


def _body(options: Options, reply: http.Reply) -> dict[str, Any]:
    seen: dict[str, Any] = {}
    if options["body"] or options["body_absent"]:
        text = _text(reply)
        seen["beginning"] = text[:100].strip()
        seen["found"] = bool(options["body"]) and search(options["body"], text) is not None
        hit = search(options["body_absent"], text) if options["body_absent"] else None
        seen["hit"] = hit.group()[:100] if hit else None
    if options["json"]:
        seen["json"] = _json(options["json"], reply)
    return seen


def _text(reply: http.Reply) -> str:
    try:
        return reply.body.decode(reply.headers.get_content_charset("utf-8"), errors="replace")
    except LookupError:
        return reply.body.decode(errors="replace")


def _json(paths: Mapping[str, Any], reply: http.Reply) -> dict[str, Any] | None:
    try:
        document = json.loads(reply.body, parse_constant=_no_json)
    except (ValueError, RecursionError):
        return None
    return {path: json_path.find(document, path) for path in paths}


def _no_json(constant: str) -> Any:
    raise ValueError(f"{constant} is no JSON")


def decide(options: Options, values: Mapping[str, Any]) -> list[Finding]:
    """Did it answer, with the right status, body and values, in time, with a certificate that lasts?"""
    seen = values.get("certificate")
    if "error" in values:
        if values.get("code"):
            findings = [certificate.trusted(values["code"], values["error"], seen)]
            return findings + (certificate.times(seen, options["expires_in"]) if seen else [])
        sentence = f"no answer from {shown(options['url'])}: {values['error']}"
        return [demand("answered", False, values["error"], "an answer", sentence, advice=_ADVICE)]
    findings = [_status(options, values), *_body_findings(options, values), *_json_findings(options, values)]
    name = f"time to answer of {shown(options['url'])}"
    findings.append(judge("latency", values["latency"], options["latency"], "s", name=name, advice=_ADVICE))
    return findings + (certificate.times(seen, options["expires_in"]) if seen else [])


def _status(options: Options, values: Mapping[str, Any]) -> Finding:
    status, wanted = values["status"], ", ".join(options["status"])
    good = any(int(text[:3]) <= status <= int(text[-3:]) for text in options["status"])
    sentence = f"{shown(options['url'])} answered {status}" + (f", which leads to {values['location']}" if "location" in values else "")
    return demand("status", good, status, wanted, sentence + ("" if good else f", expected {wanted}"), advice=_ADVICE)


def _body_findings(options: Options, values: Mapping[str, Any]) -> list[Finding]:
    part = f" in its first {words(float(options['body_limit']), BYTES)}" if values["truncated"] else ""
    findings = []
    if options["body"]:
        good, shown, wanted = values["found"], values["beginning"] or "nothing", f"a body that matches {options['body']!r}"
        sentence = f"the body matches {options['body']!r}" if good else f"the body ({shown!r}) does not match {options['body']!r}{part}"
        findings.append(demand("body", good, shown, wanted, sentence, advice=_ADVICE))
    if options["body_absent"]:
        findings.append(_absent(options["body_absent"], values["hit"], part))
    return findings


def _absent(pattern: str, hit: str | None, part: str) -> Finding:
    wanted = f"a body without {pattern!r}"
    if hit is not None:
        sentence = f"the body has {hit!r} in it, expected nothing that matches {pattern!r}"
        return demand("body_absent", False, hit, wanted, sentence, advice=_ADVICE)
    sentence = f"the body has nothing that matches {pattern!r}{part}" + (", the rest was not read" if part else "")
    return demand("body_absent", not part, None, wanted, sentence, state=WARN, advice="Raise body_limit, or ask for a smaller page.")


def _json_findings(options: Options, values: Mapping[str, Any]) -> list[Finding]:
    if not options["json"]:
        return []
    if values["json"] is None:
        part = f", or is longer than body_limit ({words(float(options['body_limit']), BYTES)})" if values["truncated"] else ""
        return [demand("json", False, None, "a body in JSON", f"the body is no JSON{part}", advice=_ADVICE)]
    return [json_path.compare(path, expected, values["json"][path], _ADVICE) for path, expected in options["json"].items()]


KIND = Kind(
    name="http",
    text="Asks for a URL, and judges the status, the body, values in a JSON body, the time, and the certificate.",
    options=_OPTIONS,
    observe=observe,
    decide=decide,
    refuse=refuse,
    example="""\
- name: shop
  kind: http
  url: https://shop.example.org/health
  address: 127.0.0.1
  status: [200]
  json: {status: ok, "queue.length": {warn: 100, fail: 1000}}
  latency: {warn: 500ms, fail: 2s}
  expires_in: {warn: 21d, fail: 7d}
""",
)
