# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run a playbook where a person can watch it, and read what it did from its recap."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

_RECAP = re.compile(r"^(?P<host>\S.*?)\s+: ok=\d+\s+changed=(?P<changed>\d+)\s+unreachable=(?P<unreachable>\d+)\s+failed=(?P<failed>\d+)")
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")


@dataclass(frozen=True)
class Host:
    """One host's line of a recap: numbers of tasks."""

    changed: int
    unreachable: int
    failed: int


def recap(output: str) -> dict[str, Host]:
    """Hosts of a playbook's recap by name, added up over several; empty where it printed none."""
    hosts: dict[str, Host] = {}
    for match in (_RECAP.match(_COLOUR.sub("", line)) for line in output.splitlines()):
        if match:
            before = hosts.get(match["host"], Host(0, 0, 0))
            numbers = (int(match[name]) for name in ("changed", "unreachable", "failed"))
            hosts[match["host"]] = Host(*map(sum, zip((before.changed, before.unreachable, before.failed), numbers)))
    return hosts


def changed(hosts: Mapping[str, Host]) -> str:
    """What a run changed, as a sentence."""
    tasks = {name: host.changed for name, host in hosts.items() if host.changed}
    if not tasks:
        return "nothing changed"
    return "changed: " + ", ".join(f"{count} task{'s' * (count > 1)} on {name}" for name, count in sorted(tasks.items()))


def watch(argv: Sequence[str], cwd: Path, env: Mapping[str, str] | None = None) -> tuple[int, str]:
    """Run a program, pass on what it says as it says it, and return its exit code and all of that."""
    print(f"$ {' '.join(argv)}", flush=True)
    said = []
    with subprocess.Popen(
        argv, cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    ) as running:
        for line in running.stdout or ():
            sys.stdout.write(line)
            sys.stdout.flush()
            said.append(line)
    return running.returncode, "".join(said)
