# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Probes of blackbox_exporter: what is wrong with them before the program is asked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..model import InvalidInput

# Of blackbox_exporter 0.23; later ones have more, and say themselves what they do not know.
PROBERS = ("dns", "grpc", "http", "icmp", "tcp", "unix")


def blackbox_configuration(modules: Mapping[str, Any]) -> dict[str, Any]:
    """Return blackbox_exporter's configuration for modules by name.

    Raises InvalidInput where there are none, where a module names no known prober or has settings of another prober.
    """
    if not modules:
        raise InvalidInput(
            "blackbox_exporter_configuration_modules is empty: no probe could be asked for. Leave it out to get the defaults."
        )
    for name, module in modules.items():
        _check(str(name), module)
    return {"modules": {str(name): dict(module) for name, module in modules.items()}}


def _check(name: str, module: Any) -> None:
    prober = module.get("prober") if isinstance(module, Mapping) else None
    if prober not in PROBERS:
        raise InvalidInput(
            f"The module {name} of blackbox_exporter_configuration_modules has the prober {prober!r}; expected one of {', '.join(PROBERS)}."
        )
    others = sorted(set(module) & (set(PROBERS) - {prober}))
    if others:
        raise InvalidInput(f"The module {name} has the prober {prober} and settings for {', '.join(others)}, which it would never use.")
