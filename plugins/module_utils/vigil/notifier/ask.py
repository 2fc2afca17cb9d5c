# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A channel over HTTP: secrets from files, a request that is built, an answer that is read; between them the network, and nothing else."""

from __future__ import annotations

import email.utils
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timezone
from functools import cached_property
from typing import Any
from urllib.parse import quote, quote_plus, urlsplit

from ..health.access import wrong_url
from ..health.clients import http, tls
from ..health.clients.secret import read_secret
from ..health.kind import Option
from ..health.model import CannotTell
from ..model import InvalidInput
from .channel import LATER, NEVER, SENT, Message, Outcome, Send, Wire
from .text import one_line

_ANSWER_LIMIT = 64 * 1024
# A provider that asks for more patience than a day is not believed: the notifier's own deadline comes before.
_AFTER_LIMIT = 86400.0
_WORDS = 300
CA = Option("ca", "path", "File of the authorities that are trusted, in PEM; without it those of the host.")
PLAIN = Option("plain_http", "bool", "Whether an address without TLS is used beyond this host. Who listens reads secrets and alerts.",
               default=False)


def secret(name: str, text: str, required: bool = True) -> Option:
    """Return the option of a file whose first line is a secret."""
    return Option(f"{name}_file", "path", f"File whose first line is {text}, mode 0640 or stricter.", required=required)


@dataclass(frozen=True)
class Call:
    """One attempt: the message, whom it is for (one, or all), the settings, the secrets by their names, and now (epoch, seconds)."""

    message: Message
    recipients: tuple[str, ...]
    settings: Mapping[str, Any]
    secrets: Mapping[str, str] = field(repr=False)
    now: float

    @property
    def recipient(self) -> str:
        """The first recipient, or empty."""
        return self.recipients[0] if self.recipients else ""


@dataclass(frozen=True)
class Answer:
    """What a provider answered. Names of headers are in lower case."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def data(self) -> Mapping[str, Any]:
        """The JSON object in it; empty where there is none."""
        try:
            found = json.loads(self.body.decode())
        except (ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}

    @property
    def text(self) -> str:
        """Its beginning as one line."""
        return one_line(self.body[:2000].decode(errors="replace"), 160)


Build = Callable[[Call], http.Request]
Read = Callable[[Answer, Call], Outcome]


def by_status(answer: Answer, now: float, said: str = "") -> Outcome:
    """Read an answer by its status alone: 2xx sent; 408, 425, 429 and 5xx later, by Retry-After; other 4xx never; all else later."""
    status = answer.status
    words = f"it answered {status}" + (f": {said or answer.text}" if said or answer.text else "")
    if 200 <= status < 300:
        return Outcome(SENT, words)
    if status in (408, 425, 429) or status >= 500:
        return Outcome(LATER, words, retry_after(answer, now))
    if 400 <= status < 500:
        return Outcome(NEVER, words)
    return Outcome(LATER, f"{words}, which is not expected")


def by_errcode(answer: Answer, call: Call, who: str, busy: Mapping[int, float | None], lasts: Callable[[int, str], bool]) -> Outcome:
    """Read the ``errcode`` of a robot's answer, which stands inside a 200.

    ``busy`` are codes that are worth another try, each with the seconds to wait where the provider says it; ``lasts`` tells of any other
    code and its words whether it stays until somebody changes something.
    """
    code, said = answer.data.get("errcode"), str(answer.data.get("errmsg", ""))
    if not isinstance(code, int):
        found = by_status(answer, call.now)
        return found if found.state != SENT else Outcome(LATER, f"its answer has no errcode: {answer.text}")
    if code == 0:
        return Outcome(SENT, f"{who} took it")
    words = f"{who} answered {code}: {said}"
    if code in busy:
        return Outcome(LATER, words, retry_after(answer, call.now) or busy[code])
    return Outcome(NEVER if lasts(code, said) else LATER, words)


def retry_after(answer: Answer, now: float) -> float | None:
    """Return the seconds that Retry-After asks for (RFC 9110, 10.2.3: seconds or a date), at most a day; None where it does not."""
    given = answer.headers.get("retry-after", "").strip()
    if re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,6})?", given):
        return min(float(given), _AFTER_LIMIT)
    try:
        until = email.utils.parsedate_to_datetime(given).replace(tzinfo=timezone.utc).timestamp()  # always GMT: RFC 9110, 5.6.7
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
    return min(max(0.0, until - now), _AFTER_LIMIT)


def post_json(url: str, value: Mapping[str, Any], settings: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> http.Request:
    """Return a request with a JSON body."""
    content = json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
    return request(url, content, "application/json; charset=utf-8", settings, headers)


def request(url: str, content: bytes, kind: str, settings: Mapping[str, Any], headers: Mapping[str, str] | None = None,
            method: str = "POST") -> http.Request:
    """Return a request; what it trusts stands in the settings. No redirect is followed: a secret goes where it was meant to."""
    named = {"User-Agent": "vigil-notifier", **({"Content-Type": kind} if kind else {}), **(headers or {})}
    return http.Request(url, method, named, content, limit=_ANSWER_LIMIT, tls=tls.Tls(settings.get("ca")))


def refuse_url(url: str, settings: Mapping[str, Any]) -> str | None:
    """Return a sentence, without the URL, where it is none or would go through a network in the clear."""
    if wrong_url(url):
        return "what it holds is no URL such as https://host/path"
    parts = urlsplit(url)
    if parts.scheme == "http" and parts.hostname not in ("localhost", "127.0.0.1", "::1") and not settings.get("plain_http"):
        return "its URL is without TLS (http); expected https"
    return None


def at_once(build: Build, read: Read) -> Send:
    """Return how a channel sends that tells all recipients by one request."""

    def send(message: Message, recipients: Sequence[str], settings: Mapping[str, Any], wire: Wire, now: float) -> Outcome:
        try:
            secrets = read_secrets(settings, wire)
        except CannotTell as error:
            return Outcome(LATER, f"{error}. {error.advice}")
        return _attempt(build, read, Call(message, tuple(recipients), settings, secrets, now), wire)

    return send


def one_by_one(build: Build, read: Read) -> Send:
    """Return how a channel sends that makes one request a recipient; trouble with one does not keep it from the others."""

    def send(message: Message, recipients: Sequence[str], settings: Mapping[str, Any], wire: Wire, now: float) -> Outcome:
        try:
            secrets = read_secrets(settings, wire)
        except CannotTell as error:
            return Outcome(LATER, f"{error}. {error.advice}")
        calls = [Call(message, (recipient,), settings, secrets, now) for recipient in recipients]
        return combine([(call.recipient, _attempt(build, read, call, wire)) for call in calls])

    return send


def combine(outcomes: Sequence[tuple[str, Outcome]]) -> Outcome:
    """Return one outcome of many recipients': later where one is, else sent where one is, else never."""
    if not outcomes:
        return Outcome(NEVER, "there is no recipient")
    states = {state: tuple(name for name, outcome in outcomes if outcome.state == state) for state in (SENT, LATER, NEVER)}
    state = LATER if states[LATER] else SENT if states[SENT] else NEVER
    words = list(dict.fromkeys(outcome.words for _name, outcome in outcomes if outcome.state != SENT or state == SENT))
    afters = [outcome.after for _name, outcome in outcomes if outcome.after is not None]
    ids = ",".join(outcome.provider_id for _name, outcome in outcomes if outcome.provider_id)
    return Outcome(state, one_line("; ".join(words), _WORDS), max(afters, default=None), ids, states[LATER], states[NEVER])


