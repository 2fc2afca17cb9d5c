# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Do a role's three places agree: argument_specs.yml, defaults/main.yml and what its tasks read? A pure decision."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .spec import NO_DEFAULT, Role

# Options of the whole collection: their defaults stand in one role, and every role documents them.
SHARED = "vigil_"


def derived(value: Any) -> bool:
    """Whether a default is made of other values: the option's description says of which, and the spec has none."""
    return isinstance(value, str) and "{{" in value


def complaints(role: Role, defaults: Mapping[str, Any], source: str, everywhere: str) -> list[str]:
    """What an operator could stumble over, as sentences.

    ``source`` is the text of what reads the options: the role's tasks, templates, handlers and vars;
    ``everywhere`` that of the collection, for its shared options.
    """
    options = {option.path: option for option in role.options if not option.nested}
    found = []
    for name, option in options.items():
        if not name.startswith((f"{role.name}_", SHARED)):
            found.append(f"option {name}: expected a name that begins with {role.name}_")
        if not option.text:
            found.append(f"option {name}: it has no description")
        if name not in (everywhere if name.startswith(SHARED) else source):
            found.append(f"option {name}: nothing reads it")
        if name in defaults and defaults[name] != option.default and not (option.default is NO_DEFAULT and derived(defaults[name])):
            spec = "none" if option.default is NO_DEFAULT else repr(option.default)
            found.append(f"option {name}: the argument spec's default is {spec}, that of defaults/main.yml {defaults[name]!r}")
        if name not in defaults and option.default is not NO_DEFAULT and not name.startswith(SHARED):
            found.append(f"option {name}: the argument spec has a default, defaults/main.yml has none (Ansible reads only the latter)")
    strangers = [name for name in defaults if name not in options and not name.startswith("__")]
    return found + [f"defaults/main.yml: {name} is in no argument spec" for name in strangers]
