# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The notifier's configuration: a JSON file, read into values, refused where it could not serve. Nothing is started by reading it."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..agent.config import PUBLIC, TOKEN, Files, read_token
from ..health.options import nearest
from ..httpd.tls import server_context
from ..model import InvalidInput, VigilError
from . import readers
from .channel import Channel
from .channels import CHANNELS
from .model import Post, Quiet, Route, Rung, Target, Watchdog
from .secrets import read_key, refuse_open


@dataclass(frozen=True)
class Config:
    """What the notifier was told. Paths are absolute, times in seconds; ``metrics`` is token or public. ``alarm``: who hears of trouble."""

    journal: str
    token_file: str
    channels: Mapping[str, Post]
    routes: tuple[Route, ...]
    name: str = "notifier"
    listen: tuple[str, ...] = ("127.0.0.1:9893",)
    tls: Files | None = None
    metrics: str = TOKEN
    public_url: str = ""
    ack_key_file: str | None = None
    ack_valid: float = 86400.0
    keep: float = 30 * 86400.0
    group_wait: float = 0.5
    send_timeout: float = 30.0
    max_connections: int = 200
    escalations: Mapping[str, tuple[Rung, ...]] = field(default_factory=dict)
    quiet: Mapping[str, Quiet] = field(default_factory=dict)
    alarm: tuple[Target, ...] = ()
    watchdog: Watchdog | None = None


def read_config(path: str, channels: Mapping[str, Channel] = CHANNELS, environment: Mapping[str, str] | None = None) -> Config:
    """Read the file at ``path``; ``environment`` is this process' own. Raises VigilError: what was found, what was expected and where."""
    try:
        with open(path, encoding="utf-8") as handle:
            given = json.load(handle)
    except OSError as error:
        raise InvalidInput(f"{path} cannot be read: {error.strerror}.") from error
    except (ValueError, RecursionError) as error:
        raise InvalidInput(f"{path} is not JSON: {error}.") from error
    try:
        known = os.environ if environment is None else environment
        return parse_config(given, readers.Place(os.path.dirname(os.path.abspath(path)), known, channels))
    except VigilError as error:
        raise InvalidInput(f"{path}: {error}") from error


def parse_config(given: Any, place: readers.Place) -> Config:
    """Return the values of a configuration. Raises InvalidInput."""
    if not isinstance(given, Mapping):
        raise InvalidInput(f"{type(given).__name__} was found, expected a mapping with journal, token_file, channels and routes.")
    for name in given:
        if name not in readers.READERS:
            raise InvalidInput(f"{name} is no option of the notifier{nearest(str(name), readers.READERS)}")
    for name in ("journal", "token_file", "channels", "routes"):
        if not given.get(name):
            raise InvalidInput(f"{name} is missing.")
    config = Config(**{name: readers.READERS[name](value, name, place) for name, value in given.items()})
    _refuse(config, place.channels)
    return config


def check_config(path: str, channels: Mapping[str, Channel] = CHANNELS) -> str:
    """Read all that a start would read, secrets too; return a sentence about it. Raises VigilError as the start would."""
    config = read_config(path, channels)
    read_secrets(config)
    if config.tls:
        server_context(config.tls.cert, config.tls.key)
    return (f"{path} is good: {len(config.channels)} channels, {len(config.routes)} routes, {', '.join(config.listen)}, "
            f"TLS {'on' if config.tls else 'off'}.")


def read_secrets(config: Config) -> None:
    """Refuse secrets that are missing, that others can read or that protect nothing. Raises InvalidInput."""
    refuse_open(config.token_file)
    read_token(config.token_file)
    if config.ack_key_file:
        read_key(config.ack_key_file)
    for post in config.channels.values():
        for name, value in post.settings.items():
            if name.endswith("_file") and value:
                refuse_open(str(value))


def targets_of(config: Config) -> list[tuple[str, Target]]:
    """Return every target that the configuration names, with where it stands."""
    found = [(f"routes: {route.name}", target) for route in config.routes for target in route.targets]
    found += [(f"escalations: {name}", rung.target) for name, rungs in config.escalations.items() for rung in rungs]
    return found + [("alarm", target) for target in config.alarm]


def _near(name: str, known: Mapping[str, object]) -> str:
    return nearest(name, known) if known else "; there are none."


def _refuse(config: Config, channels: Mapping[str, Channel]) -> None:
    for where, target in targets_of(config):
        if target.channel not in config.channels:
            raise InvalidInput(f"{where}: {target.channel} is no channel{nearest(target.channel, config.channels)}")
        readers.refuse_target(channels[config.channels[target.channel].kind], target, where)
    for route in config.routes:
        if route.escalation and route.escalation not in config.escalations:
            raise InvalidInput(f"routes: {route.name}: {route.escalation} is no escalation{_near(route.escalation, config.escalations)}")
        for name in route.quiet:
            if name not in config.quiet:
                raise InvalidInput(f"routes: {route.name}: {name} are no quiet hours{_near(name, config.quiet)}")
    last = config.routes[-1]
    if last.match or last.match_re or not (last.targets or last.escalation):
        raise InvalidInput(f"routes: the last one, {last.name}, has to take every alert: no match, and a target. Others were lost.")
    if config.watchdog and not config.alarm:
        raise InvalidInput("watchdog is set and alarm names nobody: who is to hear that it stopped?")


__all__ = ["PUBLIC", "Config", "check_config", "parse_config", "read_config", "read_secrets", "targets_of"]
