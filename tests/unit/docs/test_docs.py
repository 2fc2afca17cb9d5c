# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

from tools.docs import markdown
from tools.docs.agree import complaints
from tools.docs.spec import parse

DOCUMENT: dict[str, Any] = {
    "argument_specs": {
        "main": {
            "short_description": "A role.",
            "description": ["It does a thing.", "Twice."],
            "options": {
                "role_port": {"type": "int", "default": 80, "description": ["The port.", "See O(role_users)."]},
                "role_mode": {"choices": ["a", "b"], "required": True, "description": "With a | in it."},
                "role_users": {
                    "type": "list",
                    "elements": "dict",
                    "description": "Who may.",
                    "options": {"password": {"no_log": True, "description": "In plain."}},
                },
            },
        }
    }
}


def test_options_nested_ones_too() -> None:
    role = parse("role", DOCUMENT)
    assert [option.path for option in role.options] == ["role_port", "role_mode", "role_users", "role_users[].password"]
    assert role.options[2].type == "list of dict"


def test_rows() -> None:
    rows = markdown.block(parse("role", DOCUMENT)).splitlines()
    assert "| `role_port` | int | `80` | The port. See `role_users`. |" in rows
    assert "| `role_mode` | str |  | With a \\| in it. One of `a`, `b`. **Required.** |" in rows
    assert "| `role_users[].password` | str |  | In plain. A secret: it is masked in all output. |" in rows


def test_defaults_that_are_empty_or_long() -> None:
    shown = [markdown.default(value) for value in ("", [], False, None, "x" * 99)]
    assert shown == ['`""`', "`[]`", "`false`", "", "see `defaults/main.yml`"]


def test_what_a_person_wrote_around_the_block_stays() -> None:
    role = parse("role", DOCUMENT)
    first = markdown.readme(role, "# My role\n\nWords.\n")
    assert first.startswith("# My role\n\nWords.\n")
    edited = first.replace("| int |", "| str |") + "\nMore words.\n"
    assert markdown.readme(role, edited) == first + "\nMore words.\n"
    assert markdown.readme(role, first) == first


def test_a_role_without_a_readme_gets_one() -> None:
    assert markdown.readme(parse("role", DOCUMENT), None).startswith("# role\n\nA role.\n\n")


def test_places_that_agree() -> None:
    assert complaints(parse("role", DOCUMENT), {"role_port": 80}, "role_port role_mode role_users", "") == []


def test_each_disagreement_is_named() -> None:
    role = parse("role", DOCUMENT)
    assert complaints(role, {"role_port": 81}, "role_port role_mode role_users", "") == [
        "option role_port: the argument spec's default is 80, that of defaults/main.yml 81"
    ]
    assert complaints(role, {"role_port": 80, "role_more": 1, "__role_own": 2}, "role_port role_mode role_users", "") == [
        "defaults/main.yml: role_more is in no argument spec"
    ]
    assert complaints(role, {}, "role_mode role_users", "") == [
        "option role_port: nothing reads it",
        "option role_port: the argument spec has a default, defaults/main.yml has none (Ansible reads only the latter)",
    ]


def test_a_derived_default_needs_none_in_the_spec() -> None:
    assert complaints(parse("role", DOCUMENT), {"role_port": 80, "role_mode": "{{ x }}"}, "role_port role_mode role_users", "") == []
    assert complaints(parse("role", DOCUMENT), {"role_port": 80, "role_mode": "a"}, "role_port role_mode role_users", "") == [
        "option role_mode: the argument spec's default is none, that of defaults/main.yml 'a'"
    ]


def test_a_shared_option_may_be_read_anywhere_in_the_collection() -> None:
    shared = {"argument_specs": {"main": {"options": {"vigil_x": {"description": "Shared."}}}}}
    assert complaints(parse("role", shared), {}, "", "vigil_x") == []
    assert complaints(parse("role", shared), {}, "vigil_x", "") == ["option vigil_x: nothing reads it"]
