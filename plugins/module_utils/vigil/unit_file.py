# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A hardened systemd service unit, or a drop-in that changes a distribution's unit, as text. Pure functions."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Union

from .model import InvalidInput

Value = Union[str, int, bool, Sequence[str], None]
Section = dict[str, Value]

# Each works for a service without privileges, in a container without CAP_SYS_RESOURCE too. Source: systemd.exec(5).
HARDENING: Section = {
    "NoNewPrivileges": True,
    "CapabilityBoundingSet": [],
    "AmbientCapabilities": [],
    "PrivateTmp": True,
    "PrivateDevices": True,
    "DevicePolicy": "closed",
    "ProtectSystem": "strict",
    "ProtectHome": True,
    "ProtectClock": True,
    "ProtectControlGroups": True,
    "ProtectHostname": True,
    "ProtectKernelLogs": True,
    "ProtectKernelModules": True,
    "ProtectKernelTunables": True,
    "ProtectProc": "invisible",
    "LockPersonality": True,
    "MemoryDenyWriteExecute": True,
    "RemoveIPC": True,
    "RestrictAddressFamilies": ["AF_INET", "AF_INET6", "AF_UNIX"],
    "RestrictNamespaces": True,
    "RestrictRealtime": True,
    "RestrictSUIDSGID": True,
    "SystemCallArchitectures": "native",
    "SystemCallFilter": ["@system-service", "~@privileged"],
    "SystemCallErrorNumber": "EPERM",
    "UMask": "0027",
}
# systemd adds to these instead of replacing them: an empty assignment forgets what the distribution's unit said.
_ADDING = frozenset({
    "AmbientCapabilities", "CapabilityBoundingSet", "Environment", "EnvironmentFile", "ExecReload", "ExecStart",
    "ExecStartPre", "ExecStartPost", "ExecStop", "ExecStopPost", "ReadOnlyPaths", "ReadWritePaths", "InaccessiblePaths",
    "RestrictAddressFamilies", "SystemCallFilter", "DeviceAllow",
})
# Two lines instead of one: an allow list and what is taken out of it, or commands.
_ONE_A_LINE = frozenset({"SystemCallFilter", "Environment", "ExecStartPre", "ExecStartPost", "ExecStop", "ExecStopPost", "DeviceAllow"})
_DROP_IN_RESETS = ("ExecStart", "ExecReload", "EnvironmentFile", "Environment")
_OPTIONS = frozenset({
    "description", "exec", "reload", "user", "group", "environment", "capabilities", "writable", "hardening", "unit", "service", "drop_in",
})
_PLAIN_WORD = re.compile(r"[A-Za-z0-9_@%+=:,./^-]+")
_PROGRAM = re.compile(r"/[A-Za-z0-9_@+=:,./-]+")
# A continued line (backslash before the break) is the only break a directive may hold.
_LINE_BREAK = re.compile(r"(?<! \\)\n|\r")
_DIRECTIVE = re.compile(r"[A-Za-z][A-Za-z0-9]*")
_ESCAPES = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\t": "\\t", "\r": "\\r"}


def unit_file(options: Mapping[str, Any]) -> str:
    """Return the text of a service unit, or of a drop-in where ``drop_in`` is true.

    Options (only ``exec`` is required):
    ``exec``: the program (absolute path) and its arguments, each as it must reach the program.
    ``description``: text. ``reload``: a command as ``exec``, in which ``$MAINPID`` is the service's process.
    ``user``, ``group``: names. ``environment``: a dict. ``capabilities``: what the service holds (ambient), default none.
    ``writable``: absolute paths the service may write. ``hardening``: directives that replace those of HARDENING, None leaves one out.
    ``unit``, ``service``: further directives of the section, written as they are (a list gives several words or lines).
    ``drop_in``: true for a file below ``<unit>.d/``; what the distribution's unit says of the command and its environment is forgotten.
    Raises InvalidInput for an unknown option or a value that would break the unit file.
    """
    _refuse_unknown(options)
    drop_in = bool(options.get("drop_in", False))
    sections = [("Unit", _unit_section(options)), ("Service", _service_section(options, drop_in))]
    if not drop_in:
        sections.append(("Install", {"WantedBy": "multi-user.target"}))
    texts = [_section(name, directives, drop_in) for name, directives in sections if directives]
    return "\n".join(["# Managed by Ansible (vigil.monitoring): changes made here are replaced.\n", *texts])


