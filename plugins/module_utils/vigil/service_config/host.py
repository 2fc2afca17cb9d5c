# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The host as this package sees it: how it is touched, where things lie, and whose secrets to hide."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from ..files import Mask
from ..system import System
from .spec import UNITS, Spec


@dataclass(frozen=True)
class Places:
    """The folders that are not options. Only tests change them."""

    state: str = "/var/lib/vigil/service_config"
    locks: str = "/run/vigil/service_config"
    units: str = UNITS
    proc: str = "/proc"


def _no_hook(step: str) -> None:
    """Nothing happens between two steps."""


@dataclass(frozen=True)
class Host:
    """``hook`` is called with the name of each step just after it; a test dies there."""

    system: System = field(default_factory=System)
    places: Places = field(default_factory=Places)
    mask: Mask = field(default_factory=lambda: Mask(()))
    hook: Callable[[str], None] = _no_hook

    def home(self, spec: Spec) -> str:
        """The folder that holds a set's manifest and, during a change, its journal."""
        return f"{self.places.state}/{spec.name}"
