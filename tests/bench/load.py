# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The load generators, behind one adapter: wrk where connections are kept, ab where each request has its own. One thread each."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

_SCALES = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0}


@dataclass(frozen=True)
class Load:
    """What a run of load got: answers a second, latency in seconds, how many were not answered, or not with 2xx and 3xx."""

    rate: float
    median: float
    p99: float
    errors: int = 0
    refused: int = 0


class LoadError(Exception):
    """A load generator did not say what was expected of it."""


@dataclass(frozen=True)
class Generator:
    """The programs, and the processor that they are bound to."""

    wrk: str
    ab: str
    environment: Mapping[str, str]
    cpu: int
    connections: int = 32
    seconds: int = 5

    def run(self, url: str) -> Load:
        """Put load on ``url``, over connections that are kept, and return what came of it."""
        argv = [self.wrk, "-t1", f"-c{self.connections}", f"-d{self.seconds}s", "--latency", "--timeout", "5s"]
        return parse_wrk(self._said([*argv, url]))

    def run_anew(self, url: str) -> Load:
        """Put load on ``url``, by a connection for each request."""
        # It ends by the time; the number only has to be out of reach.
        argv = [self.ab, "-q", "-c", str(self.connections), "-t", str(self.seconds), "-n", "10000000", "-s", "5"]
        return parse_ab(self._said([*argv, url]))

    def _said(self, argv: Sequence[str]) -> str:
        done = subprocess.run(["taskset", "-c", str(self.cpu), *argv], capture_output=True, text=True, timeout=self.seconds + 60,
                              env={**os.environ, **self.environment}, check=False)
        if done.returncode:
            raise LoadError(f"{' '.join(argv)}: {done.stderr or done.stdout}")
        return done.stdout


def parse_ab(text: str) -> Load:
    """Read ab's words; it counts latency in whole milliseconds."""
    failed = re.search(r"Failed requests:\s+(\d+)", text)
    refused = re.search(r"Non-2xx responses:\s+(\d+)", text)
    return Load(float(_one(r"Requests per second:\s+([\d.]+)", text)), int(_one(r"50%\s+(\d+)", text)) / 1e3,
                int(_one(r"99%\s+(\d+)", text)) / 1e3, int(failed.group(1)) if failed else 0, int(refused.group(1)) if refused else 0)


def parse_wrk(text: str) -> Load:
    """Read wrk's words."""
    errors = sum(int(number) for line in re.findall(r"Socket errors: (.*)", text) for number in re.findall(r"\d+", line))
    refused = re.search(r"Non-2xx or 3xx responses: (\d+)", text)
    return Load(float(_one(r"Requests/sec:\s+([\d.]+)", text)), _seconds("50", text), _seconds("99", text), errors,
                int(refused.group(1)) if refused else 0)


def _seconds(percent: str, text: str) -> float:
    return float(_one(rf"{percent}%\s+([\d.]+)(?:us|ms|s|m)\b", text)) * _SCALES[_one(rf"{percent}%\s+[\d.]+(us|ms|s|m)\b", text)]


def _one(pattern: str, text: str) -> Any:
    found = re.search(pattern, text)
    if found is None:
        raise LoadError(f"{pattern} was not found in:\n{text}")
    return found.group(1)