def command_line(argv: Sequence[str]) -> str:
    """Return the words of ``argv`` as systemd must read them to start exactly that command, one a line.

    The word ``$MAINPID`` alone stays what systemd makes of it: the service's process.
    """
    if not argv:
        raise InvalidInput("A unit's command is empty; give the program's absolute path and its arguments as a list.")
    program = str(argv[0])
    if not _PROGRAM.fullmatch(program):
        raise InvalidInput(f"A unit's program must be an absolute path of plain characters, found {program!r}.")
    return " \\\n  ".join([program, *(_word(str(word)) for word in argv[1:])])


def _word(word: str) -> str:
    return word if word == "$MAINPID" else quote(word)


def quote(word: str, expands_variables: bool = True) -> str:
    """Quote one word for systemd: specifiers (%), variables ($, where the directive expands them), quotes and blanks stay literal."""
    text = word.replace("%", "%%")
    if expands_variables:
        text = text.replace("$", "$$")
    if text and _PLAIN_WORD.fullmatch(text):
        return text
    return '"' + "".join(_escape(character) for character in text) + '"'


def _escape(character: str) -> str:
    if character == "\0":
        raise InvalidInput("A word of a unit's command holds a NUL character, which no program can be given; remove it.")
    if character < " " or character == "\x7f":
        return _ESCAPES.get(character, f"\\x{ord(character):02x}")
    return _ESCAPES.get(character, character)


def _refuse_unknown(options: Mapping[str, Any]) -> None:
    unknown = sorted(set(options) - _OPTIONS)
    if unknown:
        raise InvalidInput(f"unit_file does not know {', '.join(unknown)}; it knows {', '.join(sorted(_OPTIONS))}.")
    if isinstance(options.get("exec"), str) or not options.get("exec"):
        raise InvalidInput("unit_file needs `exec` as a list: the program's absolute path and its arguments.")


def _unit_section(options: Mapping[str, Any]) -> Section:
    section: Section = {}
    if options.get("description"):
        section["Description"] = str(options["description"]).replace("%", "%%")
    if not options.get("drop_in"):
        section.update({"Wants": "network-online.target", "After": "network-online.target"})
    section.update(options.get("unit") or {})
    return section


def _service_section(options: Mapping[str, Any], drop_in: bool) -> Section:
    section: Section = {name: [] for name in _DROP_IN_RESETS} if drop_in else {"Type": "simple"}
    section["ExecStart"] = command_line(options["exec"])
    if options.get("reload"):
        section["ExecReload"] = command_line(options["reload"])
    section.update({name.capitalize(): str(options[name]) for name in ("user", "group") if options.get(name)})
    if options.get("environment"):
        section["Environment"] = _environment(options["environment"])
    section.update({"Restart": "on-failure", "RestartSec": 1})
    section.update(_hardening(options))
    section.update(options.get("service") or {})
    return section


def _environment(variables: Mapping[str, Any]) -> list[str]:
    return [quote(f"{name}={value}", expands_variables=False) for name, value in sorted(variables.items())]


def _hardening(options: Mapping[str, Any]) -> Section:
    section = dict(HARDENING)
    capabilities = [str(name) for name in options.get("capabilities") or []]
    if capabilities:
        section.update({"CapabilityBoundingSet": capabilities, "AmbientCapabilities": capabilities})
    if options.get("writable"):
        section["ReadWritePaths"] = [quote(str(path), expands_variables=False) for path in options["writable"]]
    section.update(options.get("hardening") or {})
    return section


def _section(name: str, directives: Section, drop_in: bool) -> str:
    lines = [f"[{name}]"]
    for directive, value in directives.items():
        lines += _directive(directive, value, drop_in)
    return "\n".join(lines) + "\n"


def _directive(name: str, value: Value, drop_in: bool) -> list[str]:
    if not _DIRECTIVE.fullmatch(name):
        raise InvalidInput(f"{name!r} is not the name of a unit's directive: letters and digits only.")
    if value is None:
        return []
    texts = _texts(name, value)
    if any(_LINE_BREAK.search(text) for text in texts):
        raise InvalidInput(f"The directive {name} holds a line break, which would start another directive; write it on one line.")
    reset = [f"{name}="] if drop_in and name in _ADDING and texts != [""] else []
    return reset + [f"{name}={text}" for text in texts]


def _texts(name: str, value: Value) -> list[str]:
    if isinstance(value, bool):
        return ["yes" if value else "no"]
    if isinstance(value, (str, int)) or value is None:
        return [str(value)]
    words = [str(word) for word in value]
    return words if name in _ONE_A_LINE and words else [" ".join(words)]
