# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options to values: what a set of configuration files is, with every contradiction refused in words."""

from __future__ import annotations

import os.path
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from ..files import Mask, tokens
from ..model import InvalidInput
from ..system import Client
from .checks import Proof, Ready, client_secrets, parse_proofs, parse_ready
from .fields import boolean, choice, mode_of, number, only, strings, text

UNITS = "/etc/systemd/system"
SECRET_MODE = 0o640
_NAME = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-@")
_OPTIONS = (
    "name", "state", "unit", "files", "purge", "secrets", "validate", "ready", "proof", "program", "enabled", "unit_state",
    "stable_for", "hand_edits", "lock_timeout",
)


@dataclass(frozen=True)
class File:
    """A file as it shall be. ``validate_only`` files are staged for the validator and never installed."""

    dest: str
    content: bytes = field(repr=False)
    mode: int = 0o644
    owner: str = "root"
    group: str = "root"
    secret: bool = False
    on_change: str = "reload"
    validate_only: bool = False


@dataclass(frozen=True)
class Validator:
    """A program that reads the stage; ``{stage}`` in an argument becomes its folder. ``timeout`` is in seconds."""

    argv: tuple[str, ...]
    timeout: float = 60.0


@dataclass(frozen=True)
class Spec:
    """Everything one task asked for."""

    name: str
    state: str = "present"
    unit: str | None = None
    files: tuple[File, ...] = ()
    purge: tuple[str, ...] = ()
    secrets: tuple[str, ...] = field(default=(), repr=False)
    validators: tuple[Validator, ...] = ()
    ready: Ready | None = None
    proofs: tuple[Proof, ...] = ()
    program: str | None = None
    enabled: bool | None = True
    unit_state: str = "started"
    stable_for: float = 5.0
    hand_edits: str = "replace"
    lock_timeout: float = 10.0

    @property
    def installed(self) -> tuple[File, ...]:
        """The files that belong on the host."""
        return tuple(item for item in self.files if not item.validate_only)

    def mask(self) -> Mask:
        """What takes this set's secrets out of text."""
        words = {word for item in self.files if item.secret for word in tokens(item.content)}
        # A secret file may name other files of the set; their names are no secrets, and an operator needs them.
        names = {word for word in words if any(item.dest.endswith(word) for item in self.files)}
        return Mask({*self.secrets, *(words - names)})


def parse(data: dict[str, Any], units: str = UNITS) -> Spec:
    """Read the options of one task. Raises InvalidInput that names the option, what it holds and what it should hold.

    ``units`` is the folder of unit files: a changed file below it means a restart unless ``on_change`` says otherwise.
    """
    only("service_config", data, _OPTIONS)
    files = tuple(_file(item, units) for item in data.get("files") or ())
    ready = parse_ready(data.get("ready"))
    proofs = parse_proofs(data.get("proof"), ready)
    clients = [item.client for item in (ready, *proofs) if item is not None]
    secrets = strings("secrets", data.get("secrets")) + client_secrets(clients)
    spec = Spec(
        name=_name(data.get("name")), state=choice("state", data.get("state", "present"), ("present", "absent")),
        unit=_unit(data.get("unit")), files=files, purge=tuple(_glob(item) for item in strings("purge", data.get("purge"))),
        secrets=secrets, validators=tuple(_validator(item) for item in data.get("validate") or ()), ready=ready, proofs=proofs,
        program=_path("program", data["program"]) if data.get("program") else None,
        enabled=None if data.get("enabled", True) is None else boolean("enabled", data.get("enabled", True)),
        unit_state=choice("unit_state", data.get("unit_state", "started"), ("started", "stopped")),
        stable_for=number("stable_for", data.get("stable_for", 5)), lock_timeout=number("lock_timeout", data.get("lock_timeout", 10)),
        hand_edits=choice("hand_edits", data.get("hand_edits", "replace"), ("replace", "keep", "refuse")),
    )
    _agree(spec)
    return spec


