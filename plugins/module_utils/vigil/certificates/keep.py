# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keep the store: one folder a host, ready to be copied to it as it stands.

``ca.crt`` is what clients trust. ``hosts/<safe name>/`` holds ``ca.crt`` (whom the host trusts as a server), ``clients.crt`` (who may
read the host's metrics: what the authority of readers signed, and the host itself), ``host.crt`` and ``host.key``. An exporter takes
``clients.crt`` as its ``client_ca_file``: that works with every version of the exporters' toolkit, where a list of allowed names stops
the exporters of Debian 12 from starting.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from ..model import VigilError
from . import x509
from .authority import DAY, Policy, Signers, own_signers, stored_signers
from .decide import day, decide_host
from .names import general_name, safe_name, subject_names
from .store import Store
from .values import Host, Pair, Wanted


@dataclass
class Kept:
    """What a run did. Nothing in it is secret."""

    issued: list[dict[str, str]] = field(default_factory=list)
    expires: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    written: list[str] = field(default_factory=list)
    authority_expires: str = ""


def keep_store(
    store: Store, hosts: Iterable[Host], readers: Iterable[str], policy: Policy, now: float, own: Pair | None = None
) -> Kept:
    """Give each host what it needs. ``readers`` are names of hosts that may read metrics; ``now`` is in seconds since the epoch.

    Raises VigilError before anything is written where the operator's own certificates do not fit together.
    """
    x509.require_library()
    all_hosts, may_read = tuple(hosts), frozenset(readers)
    _refuse_gaps(all_hosts, own)
    with store.locked():
        signers = own_signers(store, own, now) if own else stored_signers(store, policy, now)
        kept = Kept(notes=signers.notes, warnings=signers.warnings, authority_expires=day(signers.facts.not_after))
        pairs = {host.name: _host(store, host, host.name in may_read, signers, policy, now, kept) for host in all_hosts}
        _trust(store, pairs, may_read, signers, kept)
    return kept


def _refuse_gaps(hosts: tuple[Host, ...], own: Pair | None) -> None:
    bare = [host.name for host in hosts if host.own is None]
    if own and not own.key and bare:
        raise VigilError(
            f"vigil_ca_certificate is given without vigil_ca_key, so nothing can be signed for {', '.join(bare[:5])}"
            f"{' and others' if len(bare) > 5 else ''}. Give vigil_ca_key, or a pair in vigil_certificates for each host."
        )
    if own is None and any(host.own for host in hosts):
        raise VigilError("vigil_certificates is given without vigil_ca_certificate. Give the authority that signed them.")
    for host in hosts:
        if host.own:
            _refuse_pair(host.name, host.own)


def _refuse_pair(name: str, pair: Pair) -> None:
    facts = x509.read_facts(pair.certificate, pair.key)
    if facts.error:
        raise VigilError(f"vigil_certificates: the certificate of {name} cannot be read: {facts.error}.")
    if not facts.key_matches:
        raise VigilError(f"vigil_certificates: the key of {name} does not fit its certificate, or is not an unencrypted PEM key.")


def _host(store: Store, host: Host, reads: bool, signers: Signers, policy: Policy, now: float, kept: Kept) -> Pair:
    if host.own:
        return _own(store, host, host.own, policy, now, kept)
    if general_name(host.address) is None:
        kept.warnings.append(
            f"The address of {host.name} is {host.address!r}, neither a DNS name nor an IP address: other hosts cannot verify it. "
            "Set vigil_address."
        )
    issuer = signers.readers if reads and signers.readers else signers.main
    lower = issuer is not signers.main
    issuer_facts = x509.read_facts(issuer.certificate) if lower else signers.facts
    wanted = Wanted(
        names=subject_names(host.name, host.address, host.extra_names),
        issuer=issuer_facts.identity,
        chain=issuer.certificate if lower else b"",
        not_after=min(now + policy.days * DAY, issuer_facts.not_after),
        renew_before=policy.renew_before * DAY,
    )
    return _issued(store, host, issuer, wanted, now, kept)


def _issued(store: Store, host: Host, issuer: Pair, wanted: Wanted, now: float, kept: Kept) -> Pair:
    folder = f"hosts/{safe_name(host.name)}"
    certificate, key = store.read(f"{folder}/host.crt"), store.read(f"{folder}/host.key")
    facts = x509.read_facts(certificate, key) if certificate is not None else None
    step = decide_host(facts, wanted, now)
    if step.kind == "keep" and facts and certificate is not None and key is not None:
        kept.expires[host.name] = day(facts.not_after)
        return Pair(certificate, key)
    fresh = x509.issue(host.name, wanted.names, now, wanted.not_after, issuer)
    pair = Pair(fresh.certificate + wanted.chain, fresh.key)
    _write(store, folder, pair, kept)
    kept.expires[host.name] = day(wanted.not_after)
    kept.issued.append({"host": host.name, "reason": step.reason, "expires": day(wanted.not_after)})
    return pair


def _own(store: Store, host: Host, pair: Pair, policy: Policy, now: float, kept: Kept) -> Pair:
    facts = x509.read_facts(pair.certificate, pair.key)
    kept.expires[host.name] = day(facts.not_after)
    if facts.not_after - now < policy.renew_before * DAY:
        kept.warnings.append(f"vigil_certificates: the certificate of {host.name} expires on {day(facts.not_after)}. Renew it.")
    address = general_name(host.address)
    if address is None or address not in facts.names:
        kept.warnings.append(f"vigil_certificates: the certificate of {host.name} does not name its address {host.address!r}.")
    whole = Pair(b"".join(x509.blocks(pair.certificate)), pair.key)
    _write(store, f"hosts/{safe_name(host.name)}", whole, kept)
    return whole


def _write(store: Store, folder: str, pair: Pair, kept: Kept) -> None:
    # The key first: between the two writes the pair does not fit, which the next run sees and repairs.
    for name, content in (("host.key", pair.key), ("host.crt", pair.certificate)):
        if store.write(f"{folder}/{name}", content):
            kept.written.append(f"{folder}/{name}")


def _trust(store: Store, pairs: dict[str, Pair], may_read: frozenset[str], signers: Signers, kept: Kept) -> None:
    authority = b"".join(x509.blocks(signers.main.certificate))
    common = x509.blocks(signers.readers.certificate) if signers.readers else []
    signed_below = x509.read_facts(common[0]).identity if common else ""
    leaves = {name: x509.blocks(pair.certificate)[0] for name, pair in pairs.items()}
    # A reader that the authority of readers did not sign (the operator's own certificate) is named by the certificate itself.
    named = [leaves[name] for name in sorted(may_read & set(leaves)) if x509.read_facts(leaves[name]).issuer != signed_below]
    files = [("ca.crt", authority)]
    for name in pairs:
        folder = f"hosts/{safe_name(name)}"
        clients = list(dict.fromkeys([*common, *named, leaves[name]]))
        files += [(f"{folder}/ca.crt", authority), (f"{folder}/clients.crt", b"".join(clients))]
    kept.written += [name for name, content in files if store.write(name, content)]
