# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Alertmanager's configuration as a value, built from the role's options."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .model import InvalidInput


def build_config(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the whole configuration.

    ``options`` has resolve_timeout, smtp (keys of the global section without their prefix smtp_), route, receivers,
    inhibit_rules, time_intervals, templates (are there any). Raises InvalidInput where a route asks for a receiver or
    a time interval that is not there: Alertmanager would say the same, but not on a host that lacks amtool.
    """
    smtp = {f"smtp_{key.removeprefix('smtp_')}": value for key, value in options["smtp"].items()}
    _check_names(options)
    config: dict[str, Any] = {
        "global": {"resolve_timeout": options["resolve_timeout"], **smtp},
        "route": dict(options["route"]), "receivers": list(options["receivers"]),
    }
    for key in ("inhibit_rules", "time_intervals"):
        if options[key]:
            config[key] = list(options[key])
    if options["templates"]:
        config["templates"] = ["templates/*.tmpl"]
    return config


def _check_names(options: Mapping[str, Any]) -> None:
    receivers = {str(item.get("name")) for item in options["receivers"]}
    intervals = {str(item.get("name")) for item in options["time_intervals"]}
    for route in _routes(options["route"]):
        _known("receiver", [route["receiver"]] if route.get("receiver") else [], receivers, "alertmanager_receivers")
        used = [*route.get("mute_time_intervals", []), *route.get("active_time_intervals", [])]
        _known("time interval", used, intervals, "alertmanager_time_intervals")
    if not options["route"].get("receiver"):
        names = ", ".join(sorted(receivers)) or "alertmanager_receivers"
        raise InvalidInput(f"alertmanager_route names no receiver; expected one of {names}.")


def _known(what: str, used: list[Any], known: set[str], option: str) -> None:
    for name in used:
        if str(name) not in known:
            names = ", ".join(sorted(known)) or "none"
            raise InvalidInput(f"A route names the {what} '{name}', but {option} has {names}. Add it, or correct the name.")


def _routes(route: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [route] + [found for child in route.get("routes", []) for found in _routes(child)]
