# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Load a third party's library when a check first needs it, or say which package brings it."""

from __future__ import annotations

import importlib
from typing import Any

from ..kind import Package
from ..model import CannotTell


def load(*packages: Package) -> Any:
    """Import and return the first of the libraries that is there. Raises CannotTell, which names what to install."""
    for package in packages:
        try:
            return importlib.import_module(package.module)
        except ImportError:
            continue
    names = " or ".join(package.module for package in packages)
    raise CannotTell(f"the Python library {names} is not installed", f"Install {' or '.join(map(_where, packages))} on this host.")


def _where(package: Package) -> str:
    places = [f"{name} ({family})" for name, family in ((package.debian, "Debian"), (package.redhat, "Red Hat")) if name]
    return ", ".join(places) or f"{package.module} by pip"
