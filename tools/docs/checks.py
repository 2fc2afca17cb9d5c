# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kinds of check as Markdown: a page for each, and tables for their index. Pure text of what a kind declares and its cases show."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import yaml

from plugins.module_utils.vigil.health.kind import Kind, Option, Package
from plugins.module_utils.vigil.health.look import conclude
from plugins.module_utils.vigil.health.model import FAIL, Limits, Result
from plugins.module_utils.vigil.health.spec import parse
from plugins.module_utils.vigil.health.units import BYTES, SECONDS, words

NOTE = "<!-- written by `make docs` from plugins/module_utils/vigil/health/kinds/{name}.py and tests/cases/health/kinds/{name}.yml -->"
BEGIN, END = "<!-- begin {name}: written by `make docs` -->", "<!-- end {name} -->"
HEAD = ["| option | type | default | what it is |", "| --- | --- | --- | --- |"]
_LIMITS = """\
A limit is written as `{warn: ..., fail: ...}`, with one of them or both, or as one value that fails. The state is worse at the number
or beyond it, and the table says on which side that is.
"""


def page(kind: Kind, cases: Sequence[Mapping[str, Any]]) -> str:
    """The page of a kind. ``cases`` are its test documents; the first that fails shows what a person reads."""
    lines = [f"# `{kind.name}`", "", NOTE.format(name=kind.name), "", kind.text, "", "## What it needs", "", *needs(kind), ""]
    lines += ["## Options", "", "Beside these there are [the options that every check has](README.md#options-of-every-check).", ""]
    lines += [*HEAD, *map(row, kind.options), ""] if kind.options else ["This kind has no options of its own.", ""]
    if any(option.type == "limits" for option in kind.options):
        lines += [_LIMITS]
    lines += ["## Example", "", "```yaml", "vigil_checks:", *(f"  {line}".rstrip() for line in kind.example.splitlines()), "```", ""]
    lines += _failure(kind, cases)
    return "\n".join(lines).rstrip("\n") + "\n"


def needs(kind: Kind) -> list[str]:
    """What a host has to have for this kind, a line each."""
    lines = library(kind.packages)
    if kind.capabilities:
        lines.append(f"- The capabilities {', '.join(f'`{name}`' for name in kind.capabilities)}, or root, to see everything.")
    if kind.groups:
        lines.append(f"- To be in the group {', '.join(f'`{name}`' for name in kind.groups)}, or root.")
    return lines or ["Nothing but Python and an ordinary user."]


def library(packages: Sequence[Package]) -> list[str]:
    """The libraries of which one is needed, as one line; none where there are none."""
    return [f"- The Python library {' or '.join(map(_package, packages))}."] if packages else []


def row(option: Option) -> str:
    """One line of a table of options."""
    notes = [_cell(option.text)]
    if option.type == "limits":
        notes.append(f"Worse the {'greater' if option.worse == 'above' else 'smaller'}.")
    if option.choices:
        notes.append(f"One of {', '.join(f'`{choice}`' for choice in option.choices)}.")
    if option.required:
        notes.append("**Required.**")
    if option.secret:
        notes.append("A secret: it is in no result.")
    type_ = f"{option.type} ({option.unit})" if option.unit else option.type
    return f"| `{option.name}` | {type_} | {default(option)} | {' '.join(notes)} |"


def default(option: Option) -> str:
    """The default in the words of an inventory; empty where there is none."""
    value = option.default
    if value is None:
        return ""
    if isinstance(value, Limits):
        limits = {name: words(limit, option.unit) for name, limit in (("warn", value.warn), ("fail", value.fail)) if limit is not None}
        return ", ".join(f"{name} at {limit}" for name, limit in limits.items()) or "no limit"
    if option.type in ("duration", "size") and isinstance(value, (int, float)):
        return words(float(value), SECONDS if option.type == "duration" else BYTES)
    return f"`{_flow(list(value) if isinstance(value, tuple) else value)}`".replace("|", "\\|")


def index(kinds: Iterable[Kind]) -> str:
    """The table of all kinds."""
    lines = ["| kind | what it looks at |", "| --- | --- |"]
    lines += [f"| [`{kind.name}`]({kind.name}.md) | {_cell(_first(kind.text))} |" for kind in sorted(kinds, key=lambda kind: kind.name)]
    return "\n".join(lines)


def options(common: Sequence[Option]) -> str:
    """The table of the options that every check has."""
    return "\n".join([*HEAD, *map(row, common)])


def filled(text: str, blocks: Mapping[str, str]) -> str:
    """``text`` with what stands between the marks of each block replaced. Raises ValueError where a mark is missing."""
    for name, block in blocks.items():
        begin, end = BEGIN.format(name=name), END.format(name=name)
        head, found, rest = text.partition(begin)
        _old, ended, tail = rest.partition(end)
        if not found or not ended:
            raise ValueError(f"the lines {begin} and {end} were not found one after the other, expected them around the table; write them")
        text = f"{head}{begin}\n{block}\n{end}{tail}"
    return text


def _failure(kind: Kind, cases: Sequence[Mapping[str, Any]]) -> list[str]:
    case = next((case for case in cases if case.get("state") == FAIL), None)
    if case is None:
        return []
    given = case.get("options") or {}
    check = parse([{"name": kind.name, "kind": kind.name, **given}], {kind.name: kind})[0]
    result = conclude(check, kind.decide(check.options, case["values"]), case["values"])
    return ["## When it fails", "", f"This check finds \"{case['name']}\":", "", "```yaml", *_entry(kind, given), "```", "", *_told(result)]


def _entry(kind: Kind, given: Mapping[str, Any]) -> list[str]:
    secret = {option.name for option in kind.options if option.secret}
    shown = {"name": kind.name, "kind": kind.name, **{name: "..." if name in secret else value for name, value in given.items()}}
    return [f"{'  ' if number else '- '}{name}: {_flow(value)}" for number, (name, value) in enumerate(shown.items())]


def _told(result: Result) -> list[str]:
    told = {"state": result.state, "sentence": result.summary, "observed": words(result.observed, result.unit), "expected": result.expected,
            "what to do": result.advice}
    return ["| | |", "| --- | --- |", *(f"| {name} | {_cell(text)} |" for name, text in told.items())]


def _package(package: Package) -> str:
    places = [f"`{name}` ({family})" for name, family in ((package.debian, "Debian"), (package.redhat, "Red Hat")) if name]
    return f"`{package.module}`: {', '.join(places) or 'by pip, for distributions have no package of it'}"


def _flow(value: Any) -> str:
    """A value as YAML on one line."""
    text = yaml.safe_dump(value, default_flow_style=True, width=10_000, allow_unicode=True, sort_keys=False)
    return text.removesuffix("...\n").strip()


def _first(text: str) -> str:
    """The first sentence."""
    return text.split(". ", 1)[0].rstrip(".") + "."


def _cell(text: str) -> str:
    """Text that a table can hold, and in which nothing is taken for HTML."""
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")
