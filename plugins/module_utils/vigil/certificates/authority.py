# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who signs: the store's own certificate authority or the operator's, and below it the one that signs those who may read metrics."""

from __future__ import annotations

from dataclasses import dataclass, field

from ..model import VigilError
from . import x509
from .decide import day, decide_authority
from .store import Store
from .values import Facts, Pair

DAY = 86400.0
CERTIFICATE, KEY = "authority.crt", "authority.key"
"""Vigil's own authority. ``ca.crt`` beside it is what clients trust: this one's certificate, or the operator's."""


@dataclass(frozen=True)
class Policy:
    """How long certificates last. ``replace_before`` is a time in seconds since the epoch, the others are days."""

    days: int = 397
    authority_days: int = 3650
    renew_before: int = 30
    replace_before: float | None = None


@dataclass
class Signers:
    """``main`` signs servers, ``readers`` those who may read metrics. A ``main`` without a key signs nothing; ``readers`` is then None."""

    main: Pair
    facts: Facts
    readers: Pair | None = None
    notes: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def own_signers(store: Store, own: Pair, now: float) -> Signers:
    """Take the operator's authority: a certificate, and its key where it is to sign. Raises VigilError where it cannot serve."""
    facts = x509.read_facts(own.certificate, own.key)
    if facts.error:
        raise VigilError(f"vigil_ca_certificate cannot be read: {facts.error}. A PEM certificate, or the path of one, is expected.")
    if not facts.authority:
        raise VigilError("vigil_ca_certificate is not the certificate of an authority (its basic constraints do not say CA:TRUE).")
    if facts.not_after <= now:
        raise VigilError(f"vigil_ca_certificate expired on {day(facts.not_after)}.")
    if own.key and not facts.key_matches:
        raise VigilError("vigil_ca_key does not belong to vigil_ca_certificate, or is not an unencrypted PEM key.")
    signers = Signers(own, facts)
    # An authority that may have none below it (path length 0) signs readers itself; their certificates are then named one by one.
    if own.key and facts.path_length != 0:
        signers.readers = _readers(store, signers, now)
    return signers


def stored_signers(store: Store, policy: Policy, now: float) -> Signers:
    """Take the store's own authority; make it on the first run. Raises VigilError where it is broken or expired."""
    certificate, key = store.read(CERTIFICATE), store.read(KEY)
    facts = x509.read_facts(certificate, key) if certificate is not None else None
    step = decide_authority(facts, policy.replace_before, now, policy.renew_before * DAY)
    if step.kind == "refuse":
        raise VigilError(
            f"{store.path(CERTIFICATE)}: {step.reason} Put back {CERTIFICATE} and {KEY} from a backup, or move {CERTIFICATE} away "
            "and run site.yml on all hosts: that makes a new authority, and every host gets a new certificate."
        )
    if facts is None or step.kind == "rotate":
        signers = _made(store, policy, now)
        signers.notes.append(f"Made a new certificate authority. {step.reason}")
    else:
        signers = Signers(Pair(certificate or b"", key or b""), facts)
    if step.kind == "warn":
        signers.warnings.append(f"{step.reason} Plan its replacement: set vigil_ca_replace_before, and run site.yml on all hosts.")
    signers.readers = _readers(store, signers, now)
    return signers


def _made(store: Store, policy: Policy, now: float) -> Signers:
    if store.read(CERTIFICATE) is not None:
        # Out of the way first: a run killed from here on leaves no authority, and the next one makes it.
        store.move(CERTIFICATE, f"{CERTIFICATE}.old")
    pair = x509.make_authority(f"Vigil authority {day(now)}", now, now + policy.authority_days * DAY)
    store.write(KEY, pair.key)
    store.write(CERTIFICATE, pair.certificate)
    return Signers(pair, x509.read_facts(pair.certificate, pair.key))


def _readers(store: Store, signers: Signers, now: float) -> Pair:
    certificate, key = store.read("readers.crt"), store.read("readers.key")
    if certificate is not None and key is not None:
        facts = x509.read_facts(certificate, key)
        usable = not facts.error and facts.key_matches and facts.issuer == signers.facts.identity
        if usable and facts.not_after == signers.facts.not_after:
            return Pair(certificate, key)
    pair = x509.make_authority("Vigil readers of metrics", now, signers.facts.not_after, issuer=signers.main)
    store.write("readers.key", pair.key)
    store.write("readers.crt", pair.certificate)
    signers.notes.append("Made a new authority for those who may read metrics.")
    return pair