def _file(item: Any, units: str) -> File:
    only("files", item, ("dest", "content", "mode", "owner", "group", "secret", "on_change", "validate_only"))
    dest = _path("files.dest", item.get("dest"))
    content = item.get("content")
    if not isinstance(content, bytes):
        raise InvalidInput(f"files: {dest} holds {type(content).__name__} as content, text or bytes were expected.")
    secret = boolean(f"{dest}: secret", item.get("secret", False))
    usual = "restart" if dest.startswith(units + "/") else "reload"
    return File(
        dest=dest, content=content, secret=secret,
        mode=mode_of(f"{dest}: mode", item.get("mode") or ("0640" if secret else "0644")),
        owner=text(f"{dest}: owner", item.get("owner") or "root"), group=text(f"{dest}: group", item.get("group") or "root"),
        on_change=choice(f"{dest}: on_change", item.get("on_change") or usual, ("restart", "reload", "none")),
        validate_only=boolean(f"{dest}: validate_only", item.get("validate_only", False)),
    )


def _validator(item: Any) -> Validator:
    only("validate", item, ("argv", "timeout"))
    argv = strings("validate.argv", item.get("argv"))
    if not argv:
        raise InvalidInput("validate: argv is empty; give the program and its arguments as a list, with {stage} for the staged folder.")
    return Validator(argv, number("validate.timeout", item.get("timeout") or 60))


def _name(value: Any) -> str:
    name = text("name", value)
    if not set(name) <= _NAME or name.startswith("."):
        raise InvalidInput(f"name: {name!r} cannot name a set: letters, digits and the signs . _ - @ were expected, no dot first.")
    return name


def _unit(value: Any) -> str | None:
    if not value:
        return None
    unit = text("unit", value)
    if "/" in unit or unit.startswith("-") or "." not in unit:
        raise InvalidInput(f"unit: {unit!r} is no unit name; write it with its type, such as prometheus.service.")
    return unit


def _path(name: str, value: Any) -> str:
    path = text(name, value)
    if not path.startswith("/") or os.path.normpath(path) != path or path == "/":
        raise InvalidInput(f"{name}: {path!r} was given, an absolute path without '..', '//' or a slash at the end was expected.")
    return path


def _glob(pattern: str) -> str:
    folder = os.path.dirname(_path("purge", pattern))
    if any(sign in folder for sign in "*?[") or folder.count("/") < 2:
        raise InvalidInput(
            f"purge: {pattern!r} would reach too far; name one folder at least two levels deep and wildcards in the last part only,"
            " such as /etc/prometheus/rules/*.yml."
        )
    return pattern


def _agree(spec: Spec) -> None:
    dests = [item.dest for item in spec.files]
    twice = sorted({dest for dest in dests if dests.count(dest) > 1}) if len(set(dests)) < len(dests) else []
    if twice:
        raise InvalidInput(f"files: {', '.join(twice)} is in the set more than once; each dest may be given by one file or tree.")
    _no_file_is_a_folder(set(dests))
    _secrets_are_kept(spec)
    if spec.state == "present" and not spec.files and not spec.unit:
        raise InvalidInput("files: the set is empty and no unit is named, so there is nothing to do; use state: absent to remove a set.")
    if (spec.ready or spec.proofs) and not spec.unit:
        raise InvalidInput("ready and proof need unit: without a unit nothing runs that could answer.")


def _no_file_is_a_folder(dests: set[str]) -> None:
    for dest in sorted(dests):
        folder = os.path.dirname(dest)
        while folder != "/":
            if folder in dests:
                raise InvalidInput(f"files: {folder} is a file of the set and {dest} needs it to be a folder.")
            folder = os.path.dirname(folder)


def _secrets_are_kept(spec: Spec) -> None:
    plain = [secret.encode() for secret in spec.secrets if len(secret) >= 8]
    for item in spec.installed:
        known = item.secret or _holds(item.content, plain)
        if known and item.mode & ~SECRET_MODE:
            why = "is secret" if item.secret else "holds one of the task's secrets"
            raise InvalidInput(
                f"{item.dest} {why} and its mode is {item.mode:04o}, which others could read; use 0640 or narrower"
                + ("." if item.secret else " and secret: true.")
            )


def _holds(content: bytes, secrets: Iterable[bytes]) -> bool:
    return any(secret in content for secret in secrets)


__all__ = ["Client", "File", "Spec", "Validator", "parse"]
