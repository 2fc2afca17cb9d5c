# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Upstream programs, built from Go modules and packed as their projects' releases are."""

from __future__ import annotations

from collections.abc import Callable

from plugins.module_utils.vigil.system import System


def command(system: System, only: list[str] | None, background: bool, listing: bool, as_json: bool, show: Callable[[str], None]) -> None:
    """Build, or list, the archives."""
    raise NotImplementedError
