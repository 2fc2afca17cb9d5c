# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``promql``: what does Prometheus know? An instant query, each of its series against limits."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from ..access import ACCESS, access, refuse_access, wrong_url
from ..clients import http, net, prometheus
from ..kind import Kind, Look, Option, Options
from ..model import FAIL, PASS, UNKNOWN, Finding, Limits, Observation, worst
from ..thresholds import demand, judge

# What is kept of a larger answer: the highest and the lowest values, among which the worst are.
_KEPT = 200
_OPTIONS = (
    Option("url", "str", "URL of Prometheus, without /api.", default="http://127.0.0.1:9090"),
    Option("query", "str", "The query; it has to return one value a series (or a scalar).", required=True),
    Option("above", "limits", "Limits on the value of each series that is worse the greater it is.", default=Limits()),
    Option("below", "limits", "Limits on the value of each series that is worse the smaller it is.", worse="below",
           default=Limits(worse="below")),
    Option("expect", "str", "Whether series have to be there (nonempty) or must not be (empty: for a query that is an alert). Without it "
           "an answer without series is unknown.", choices=("nonempty", "empty")),
    *ACCESS,
)
_ADVICE = "Look at the query on Prometheus' own page, over the last hours."


def refuse(options: Options) -> str | None:
    """Refuse a URL that is none, and a check without an expectation."""
    wrong = wrong_url(options["url"])
    if wrong:
        return f"url: {wrong}."
    limits = [options[name] for name in ("above", "below") if options[name] not in (Limits(), Limits(worse="below"))]
    if not limits and not options["expect"]:
        return "nothing is expected of the query: give above, below or expect."
    if limits and options["expect"] == "empty":
        return "expect: empty has no values to compare: take above and below away."
    return refuse_access(options)


def observe(options: Options, look: Look) -> Observation:
    """Ask once. Raises CannotTell where Prometheus has no answer: the source is missing, which says nothing of what is watched."""
    headers, files = access(options, look)
    request = http.Request(options["url"], headers=headers, tls=files)
    series = prometheus.instant(request, options["query"], net.Deadline(look.system.monotonic, look.timeout), look.shared)
    return Observation({"count": len(series), "series": [[labels, _plain(value)] for labels, value in _kept(series)]})


def _kept(series: list[prometheus.Series]) -> list[prometheus.Series]:
    ordered = sorted(series, key=lambda item: (not math.isnan(item[1]), item[1] if not math.isnan(item[1]) else 0.0, item[0]))
    return ordered if len(ordered) <= 2 * _KEPT else ordered[:_KEPT] + ordered[-_KEPT:]


def _plain(value: float) -> float | str:
    """What JSON has no number for is a text."""
    return value if math.isfinite(value) else "NaN" if math.isnan(value) else "+Inf" if value > 0 else "-Inf"


def decide(options: Options, values: Mapping[str, Any]) -> list[Finding]:
    """Are there series, or none, as expected; and what of each of their values?"""
    series: Sequence[tuple[str, float]] = [(str(labels), float(value)) for labels, value in values["series"]]
    if not series or options["expect"] == "empty":
        return [_presence(options, values["count"], series)]
    findings = [_judged(options, *item) for item in series]
    bad = [finding for finding in findings if finding.state != PASS]
    if not bad:
        first = findings[0].sentence if values["count"] == 1 else f"all {values['count']} series are within their limits"
        return [replace(findings[0], sentence=first)]
    return _worst_first(bad, values["count"])


def _presence(options: Options, count: int, series: Sequence[tuple[str, float]]) -> Finding:
    if options["expect"] == "empty":
        example = f", such as {series[0][0] or 'a value'} = {series[0][1]:g}" if series else ""
        sentence = f"the query returns {count} series{example}" if count else "the query returns no series"
        return demand("series", count == 0, count, "no series", sentence + (", expected none" if count else ""), advice=_ADVICE)
    state = FAIL if options["expect"] == "nonempty" else UNKNOWN
    advice = "See whether the metric exists, its labels are right, and its target is up. expect: nonempty makes this a failure."
    return demand("series", False, 0, "series", "the query returns no series", advice=advice, state=state)


def _judged(options: Options, labels: str, value: float) -> Finding:
    """Return the worse finding of both limits."""
    name = labels or "the value"
    if math.isnan(value):
        advice = "A division by zero has no value: let the query leave out what has nothing to divide by."
        return Finding("value", UNKNOWN, "NaN", "a number", f"{name} is NaN, which is no number", advice=advice)
    findings = [judge("value", value, options[side], name=name, advice=_ADVICE) for side in ("below", "above")]
    state = worst(finding.state for finding in findings)
    chosen = next((finding for finding in findings if finding.state == state and finding.expected != "no limit set"), findings[0])
    return replace(chosen, value=_plain(value))


def _worst_first(bad: list[Finding], count: int) -> list[Finding]:
    """Return one finding a state: its first series, and how many more there are."""
    found = []
    for state in dict.fromkeys(finding.state for finding in bad):
        same = [finding for finding in bad if finding.state == state]
        chosen = max(same, key=_distance)
        more = f" (and {len(same) - 1} more of {count} series)" if len(same) > 1 else ""
        found.append(replace(chosen, sentence=chosen.sentence + more))
    return found


def _distance(finding: Finding) -> float:
    """The worst of many is the greatest where less is expected, the smallest where more is: ``expected`` says which."""
    value = float(finding.value or 0)
    return 0.0 if math.isnan(value) else -value if finding.expected.startswith("above") else value


KIND = Kind(
    name="promql",
    text="Asks Prometheus a query, and compares the value of each series with limits. Where Prometheus does not answer, or not with "
         "values, the check is unknown: its source is missing, which says nothing of what it watches.",
    options=_OPTIONS,
    observe=observe,
    decide=decide,
    refuse=refuse,
    example="""\
- name: queue of the shop
  kind: promql
  url: https://prometheus.example.org:9090
  username: vigil
  password_file: /etc/vigil/prometheus.password
  query: max by (queue) (rabbitmq_queue_messages)
  above: {warn: 1000, fail: 10000}
""",
)
