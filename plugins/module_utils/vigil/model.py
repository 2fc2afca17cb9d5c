# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The values that flow between parse, observe, decide and act."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any


class VigilError(Exception):
    """What an operator reads: found, expected and what to do next, in one or more sentences.

    ``details`` goes into the module's result beside the message (values must be JSON).
    """

    def __init__(self, message: str, **details: Any) -> None:
        super().__init__(message)
        self.details = details


class InvalidInput(VigilError):
    """The options contradict themselves; raised before the host is touched."""


@dataclass(frozen=True)
class Step:
    """One decided action.

    ``kind`` names what the acting side does, ``reason`` says in a sentence why, ``params`` is what it needs.
    """

    kind: str
    reason: str
    params: dict[str, Any] = field(default_factory=dict)
