# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The docker command line as functions."""

from __future__ import annotations

import json
from typing import Any

from plugins.module_utils.vigil.system import Ran, System
from tools.lab.base import LABEL, LabError, must


class Docker:
    """A thin front of the docker client. Every call is bounded in time; ``timeout`` is in seconds."""

    def __init__(self, system: System | None = None) -> None:
        self.system = system or System()

    def try_(self, *argv: str, timeout: float = 60.0, stdin: str | None = None) -> Ran:
        """Run and return whatever came of it."""
        return self.system.run(["docker", *argv], timeout=timeout, stdin=stdin)

    def __call__(self, *argv: str, timeout: float = 60.0, stdin: str | None = None, hint: str = "") -> str:
        """Run, expect success and return standard output without its last newline."""
        return must(self.system, ["docker", *argv], timeout=timeout, stdin=stdin, hint=hint).rstrip("\n")

    def inspect(self, kind: str, *names: str) -> list[dict[str, Any]]:
        """Inspect objects of one kind (container, network, image); those that are not there are left out."""
        if not names:
            return []
        ran = self.try_(kind, "inspect", *names)
        try:
            found: list[dict[str, Any]] = json.loads(ran.out or "[]")
        except ValueError as error:
            raise LabError(f"docker {kind} inspect gave no JSON: {ran.words[:200]}") from error
        absent = any(words in ran.err.lower() for words in ("no such", "not found"))
        if ran.rc != 0 and not absent:
            raise LabError(f"docker {kind} inspect failed: {ran.words[:300]}")
        return found

    def ours(self, kind: str, lab: str | None = None) -> list[str]:
        """Names of the containers or networks that a lab made (of every lab where ``lab`` is None)."""
        label = f"label={LABEL}" if lab is None else f"label={LABEL}={lab}"
        argv = ("ps", "-a", "--no-trunc", "--format", "{{.Names}}") if kind == "container" else ("network", "ls", "--format", "{{.Name}}")
        return sorted(self(*argv, "--filter", label).split())
