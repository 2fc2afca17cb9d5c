# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``python3 -m vigil.notifier``."""

from __future__ import annotations

from .main import main

if __name__ == "__main__":
    raise SystemExit(main())
