# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read what Alertmanager posts. Pure: nothing of it is trusted, and an alert is cut rather than lost."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any

from ..model import InvalidInput
from .channel import FIRING, RESOLVED
from .model import Alert

BODY = 1024 * 1024
MOST_LABELS, LONGEST_LABEL, LONGEST_ANNOTATION, LONGEST_NAME = 64, 1024, 4096, 128
# Those that routing and reading need stay, however many others there are.
_FIRST = ("alertname", "severity", "instance", "job", "host", "cluster", "service", "env", "team")
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]")
_TIME = re.compile(r"[0-9T:.Z+\-]{10,40}")
_FINGERPRINT = re.compile(r"[0-9a-zA-Z_-]{1,64}")


def parse_webhook(body: bytes) -> list[Alert]:
    """Return the alerts of a webhook (version 4). Raises InvalidInput where it is none; then nothing of it is taken."""
    try:
        given = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"the body is not JSON: {str(error)[:200]}") from error
    if not isinstance(given, Mapping) or not isinstance(given.get("alerts"), list):
        raise InvalidInput("the body is not Alertmanager's webhook: expected a mapping with a list of alerts.")
    receiver = clean(given.get("receiver"), LONGEST_NAME) or "default"
    return [_alert(item, receiver, number) for number, item in enumerate(given["alerts"], 1)]


def clean(value: Any, longest: int, lines: bool = False) -> str:
    """Return text without control characters, of a bounded length; line feeds stay where ``lines`` says so."""
    text = value if isinstance(value, str) else "" if value is None else str(value)
    text = text[:2 * longest].encode("utf-8", "replace").decode()
    text = _CONTROL.sub(" ", text)
    text = text if lines else text.replace("\n", " ")
    return text if len(text) <= longest else f"{text[:longest - 3]}..."


def _alert(given: Any, receiver: str, number: int) -> Alert:
    if not isinstance(given, Mapping) or given.get("status") not in (FIRING, RESOLVED) or not isinstance(given.get("labels"), Mapping):
        raise InvalidInput(f"alert {number}: expected a mapping with labels and the status {FIRING} or {RESOLVED}.")
    starts = given.get("startsAt")
    if not isinstance(starts, str) or not _TIME.fullmatch(starts):
        raise InvalidInput(f"alert {number}: startsAt is no time such as 2025-01-31T12:00:00Z.")
    ends = given.get("endsAt")
    return Alert(
        fingerprint=_fingerprint(given), status=str(given["status"]), starts=starts, receiver=receiver,
        labels=_bounded(given["labels"], LONGEST_LABEL, lines=False),
        annotations=_bounded(_mapping(given.get("annotations")), LONGEST_ANNOTATION, lines=True),
        ends=ends if isinstance(ends, str) and _TIME.fullmatch(ends) else "", url=web_url(given.get("generatorURL")),
    )


def web_url(value: Any) -> str:
    """Return a URL that a message may link to, else nothing: no javascript:, no blanks."""
    good = isinstance(value, str) and len(value) <= 2048 and re.fullmatch(r"https?://[!-~]+", value)
    return str(value) if good else ""


def _mapping(value: Any) -> Mapping[Any, Any]:
    return value if isinstance(value, Mapping) else {}


def _bounded(given: Mapping[Any, Any], longest: int, *, lines: bool) -> dict[str, str]:
    names = [name for name in _FIRST if name in given] + [name for name in given if name not in _FIRST]
    kept = {clean(name, LONGEST_NAME): clean(given[name], longest, lines) for name in names[:MOST_LABELS]}
    if len(names) > MOST_LABELS:
        kept["vigil_left_out"] = str(len(names) - MOST_LABELS)
    return kept


def _fingerprint(given: Mapping[str, Any]) -> str:
    """Alertmanager's, or where it sent none a sum of the labels."""
    found = given.get("fingerprint")
    if isinstance(found, str) and _FINGERPRINT.fullmatch(found):
        return found
    text = json.dumps(sorted((str(name), str(value)) for name, value in given["labels"].items()))
    return hashlib.sha256(text.encode()).hexdigest()[:16]
