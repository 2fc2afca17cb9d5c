# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the lab prints and writes: tables and inventories."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from tools.lab import ssh


def table(rows: Sequence[dict[str, str]], columns: Sequence[str]) -> str:
    """Rows as aligned text under a heading."""
    lines = [[name.upper() for name in columns], *([row[name] for name in columns] for row in rows)]
    widths = [max(len(line[index]) for line in lines) for index in range(len(columns))]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines)


def inventory(hosts: Iterable[tuple[str, str, Sequence[str]]], known: Path, key: Path) -> str:
    """An Ansible inventory (YAML, of JSON's style) of (name, address, groups)."""
    hosts = list(hosts)
    groups = sorted({group for _name, _address, of_host in hosts for group in of_host})
    tree = {
        "all": {
            "vars": {
                "ansible_user": "root",
                "ansible_ssh_private_key_file": str(key),
                "ansible_ssh_common_args": ssh.common_arguments(known),
                "ansible_python_interpreter": "/usr/bin/python3",
            },
            "hosts": {name: {"ansible_host": address, "ansible_port": 22} for name, address, _groups in hosts},
            "children": {group: {"hosts": {name: {} for name, _address, of_host in hosts if group in of_host}} for group in groups},
        }
    }
    return "---\n" + json.dumps(tree, indent=2) + "\n"
