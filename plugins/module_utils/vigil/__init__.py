# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The logic of Vigil: it needs the standard library only and never imports ansible."""

from __future__ import annotations

__version__ = "0.1.0"
