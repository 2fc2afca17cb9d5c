# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Labs of the suite's own, and playbooks against them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tools import playbook

from .parts import ROOT
from .runner import environment

# A monitoring host of the newest distribution and a monitored one of the oldest: each role runs somewhere.
STACK = (
    {"name": "mon1", "image": "debian13", "groups": ["monitored", "prometheus", "alertmanager", "blackbox_exporter"]},
    {"name": "app1", "image": "debian12", "groups": ["monitored"]},
)


@contextmanager
def lab(name: str, hosts: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    """Raise a lab, hand out what `tools.lab up --json` says of it, and remove it whatever happens."""
    spec = json.dumps({"name": name, "hosts": list(hosts)})
    argv = [sys.executable, "-m", "tools.lab"]
    try:
        words = [*argv, "up", "--spec", "-", "--json"]
        done = subprocess.run(words, cwd=ROOT, input=spec, stdout=subprocess.PIPE, text=True, check=False, env=environment())
        if done.returncode:
            sys.exit(done.returncode)
        yield json.loads(done.stdout)
    finally:
        subprocess.run([*argv, "down", "--name", name], cwd=ROOT, check=False, stdin=subprocess.DEVNULL)


def complaint(said: str, hosts: Sequence[str], may_change: bool) -> str:
    """Why a run of site.yml was not as it must be, or an empty string. ``hosts`` must all be in the recap."""
    found = playbook.recap(said)
    lost = [name for name in hosts if name not in found]
    if lost:
        return f"no recap of {', '.join(lost)}"
    bad = [name for name, host in found.items() if host.failed or host.unreachable]
    if bad:
        return f"failed or unreachable: {', '.join(bad)}"
    if not may_change and any(host.changed for host in found.values()):
        return f"a second run must change nothing; {playbook.changed(found)}"
    if may_change and not any(host.changed for host in found.values()):
        return "the first run on bare hosts changed nothing: it did not deploy"
    return ""


def deploy_twice(argv: Sequence[str], cwd: Path, hosts: Sequence[str], env: Mapping[str, str] | None = None) -> None:
    """Run a command that runs site.yml two times: it must deploy, then change nothing. Ends the process with the reason otherwise."""
    for may_change in (True, False):
        status, said = playbook.watch(argv, cwd, {**os.environ, **(env or {})})
        reason = f"ended with status {status}" if status else complaint(said, hosts, may_change)
        if reason:
            sys.exit(f"{'first' if may_change else 'second'} run: {reason}")


def warnings(said: str) -> list[str]:
    """Warnings and deprecations that Ansible printed."""
    return [line for line in said.splitlines() if line.startswith(("[WARNING]", "[DEPRECATION WARNING]"))]
