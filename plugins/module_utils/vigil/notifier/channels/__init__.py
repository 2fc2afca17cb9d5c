# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The channels. A channel is one file, one import and one line here: the module packer ships only what is imported by name."""

from __future__ import annotations

from ..channel import Channel

CHANNELS: dict[str, Channel] = {}
