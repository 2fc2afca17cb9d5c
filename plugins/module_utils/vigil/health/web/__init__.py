# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Health inside a web application: its own checks and declared ones, watched in the background, answered by WSGI or ASGI."""

from __future__ import annotations

from ..model import CannotTell
from .functions import Fail, Warn
from .health import Health

__all__ = ["CannotTell", "Fail", "Health", "Warn"]
