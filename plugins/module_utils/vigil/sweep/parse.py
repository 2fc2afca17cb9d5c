# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an operator set, as values; and whom the inventory says to ask. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ..addresses import host_address, split_listen_address
from ..model import InvalidInput
from ..options import mistyped
from .model import Target, Told
from .read import row_of_dict, seen
from .words import clean

PORT = 9890
_WHERE = re.compile(r"^(ssh: )?(connect to host \S+ port \d+: |\S+@\S+: )?")
LISTEN = "health_agent_web_listen_address"
# What is read of each host's variables.
VARIABLES = ("vigil_address", "ansible_host", LISTEN)


def targets(hosts: Iterable[str], read: Callable[[str], Mapping[str, Any]]) -> list[Target]:
    """Return the agents of these hosts; ``read`` gives a host's VARIABLES. Raises InvalidInput, with the host's name."""
    return [_target(name, read(name)) for name in hosts]


def _target(name: str, variables: Mapping[str, Any]) -> Target:
    listen = variables.get(LISTEN)
    try:
        port = split_listen_address(str(listen))[1] if listen else PORT
    except InvalidInput as error:
        raise InvalidInput(f"{LISTEN} of {name}: {error}") from None
    return Target(name, host_address(name, variables), port)


def check(options: Mapping[str, Any]) -> None:
    """Raise InvalidInput where a number is out of its range."""
    ranges = {"timeout": (0.1, 600), "retries": (0, 10), "concurrency": (1, 5000), "answer_limit": (1024, 64 * 1024 * 1024),
              "ssh_max": (0, 100000), "ssh_timeout": (1, 3600), "lines": (1, 100000)}
    for name, (low, high) in ranges.items():
        if not low <= options[name] <= high:
            raise InvalidInput(f"health_{name} is {options[name]:g}; {low:g} to {high:g} is expected.")


def refuse_mistyped(names: Iterable[str], options: Iterable[str], allowed: Iterable[str]) -> None:
    """Raise InvalidInput where a variable looks like an option of the sweep and is none."""
    known = [f"health_{name}" for name in options]
    wrong = mistyped(names, "health", known, longer_roles=["health_agent"], allowed=allowed)
    if wrong:
        hints = [f"{one.name}{f' (did you mean {one.nearest}?)' if one.nearest else ''}" for one in wrong]
        words = f"No option of playbooks/health.yml: {', '.join(hints)}."
        raise InvalidInput(f"{words} Mend the name, or list it in vigil_options_allow where the variable is yours.")


def told(result: Any, full: bool = False) -> Told:
    """Return what the module health_check told over SSH, from the variable that its task registered; anything may be in it."""
    if not isinstance(result, Mapping):
        return Told(words="not asked")
    found = result.get("results")
    if isinstance(found, list) and not result.get("unreachable"):
        try:
            return Told(seen([row_of_dict(item, full) for item in found if isinstance(item, Mapping)]))
        except (ValueError, TypeError) as error:
            return Told(words=f"what health_check told is not understood: {clean(error, 160)}")
    if result.get("timedout"):
        return Told(words="no answer in time (health_ssh_timeout)")
    words = clean(result.get("msg") or "no words", 600)
    return Told(words=_plainly(words) if result.get("unreachable") else f"reached, but health_check failed: {words[:240]}")


def _plainly(words: str) -> str:
    """What ssh said, without what Ansible puts before it and without the address, so that hosts with the same ill read the same."""
    said = re.split(r"(?:over|via) ssh: ", words)[-1]
    return clean(_WHERE.sub("", said), 200) or "unreachable"