def read_secrets(settings: Mapping[str, Any], wire: Wire) -> dict[str, str]:
    """Return the first line of each file that an option ending in _file names. Raises CannotTell where one cannot be read."""
    files = {name[:-5]: path for name, path in settings.items() if name.endswith("_file") and path}
    return {name: read_secret(wire.system, path, f"the file of {name}") for name, path in files.items()}


def _attempt(build: Build, read: Read, call: Call, wire: Wire) -> Outcome:
    try:
        asked = build(call)
    except (InvalidInput, ValueError) as error:
        return _shown(Outcome(NEVER, str(error)), call)
    wrong = refuse_url(asked.url, call.settings)
    if wrong:
        return Outcome(NEVER, wrong)
    try:
        reply = http.ask(asked, wire.deadline, wire.shared)
    except (http.NoAnswer, CannotTell, OSError) as error:
        return _shown(Outcome(LATER, _trouble(error)), call)
    headers = {name.lower(): value for name, value in reply.headers.items()}
    return _shown(read(Answer(reply.status, reply.body, headers), call), call)


def _trouble(error: Exception) -> str:
    if isinstance(error, OSError):
        return tls.words(error)
    if isinstance(error, CannotTell):
        return f"{error}. {error.advice}"
    return f"its certificate is not trusted ({error})" if isinstance(error, http.NoAnswer) and error.code else str(error)


def _shown(outcome: Outcome, call: Call) -> Outcome:
    return replace(outcome, words=redact(outcome.words, call.secrets.values()), provider_id=one_line(outcome.provider_id, 80))


def redact(words: str, secrets: Iterable[str]) -> str:
    """Return words as one line in which no secret is left, nor a part of a URL that is one, however a provider quoted it."""
    for value in sorted(_parts(secrets), key=len, reverse=True):
        words = words.replace(value, "***")
    return one_line(words, _WORDS)


def _parts(secrets: Iterable[str]) -> set[str]:
    secrets = [value for value in secrets if value]
    whole = {form for value in secrets for form in (value, quote(value, safe=""), quote_plus(value), json.dumps(value)[1:-1])}
    urls = [urlsplit(value) for value in secrets if "://" in value]
    pieces = {piece for url in urls for piece in re.split(r"[/?&=#]", f"{url.path}?{url.query}") if len(piece) >= 8}
    return {value for value in whole | pieces if len(value) >= 4}
