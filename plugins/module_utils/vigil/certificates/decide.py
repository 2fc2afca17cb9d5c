# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keep a certificate or issue a new one: a pure function of what lies there, what is wanted and the time."""

from __future__ import annotations

from datetime import datetime, timezone

from ..model import Step
from .values import Facts, Wanted

_DAY = 86400.0


def day(moment: float) -> str:
    """Return the date (UTC) of a time in seconds since the epoch."""
    return datetime.fromtimestamp(moment, timezone.utc).strftime("%Y-%m-%d")


def decide_host(facts: Facts | None, wanted: Wanted, now: float) -> Step:
    """Return a step ``keep`` or ``issue`` for a host's certificate, with the reason."""
    if facts is None:
        return Step("issue", "There is no certificate yet.")
    reason = _why_issue(facts, wanted, now)
    return Step("issue", reason) if reason else Step("keep", f"It is valid until {day(facts.not_after)}.")


def _why_issue(facts: Facts, wanted: Wanted, now: float) -> str:
    if facts.error:
        return f"The certificate cannot be read: {facts.error}."
    if not facts.key_matches:
        return "The private key is missing, or does not belong to the certificate."
    if facts.issuer != wanted.issuer:
        return "It was signed by another authority."
    if facts.chain != wanted.chain:
        return "The chain behind it changed."
    if facts.names != wanted.names:
        return _names_changed(facts.names, wanted.names)
    # Near the authority's own end a new certificate would not last longer: issuing one each run would help nobody.
    if facts.not_after - now < wanted.renew_before and wanted.not_after - facts.not_after > _DAY:
        return f"It expires on {day(facts.not_after)}."
    return ""


def _names_changed(old: tuple[str, ...], new: tuple[str, ...]) -> str:
    added, gone = sorted(set(new) - set(old)), sorted(set(old) - set(new))
    parts = [f"{word} {', '.join(names)}" for word, names in (("new:", added), ("gone:", gone)) if names]
    return f"The host's names changed ({'; '.join(parts)})."


def decide_authority(facts: Facts | None, replace_before: float | None, now: float, renew_before: float) -> Step:
    """Return ``make``, ``rotate``, ``keep``, ``warn`` or ``refuse`` for the store's own authority, with the reason.

    An authority is never replaced unasked: every host would refuse every other one until all have the new one. ``replace_before``
    (seconds since the epoch) is the operator's word for it; ``renew_before`` (seconds) is when the warning starts.
    """
    if facts is None:
        return Step("make", "There is no certificate authority yet.")
    if not facts.error and replace_before is not None and facts.not_before < replace_before:
        return Step("rotate", f"It was made on {day(facts.not_before)}, before {day(replace_before)}.")
    if facts.error:
        return Step("refuse", f"The authority's certificate cannot be read: {facts.error}.")
    if not facts.key_matches:
        return Step("refuse", "The authority's private key is missing, or does not belong to its certificate.")
    if facts.not_after <= now:
        return Step("refuse", f"The certificate authority expired on {day(facts.not_after)}.")
    if facts.not_after - now < renew_before:
        return Step("warn", f"The certificate authority expires on {day(facts.not_after)}.")
    return Step("keep", f"It is valid until {day(facts.not_after)}.")
