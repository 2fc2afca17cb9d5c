# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Components and their configurations in one go: installed first and configured then, or the other way round for removal."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from .component.run import run as run_component
from .model import VigilError
from .service_config.engine import run as run_config
from .service_config.host import Host
from .service_config.payload import NotAtHand, decode
from .service_config.spec import parse
from .system import System

Part = Callable[[Mapping[str, Any], bool], dict[str, Any]]


def configure(packed: Mapping[str, Any], check: bool) -> dict[str, Any]:
    """Land the set that the action packed."""
    return run_config(parse(decode(packed["payload"], System().read)), Host(), check)


def at_hand(packed: Mapping[str, Any]) -> bool:
    """Whether the host has every file that was sent by its digest only."""
    try:
        decode(packed["payload"], System().read)
    except NotAtHand:
        return False
    return True


def deploy(data: Mapping[str, Any], check: bool, install: Part = run_component, configure: Part = configure) -> dict[str, Any]:
    """Carry out what the action packed: ``component`` (options) and ``config`` (a packed set), each None where it is not asked for.

    Returns the result of service_config with that of component under ``component``. Where the controller has to bring something
    first, the result has ``fetch``, or ``resend`` where it has to send the set as a whole, and nothing was done. Raises VigilError;
    its details tell what the component's part had done.
    """
    component, config = data["component"], data["config"]
    if config and config.get("thin") and not at_hand(config):
        return {"changed": False, "resend": True}
    if "absent" in ((component or {}).get("state"), (config or {}).get("state")):
        configured = configure(config, check) if config else {}
        return _merged(install(component, check) if component else {}, configured)
    installed = install(component, check) if component else {}
    if installed.get("fetch"):
        return installed
    try:
        return _merged(installed, configure(config, check) if config else {})
    except VigilError as error:
        raise type(error)(str(error), **error.details, component=installed or None) from error


def deploy_each(services: Iterable[Mapping[str, Any]], check: bool, one: Part = deploy) -> dict[str, dict[str, Any]]:
    """Deploy services one after the other; return the result of each by role. One that fails says so in its own and stops no other."""
    return {service["role"]: _told(service, check, one) for service in services}


def together(results: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Return one result for the services of one task: ``services`` has each one's own by role, ``msg`` a word on each where one failed."""
    services = {role: {key: value for key, value in result.items() if key != "diff"} for role, result in results.items()}
    diffs = [diff for result in results.values() for diff in result.get("diff") or []]
    told = {"changed": any(result.get("changed") for result in results.values()), "services": services, "diff": diffs}
    if not any(result.get("failed") for result in results.values()):
        return told
    return {**told, "failed": True, "msg": "\n".join(f"{role}: {_words(result)}" for role, result in results.items())}


def _words(result: Mapping[str, Any]) -> str:
    return str(result.get("msg")) if result.get("failed") else "changed." if result.get("changed") else "as it should be."


def _told(service: Mapping[str, Any], check: bool, one: Part) -> dict[str, Any]:
    try:
        return one(service, check)
    except VigilError as error:
        return {"changed": False, **error.details, "failed": True, "msg": str(error)}


def _merged(installed: dict[str, Any], configured: dict[str, Any]) -> dict[str, Any]:
    diffs = configured.get("diff") or []
    first = installed.get("diff") or {}
    return {
        **configured, "component": {key: value for key, value in installed.items() if key != "diff"} or None,
        "changed": bool(installed.get("changed")) or bool(configured.get("changed")),
        "diff": [*([first] if first.get("prepared") else []), *(diffs if isinstance(diffs, list) else [diffs])],
    }
