# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The agent's configuration: a JSON file, read into values, refused where it could not serve. Nothing is started by reading it."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ..health.kinds import KINDS
from ..health.model import Check
from ..health.options import nearest
from ..health.spec import parse
from ..httpd.front import split_address
from ..httpd.tls import server_context
from ..model import InvalidInput, VigilError

OWN_CHECK = "vigil-agent"
TOKEN, PUBLIC = "token", "public"
_SHORTEST_TOKEN = 16


@dataclass(frozen=True)
class Files:
    """Paths of the certificate and its key."""

    cert: str
    key: str


@dataclass(frozen=True)
class Config:
    """What the agent was told. Paths are absolute, ``state_interval`` is in seconds; ``details`` and ``metrics`` are token or public."""

    host: str
    checks: tuple[Check, ...]
    listen: tuple[str, ...] = ("127.0.0.1:9890",)
    tls: Files | None = None
    token_file: str | None = None
    state_file: str | None = None
    details: str = TOKEN
    metrics: str = TOKEN
    pool: int = 8
    max_connections: int = 1000
    state_interval: int = 10


def read_config(path: str) -> Config:
    """Read the file at ``path``, its checks too. Raises VigilError with what was found, what was expected and where."""
    try:
        with open(path, encoding="utf-8") as handle:
            given = json.load(handle)
    except OSError as error:
        raise InvalidInput(f"{path} cannot be read: {error.strerror}.") from error
    except ValueError as error:
        raise InvalidInput(f"{path} is not JSON: {error}.") from error
    try:
        return parse_config(given, os.path.dirname(os.path.abspath(path)))
    except VigilError as error:
        raise InvalidInput(f"{path}: {error}") from error


def parse_config(given: Any, folder: str) -> Config:
    """Return the values of a configuration; relative paths begin in ``folder``. Raises InvalidInput."""
    if not isinstance(given, Mapping):
        raise InvalidInput(f"{type(given).__name__} was found, expected a mapping with at least host and checks.")
    for name in given:
        if name not in _READERS:
            raise InvalidInput(f"{name} is no option of the agent{nearest(str(name), _READERS)}")
    for name in ("host", "checks"):
        if name not in given:
            raise InvalidInput(f"{name} is missing.")
    config = Config(**{name: _READERS[name](value, name, folder) for name, value in given.items()})
    _refuse(config)
    return config


def read_token(path: str | None) -> str:
    """Return the token that a file holds; of no file, an empty one. Raises InvalidInput where it is too short to protect anything."""
    if path is None:
        return ""
    try:
        with open(path, encoding="ascii") as handle:
            token = handle.read(4096).strip()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "it is not ASCII text"
        raise InvalidInput(f"the token file {path} cannot be read: {reason}.") from error
    if len(token) < _SHORTEST_TOKEN or any(character.isspace() for character in token):
        raise InvalidInput(f"the token file {path} holds {len(token)} characters, expected one line of {_SHORTEST_TOKEN} or more.")
    return token


def check_config(path: str) -> str:
    """Read all that a start would read; return a sentence about it. Raises VigilError as the start would."""
    config = read_config(path)
    read_token(config.token_file)
    if config.tls:
        server_context(config.tls.cert, config.tls.key)
    return f"{path} is good: {len(config.checks)} checks of {config.host}, {', '.join(config.listen)}, TLS {'on' if config.tls else 'off'}."


def _refuse(config: Config) -> None:
    for name in ("details", "metrics"):
        if getattr(config, name) == TOKEN and config.token_file is None:
            raise InvalidInput(f"{name} is {TOKEN} and there is no token_file. Name one, or set {name} to {PUBLIC}.")
    if any(check.name == OWN_CHECK for check in config.checks):
        raise InvalidInput(f"checks: the name {OWN_CHECK} is the agent's own; give that check another.")


def _text(value: Any, name: str, folder: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise InvalidInput(f"{name}: {value!r} was found, expected text.")
    return value


def _path(value: Any, name: str, folder: str) -> str | None:
    return None if value is None else os.path.join(folder, _text(value, name, folder))


def _addresses(value: Any, name: str, folder: str) -> tuple[str, ...]:
    given = value if isinstance(value, list) else [value]
    for address in given:
        try:
            split_address(_text(address, name, folder))
        except ValueError as error:
            raise InvalidInput(f"{name}: {error}.") from error
    if not given:
        raise InvalidInput(f"{name}: an empty list was found, expected at least one address such as 0.0.0.0:9890.")
    return tuple(given)


def _tls(value: Any, name: str, folder: str) -> Files | None:
    if value is None:
        return None
    if not isinstance(value, Mapping) or set(value) != {"cert", "key"}:
        raise InvalidInput(f"{name}: {value!r} was found, expected cert and key, or null for no TLS.")
    return Files(*(os.path.join(folder, _text(value[part], f"{name}.{part}", folder)) for part in ("cert", "key")))


def _who(value: Any, name: str, folder: str) -> str:
    if value not in (TOKEN, PUBLIC):
        raise InvalidInput(f"{name}: {value!r} was found, expected {TOKEN} or {PUBLIC}.")
    return str(value)


def _between(least: int, most: int) -> Callable[[Any, str, str], int]:
    def read(value: Any, name: str, folder: str) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise InvalidInput(f"{name}: {value!r} was found, expected a whole number from {least} to {most}.")
        return value
    return read


def _checks(value: Any, name: str, folder: str) -> tuple[Check, ...]:
    return parse(value, KINDS)


_READERS: dict[str, Callable[[Any, str, str], Any]] = {
    "host": _text, "listen": _addresses, "tls": _tls, "token_file": _path, "state_file": _path, "details": _who, "metrics": _who,
    "pool": _between(1, 256), "max_connections": _between(8, 100_000), "state_interval": _between(1, 3600),
    "checks": _checks,
}
