# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A role's options as Markdown. Pure text."""

from __future__ import annotations

import json
import re
from typing import Any

from .spec import NO_DEFAULT, Option, Role

BEGIN = "<!-- begin: written by `make docs` from meta/argument_specs.yml -->"
END = "<!-- end -->"
# Longer defaults would make a table nobody can read; they are in defaults/main.yml.
LONGEST = 60
_MARKUP = re.compile(r"\b[COVEPI]\(((?:[^()\\]|\\.|\([^()]*\))*)\)")
_BOLD = re.compile(r"\bB\(([^()]*)\)")
_LINK = re.compile(r"\bL\(([^(),]*),\s*([^()]*)\)")


def text(words: str) -> str:
    """Ansible's markup (`O(name)`, `V(value)`, `C(code)`, `L(text,url)`) as Markdown, safe in a table's cell."""
    linked = _LINK.sub(r"[\1](\2)", words)
    plain = _BOLD.sub(r"**\1**", _MARKUP.sub(lambda match: f"`{match[1]}`", linked))
    return plain.replace("|", "\\|")


def default(value: Any) -> str:
    """A default as code; an empty cell where there is none."""
    if value is NO_DEFAULT or value is None:
        return ""
    words = value if isinstance(value, str) and value else json.dumps(value)
    if len(words) > LONGEST or "\n" in words:
        return "see `defaults/main.yml`"
    return f"`{words}`".replace("|", "\\|")


def row(option: Option) -> str:
    """One line of the table."""
    notes = [text(option.text)]
    if option.choices:
        notes.append(f"One of {', '.join(f'`{choice}`' for choice in option.choices)}.")
    if option.required:
        notes.append("**Required.**")
    if option.secret:
        notes.append("A secret: it is masked in all output.")
    return f"| `{option.path}` | {option.type} | {default(option.default)} | {' '.join(note for note in notes if note)} |"


def block(role: Role) -> str:
    """What stands between the two marks."""
    lines = [BEGIN, "", *(text(sentence) + "\n" for sentence in role.text), "## Options", ""]
    lines += _table(role) if role.options else ["This role has no options.", ""]
    return "\n".join([*lines, END, ""])


def _table(role: Role) -> list[str]:
    return ["| option | type | default | what it is |", "| --- | --- | --- | --- |", *map(row, role.options), ""]


def readme(role: Role, before: str | None) -> str:
    """A role's README: the generated block replaced where ``before`` has one, else added at its end."""
    if not before:
        return f"# {role.name}\n\n{text(role.title)}.\n\n{block(role)}"
    if BEGIN in before and END in before:
        head, rest = before.split(BEGIN, 1)
        return head + block(role).rstrip("\n") + rest.split(END, 1)[1]
    return before.rstrip("\n") + "\n\n" + block(role)
