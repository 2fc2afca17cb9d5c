# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report as JUnit XML, for the test page of a CI server: a suite a host, a case a check. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from xml.sax.saxutils import quoteattr

from ..health.document import iso
from ..health.model import FAIL, SKIPPED, UNKNOWN, WARN
from .model import UNSEEN, Host, Report, Row

# How a state reads there. A warning is a case that passes, with its words as output: CI servers know no yellow.
_TAGS = {FAIL: "failure", UNKNOWN: "error", UNSEEN: "error", SKIPPED: "skipped"}


def as_junit(report: Report) -> str:
    """Return the XML. Texts are clean already (words.clean), so only XML's own characters are escaped."""
    rows = [row for host in report.hosts for row in host.rows]
    head = f'<testsuites name="vigil health" {_counts(rows)} time="{report.seconds:.3f}">'
    suites = [line for host in report.hosts for line in _suite(host, report.at)]
    return "\n".join(['<?xml version="1.0" encoding="UTF-8"?>', head, *suites, "</testsuites>", ""])


def _suite(host: Host, at: float) -> Iterator[str]:
    name = quoteattr(host.name)
    total = sum(row.duration for row in host.rows)
    when = iso(at)[:19]
    yield f' <testsuite name={name} {_counts(host.rows)} time="{total:.3f}" timestamp="{when}" hostname={name}>'
    for row in host.rows:
        yield from _case(host.name, row)
    yield " </testsuite>"


def _case(host: str, row: Row) -> Iterator[str]:
    head = f'  <testcase classname={quoteattr(host)} name={quoteattr(row.name)} time="{row.duration:.3f}"'
    tag = "system-out" if row.state == WARN else _TAGS.get(row.state)
    if tag is None:
        yield head + "/>"
        return
    yield head + ">"
    text = "; ".join(part for part in (row.summary, f"expected {row.expected}" if row.expected else "", row.advice) if part)
    if tag == "system-out":
        yield f"   <system-out>{_text(f'warn: {text}')}</system-out>"
    else:
        kind = "" if tag == "skipped" else f" type={quoteattr(row.state)}"
        yield f"   <{tag} message={quoteattr(row.summary)}{kind}>{_text(text)}</{tag}>"
    yield "  </testcase>"


def _counts(rows: list[Row] | tuple[Row, ...]) -> str:
    numbers = {tag: sum(_TAGS.get(row.state) == tag for row in rows) for tag in ("failure", "error", "skipped")}
    return f'tests="{len(rows)}" failures="{numbers["failure"]}" errors="{numbers["error"]}" skipped="{numbers["skipped"]}"'


def _text(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
