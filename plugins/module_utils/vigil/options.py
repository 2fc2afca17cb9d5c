# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Find options that no role has: a mistyped variable must be refused, not silently ignored. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Mistyped:
    """A variable that looks like an option of ``role`` and is none; ``nearest`` is the option it was probably meant to be, or empty."""

    name: str
    role: str
    nearest: str = ""

    def __str__(self) -> str:
        hint = f"; did you mean {self.nearest}?" if self.nearest else "."
        return f"{self.name} is no option of the role {self.role}{hint}"


def mistyped(
    names: Iterable[str],
    role: str,
    options: Iterable[str],
    *,
    prefixes: Iterable[str] = (),
    longer_roles: Iterable[str] = (),
    allowed: Iterable[str] = (),
) -> list[Mistyped]:
    """Return the variables that begin with the role's prefix and are none of its options, sorted.

    ``prefixes`` default to ``<role>_``. A variable that belongs to one of ``longer_roles`` (``prometheus_x`` beside ``prometheus``), or
    that is one of ``allowed``, is not this role's business. Names that begin with an underscore are internal and never match.
    """
    known = frozenset(options)
    ours = tuple(prefixes) or (f"{role}_",)
    foreign = tuple(f"{other}_" for other in longer_roles)
    free = known | frozenset(allowed)
    wrong = sorted({name for name in names if name.startswith(ours) and not name.startswith(foreign) and name not in free})
    return [Mistyped(name, role, _nearest(name, ours, known)) for name in wrong]


def _nearest(name: str, prefixes: tuple[str, ...], known: frozenset[str]) -> str:
    # The prefix is the same in all of them; left in, it would make any two names look alike.
    prefix = next(one for one in prefixes if name.startswith(one))
    rests = sorted(option[len(prefix):] for option in known if option.startswith(prefix))
    close = difflib.get_close_matches(name[len(prefix):], rests, n=1, cutoff=0.6)
    return prefix + close[0] if close else ""
