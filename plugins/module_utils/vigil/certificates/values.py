# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The values of the certificate store: what a host is called, what lies there, what is wanted."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Pair:
    """A certificate (PEM, the leaf first, then its chain) and its private key (PEM, PKCS 8)."""

    certificate: bytes
    key: bytes = field(repr=False)


@dataclass(frozen=True)
class Host:
    """A host of the inventory. ``own`` is a pair that the operator brings for it."""

    name: str
    address: str
    extra_names: tuple[str, ...] = ()
    own: Pair | None = None


@dataclass(frozen=True)
class Facts:
    """What a certificate file says. Times are seconds since the epoch; ``issuer`` and ``identity`` are key identifiers in hexadecimal.

    ``error`` says why the file could not be read; the other fields then mean nothing.
    """

    names: tuple[str, ...] = ()
    not_before: float = 0.0
    not_after: float = 0.0
    issuer: str = ""
    identity: str = ""
    chain: bytes = b""
    authority: bool = False
    path_length: int | None = None
    key_matches: bool = False
    error: str = ""


@dataclass(frozen=True)
class Wanted:
    """What a host's certificate must be. ``not_after`` is the expiry that a new one would get; ``renew_before`` is in seconds."""

    names: tuple[str, ...]
    issuer: str
    chain: bytes
    not_after: float
    renew_before: float
