# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Read the options of the configuration, one function a type. Each raises InvalidInput with what was found and what was expected."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from ..agent.config import PUBLIC, TOKEN, Files
from ..health.options import nearest
from ..health.units import SECONDS, number
from ..httpd.front import split_address
from ..model import InvalidInput
from .alerts import web_url
from .channel import Channel, read_settings, refuse_recipients
from .model import Post, Quiet, Rate, Retry, Route, Rung, Target, Watchdog
from .phrases import WORDS
from .routing import zone
from .secrets import secret_path

_DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_CLOCK = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])")


@dataclass(frozen=True)
class Place:
    """Where relative paths begin, the environment that names credentials, and the kinds of channels that there are."""

    folder: str
    environment: Mapping[str, str]
    channels: Mapping[str, Channel]


def text(value: Any, name: str, place: Place) -> str:
    """Read text that is not empty."""
    if not isinstance(value, str) or not value.strip():
        raise InvalidInput(f"{name}: {value!r} was found, expected text.")
    return value


def mapping(value: Any, name: str, known: tuple[str, ...] = ()) -> Mapping[str, Any]:
    """Read a mapping; where ``known`` names options, of those only."""
    if not isinstance(value, Mapping):
        raise InvalidInput(f"{name}: {value!r} was found, expected a mapping.")
    for key in value:
        if known and key not in known:
            raise InvalidInput(f"{name}: {key} is no option{nearest(str(key), known)}")
    return value


def listed(value: Any, name: str) -> list[Any]:
    """Read a list."""
    if not isinstance(value, list):
        raise InvalidInput(f"{name}: {value!r} was found, expected a list.")
    return value


def seconds(value: Any, name: str, place: Place) -> float:
    """Read a duration that is not negative."""
    try:
        read = number(value, SECONDS)
    except ValueError as error:
        raise InvalidInput(f"{name}: {error}.") from error
    if read < 0:
        raise InvalidInput(f"{name}: {value!r} was found, expected a duration that is not negative.")
    return read


def whole(value: Any, name: str, least: int, most: int) -> int:
    """Read a whole number."""
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise InvalidInput(f"{name}: {value!r} was found, expected a whole number from {least} to {most}.")
    return value


def refuse_target(kind: Channel, target: Target, where: str) -> None:
    """Refuse recipients that the channel cannot reach."""
    wrong = refuse_recipients(kind, target.recipients)
    if wrong:
        raise InvalidInput(f"{where}: {target.channel}: {wrong}")


def _path(value: Any, name: str, place: Place) -> str | None:
    return None if value is None else secret_path(text(value, name, place), place.folder, place.environment)


def _addresses(value: Any, name: str, place: Place) -> tuple[str, ...]:
    given = tuple(text(item, name, place) for item in (value if isinstance(value, list) else [value]))
    for address in given:
        try:
            split_address(address)
        except ValueError as error:
            raise InvalidInput(f"{name}: {error}.") from error
    if not given:
        raise InvalidInput(f"{name}: an empty list was found, expected at least one address such as 127.0.0.1:9893.")
    return given


def _tls(value: Any, name: str, place: Place) -> Files | None:
    if value is None:
        return None
    given = mapping(value, name, ("cert", "key"))
    return Files(*(os.path.join(place.folder, text(given.get(part), f"{name}.{part}", place)) for part in ("cert", "key")))


def _who(value: Any, name: str, place: Place) -> str:
    if value not in (TOKEN, PUBLIC):
        raise InvalidInput(f"{name}: {value!r} was found, expected {TOKEN} or {PUBLIC}.")
    return str(value)


def _url(value: Any, name: str, place: Place) -> str:
    if not web_url(value):
        raise InvalidInput(f"{name}: {value!r} was found, expected a URL such as https://mon1.example.org:9893")
    return str(value).rstrip("/")


def _words(value: Any, name: str) -> dict[str, str]:
    return {str(key): str(item) for key, item in mapping(value, name).items()}


def _patterns(value: Any, name: str) -> dict[str, str]:
    for key, pattern in _words(value, name).items():
        try:
            re.compile(pattern)
        except re.error as error:
            raise InvalidInput(f"{name}: {key}: {pattern!r} is no regular expression: {error}.") from error
    return _words(value, name)


def _channels(value: Any, name: str, place: Place) -> dict[str, Post]:
    return {str(key): _post(str(key), item, f"{name}: {key}", place) for key, item in mapping(value, name).items()}


def _post(key: str, value: Any, where: str, place: Place) -> Post:
    given = mapping(value, where, ("kind", "settings", "rate", "recipient_rate", "retry"))
    kind = text(given.get("kind"), f"{where}: kind", place)
    if kind not in place.channels:
        raise InvalidInput(f"{where}: {kind} is no kind of channel{nearest(kind, place.channels)}")
    settings = dict(mapping(given.get("settings", {}), f"{where}: settings"))
    for option in place.channels[kind].options:
        if option.type == "path" and isinstance(settings.get(option.name), str):
            settings[option.name] = secret_path(settings[option.name], place.folder, place.environment)
    read = read_settings(place.channels[kind], settings, where)
    post = Post(key, kind, read)
    return Post(key, kind, read, _rate(given.get("rate"), f"{where}: rate", place, post.rate),
                _rate(given.get("recipient_rate"), f"{where}: recipient_rate", place, post.recipient_rate),
                _retry(given.get("retry"), f"{where}: retry", place))


