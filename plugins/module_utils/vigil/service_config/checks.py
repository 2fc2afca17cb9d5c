# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options ``ready`` and ``proof``: how a unit shows that it serves, and that it serves the new set."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from ..model import InvalidInput
from ..system import Client
from .fields import boolean, number, only, text

_CLIENT = ("ca", "cert", "key", "username", "password", "token", "verify")


@dataclass(frozen=True)
class Ready:
    """The unit serves when ``url`` answers with one of ``status``; ``timeout`` in seconds is how long it may take."""

    url: str
    status: tuple[int, ...] = (200,)
    timeout: float = 60.0
    client: Client = field(default_factory=Client)


@dataclass(frozen=True)
class Proof:
    """A metric that shows what the unit runs: it has ``value``, or, where ``moved``, a time after the swap."""

    url: str
    metric: str
    labels: dict[str, str] = field(default_factory=dict)
    value: float | None = None
    moved: bool = False
    timeout: float = 30.0
    client: Client = field(default_factory=Client)


def parse_ready(data: Any) -> Ready | None:
    """Read the option ``ready``; None where it is not given."""
    if not data:
        return None
    only("ready", data, ("url", "status", "timeout", *_CLIENT))
    status = data.get("status") or [200]
    if not isinstance(status, (list, tuple)) or not all(isinstance(item, int) and 100 <= item <= 599 for item in status):
        raise InvalidInput(f"ready.status: {status!r} was given, a list of HTTP status codes was expected.")
    timeout = number("ready.timeout", 60 if data.get("timeout") is None else data["timeout"])
    return Ready(_url("ready.url", data.get("url")), tuple(status), timeout, _client("ready", data))


def parse_proofs(data: Any, ready: Ready | None) -> tuple[Proof, ...]:
    """Read the option ``proof``; the URL and the client are those of ``ready`` where none are given."""
    return tuple(_proof(item, ready) for item in data or ())


def client_secrets(clients: Iterable[Client]) -> tuple[str, ...]:
    """Return the passwords and tokens of these clients."""
    return tuple(word for client in clients for word in (client.password, client.token) if word)


def _proof(item: Any, ready: Ready | None) -> Proof:
    only("proof", item, ("url", "metric", "labels", "value", "moved", "timeout", *_CLIENT))
    metric = text("proof.metric", item.get("metric"))
    if not item.get("url") and ready is None:
        raise InvalidInput(f"proof: {metric} has no url, and there is no ready.url whose server could be asked; give one of them.")
    value, moved = item.get("value"), boolean(f"proof {metric}: moved", item.get("moved") or False)
    if value is None and not moved:
        raise InvalidInput(f"proof: {metric} proves nothing; give the value it must have, or moved: true for the time of a reload.")
    if value is not None and (isinstance(value, bool) or not isinstance(value, (int, float))):
        raise InvalidInput(f"proof: {metric} has the value {value!r}, a number was expected.")
    own = any(item.get(key) is not None for key in _CLIENT)
    return Proof(
        url=_url("proof.url", item["url"]) if item.get("url") else _metrics_of(ready), metric=metric,
        labels=_labels(metric, item.get("labels")), value=None if value is None else float(value), moved=moved,
        timeout=number("proof.timeout", 30 if item.get("timeout") is None else item["timeout"]),
        client=_client("proof", item) if own or ready is None else ready.client,
    )


def _metrics_of(ready: Ready | None) -> str:
    parts = urlsplit(ready.url if ready else "")
    return f"{parts.scheme}://{parts.netloc}/metrics"


def _labels(metric: str, labels: Any) -> dict[str, str]:
    if labels is None:
        return {}
    if not isinstance(labels, dict) or not all(isinstance(part, str) for pair in labels.items() for part in pair):
        raise InvalidInput(f"proof: the labels of {metric} are {labels!r}, a dict of texts was expected.")
    return {str(key): str(value) for key, value in labels.items()}


def _client(name: str, data: dict[str, Any]) -> Client:
    values = {key: text(f"{name}.{key}", data[key]) for key in _CLIENT[:-1] if data.get(key)}
    if ("cert" in values) != ("key" in values):
        raise InvalidInput(f"{name}: cert and key belong together; give both or none of them.")
    verify = True if data.get("verify") is None else boolean(f"{name}.verify", data["verify"])
    return Client(**values, verify=verify)


def _url(name: str, value: Any) -> str:
    url = text(name, value)
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username is not None:
        shown = parts._replace(netloc=parts.hostname or "").geturl()
        raise InvalidInput(f"{name}: {shown!r} was given, an http or https URL without a user in it was expected.")
    return url
