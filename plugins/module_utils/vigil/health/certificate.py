# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What follows from a certificate that was seen: will it expire, does it hold the names, is it trusted. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .clients.der import matches
from .kind import Option
from .model import FAIL, Finding, Limits
from .thresholds import demand, judge
from .units import SECONDS, words

EXPIRES_IN = Option(
    "expires_in", "limits", "Time until the certificate expires, such as {warn: 21d, fail: 7d}. One that has expired always fails.",
    unit=SECONDS, worse="below", default=Limits(14 * 86400.0, 3 * 86400.0, "below"),
)
_RENEW = "Renew the certificate and reload the service: a renewed file that was never loaded looks just like this."
# X509_V_ERR_* of OpenSSL's x509_vfy.h.
NOT_YET, EXPIRED, SELF_SIGNED, SELF_SIGNED_ROOT, NO_ISSUER, NO_FIRST, WRONG_NAME, WRONG_IP = 9, 10, 18, 19, 20, 21, 62, 64
_CHAIN_ADVICE = "Let the server send its intermediate certificates too, or name the authority's file in `ca`."
_CHAIN = {
    NOT_YET: ("a certificate of its chain is not valid yet", "See the clock of this host and the dates of the chain."),
    EXPIRED: ("a certificate of its chain has expired", _RENEW),
    SELF_SIGNED: ("it is self-signed", "Name its certificate in `ca`, or issue one by an authority that this host trusts."),
    SELF_SIGNED_ROOT: ("its authority is not trusted here", "Name the authority's file in `ca`, or install it on this host."),
    NO_ISSUER: ("its issuer is not known here", _CHAIN_ADVICE),
    NO_FIRST: ("its issuer is not known here", _CHAIN_ADVICE),
    WRONG_NAME: ("it is for another name", "Issue it for the name that is asked for, or ask by a name that it holds."),
    WRONG_IP: ("it is for another address", "Issue it for the address that is asked for, or ask by a name that it holds."),
}


def trusted(code: int, message: str, certificate: Mapping[str, Any] | None = None) -> Finding:
    """Return whether OpenSSL trusts the certificate; ``code`` is its reason not to, 0 where it does.

    Where the certificate itself has expired, or is not valid yet, its own finding says so in better words: see ``times``.
    """
    sentence, advice = _CHAIN.get(code, (message, "See openssl verify, and openssl s_client -connect HOST:PORT."))
    if certificate and code == EXPIRED and certificate["left"] <= 0:
        sentence = f"it expired on {certificate['until']}"
    if certificate and code == NOT_YET and certificate["age"] < 0:
        sentence = "it is not valid yet"
    who = f"{certificate['subject']} by {certificate['issuer']}" if certificate else ""
    names = f" ({', '.join(certificate['names'][:5]) or 'no names'})" if certificate and code in (WRONG_NAME, WRONG_IP) else ""
    shown = f"the certificate {who} is trusted" if code == 0 else f"the certificate {who} is not trusted: {sentence}{names}"
    return demand("trusted", code == 0, None if code == 0 else sentence, "a trusted certificate", " ".join(shown.split()), advice=advice)


def times(certificate: Mapping[str, Any], limits: Limits) -> list[Finding]:
    """Return whether the certificate is valid now, and for how long it will be."""
    who, left = certificate["subject"], certificate["left"]
    if certificate["age"] < 0:
        sentence = f"the certificate {who} is not valid before {words(-certificate['age'], SECONDS)} from now"
        advice = "See the clock of this host (timedatectl) and of the authority, or wait."
        return [Finding("expires_in", FAIL, left, "a certificate that is valid now", sentence, SECONDS, advice)]
    if left <= 0:
        sentence = f"the certificate {who} expired {words(-left, SECONDS)} ago, on {certificate['until']}"
        return [Finding("expires_in", FAIL, left, "a certificate that is valid now", sentence, SECONDS, _RENEW)]
    name = f"time until the certificate {who} expires ({certificate['until']})"
    return [judge("expires_in", left, limits, SECONDS, name=name, advice=_RENEW)]


def holds(certificate: Mapping[str, Any], wanted: Sequence[str]) -> list[Finding]:
    """Return for each name whether the certificate is for it. Its common name does not count: clients ignore it (RFC 9110, 4.3.4)."""
    names = certificate["names"]
    shown = ", ".join(names[:8]) + (", ..." if len(names) > 8 else "") or "no names at all"
    return [_holds(name, any(matches(name, known) for known in names), shown) for name in wanted]


def _holds(name: str, good: bool, shown: str) -> Finding:
    sentence = f"the certificate is for {name}" if good else f"the certificate is not for {name} but for {shown}"
    return demand("names", good, shown[:200], f"a certificate for {name}", sentence, advice=_CHAIN[WRONG_NAME][1])