def _rate(value: Any, name: str, place: Place, default: Rate) -> Rate:
    if value is None:
        return default
    given = mapping(value, name, ("count", "per"))
    return Rate(whole(given.get("count"), f"{name}.count", 1, 100_000), max(0.1, seconds(given.get("per", 60), f"{name}.per", place)))


def _retry(value: Any, name: str, place: Place) -> Retry:
    given = mapping(value or {}, name, ("first", "most", "deadline"))
    read = Retry(**{key: seconds(item, f"{name}.{key}", place) for key, item in given.items()})
    if not 0 < read.first <= read.most <= read.deadline:
        raise InvalidInput(f"{name}: first {read.first:g} s, most {read.most:g} s, deadline {read.deadline:g} s were found, "
                           "expected 0 < first <= most <= deadline.")
    return read


def _target(value: Any, name: str, place: Place) -> Target:
    given = mapping(value, name, ("channel", "recipients", "language"))
    language = str(given.get("language", "en"))
    if language not in WORDS:
        raise InvalidInput(f"{name}: language {language!r} was found, expected one of {', '.join(WORDS)}.")
    recipients = tuple(dict.fromkeys(text(item, f"{name}: recipients", place) for item in listed(given.get("recipients", []), name)))
    return Target(text(given.get("channel"), f"{name}: channel", place), recipients, language)


def _targets(value: Any, name: str, place: Place) -> tuple[Target, ...]:
    return tuple(_target(item, name, place) for item in listed(value, name))


def _routes(value: Any, name: str, place: Place) -> tuple[Route, ...]:
    return tuple(_route(item, number, place) for number, item in enumerate(listed(value, name), 1))


def _route(value: Any, position: int, place: Place) -> Route:
    where = f"routes: number {position}"
    given = mapping(value, where, ("name", "match", "match_re", "targets", "escalation", "quiet", "continue"))
    return Route(
        str(given.get("name", f"number {position}")), _words(given.get("match", {}), f"{where}: match"),
        _patterns(given.get("match_re", {}), f"{where}: match_re"), _targets(given.get("targets", []), f"{where}: targets", place),
        str(given.get("escalation", "")), tuple(map(str, listed(given.get("quiet", []), f"{where}: quiet"))), given.get("continue") is True,
    )


def _escalations(value: Any, name: str, place: Place) -> dict[str, tuple[Rung, ...]]:
    return {str(key): _rungs(item, f"{name}: {key}", place) for key, item in mapping(value, name).items()}


def _rungs(value: Any, where: str, place: Place) -> tuple[Rung, ...]:
    rungs = []
    for item in listed(value, where):
        given = mapping(item, where, ("after", "channel", "recipients", "language"))
        target = _target({key: part for key, part in given.items() if key != "after"}, where, place)
        rungs.append(Rung(seconds(given.get("after", 0), f"{where}: after", place), target))
    if not rungs or [rung.after for rung in rungs] != sorted(rung.after for rung in rungs):
        raise InvalidInput(f"{where}: expected at least one step, each `after` no shorter than the one before it.")
    return tuple(rungs)


def _quiet(value: Any, name: str, place: Place) -> dict[str, Quiet]:
    return {str(key): _hours(str(key), item, f"{name}: {key}", place) for key, item in mapping(value, name).items()}


def _hours(key: str, value: Any, where: str, place: Place) -> Quiet:
    given = mapping(value, where, ("severities", "from", "to", "days", "zone"))
    days = [str(day).lower() for day in listed(given.get("days", list(_DAYS)), f"{where}: days")]
    for day in days:
        if day not in _DAYS:
            raise InvalidInput(f"{where}: days: {day!r} was found, expected {', '.join(_DAYS)}.")
    try:
        zone(str(given.get("zone", "UTC")))
    except ValueError as error:
        raise InvalidInput(f"{where}: zone: {error}.") from error
    severities = tuple(text(item, f"{where}: severities", place) for item in listed(given.get("severities"), f"{where}: severities"))
    return Quiet(key, severities, _minutes(given.get("from"), f"{where}: from"), _minutes(given.get("to"), f"{where}: to"),
                 tuple(_DAYS.index(day) for day in days), str(given.get("zone", "UTC")))


def _minutes(value: Any, name: str) -> int:
    form = _CLOCK.fullmatch(value) if isinstance(value, str) else None
    if form is None:
        raise InvalidInput(f"{name}: {value!r} was found, expected a time such as 22:00.")
    return int(form.group(1)) * 60 + int(form.group(2))


def _watchdog(value: Any, name: str, place: Place) -> Watchdog | None:
    if value is None:
        return None
    given = mapping(value, name, ("match", "within"))
    return Watchdog(_words(given.get("match", {"alertname": "Watchdog"}), f"{name}: match"),
                    max(1.0, seconds(given.get("within", 300), f"{name}: within", place)))


Reader = Callable[[Any, str, Place], Any]
READERS: dict[str, Reader] = {
    "journal": _path, "token_file": _path, "channels": _channels, "routes": _routes, "name": text, "listen": _addresses, "tls": _tls,
    "metrics": _who, "public_url": _url, "ack_key_file": _path, "ack_valid": seconds, "keep": seconds, "group_wait": seconds,
    "send_timeout": seconds, "max_connections": lambda value, name, place: whole(value, name, 8, 100_000), "escalations": _escalations,
    "quiet": _quiet, "alarm": _targets, "watchdog": _watchdog,
}
