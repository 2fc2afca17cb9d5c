# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ask many agents at once: a bounded number at a time, each within its own deadline, from one event loop."""

from __future__ import annotations

import asyncio
import resource
import ssl
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from . import silence
from .client import Late, Question, Shared, ask
from .model import Answer, Target
from .read import answer
from .response import BadAnswer

# Descriptors that the controller needs for all else.
_SPARE = 64


@dataclass(frozen=True)
class Progress:
    """How far a sweep is."""

    done: int
    total: int
    silent: int
    seconds: float


@dataclass(frozen=True)
class Manner:
    """How to ask. ``retries`` are further tries after a silence, each with a deadline of its own; ``every`` (s) is how often progress is
    told; ``full`` keeps all texts of checks that pass too.
    """

    concurrency: int = 200
    retries: int = 0
    every: float = 2.0
    full: bool = False


def ask_all(targets: Sequence[Target], question: Question, manner: Manner, tell: Callable[[Progress], None] | None = None) -> list[Answer]:
    """Return an answer for each target, in their order. Never raises for a target."""
    return asyncio.run(_Sweep(targets, question, manner, tell or (lambda progress: None)).run())


def bounded(wanted: int) -> int:
    """Return how many may be asked at once: what was wanted, or what the limit of open files allows."""
    soft, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return max(1, min(wanted, soft - _SPARE)) if soft > 0 else max(1, wanted)


class _Sweep:
    def __init__(self, targets: Sequence[Target], question: Question, manner: Manner, tell: Callable[[Progress], None]) -> None:
        self._targets, self._question, self._manner, self._tell = targets, question, manner, tell
        self._answers: dict[int, Answer] = {}
        self._silent = 0
        self._began = time.monotonic()

    async def run(self) -> list[Answer]:
        turns = enumerate(self._targets)
        shared = Shared()
        teller = asyncio.ensure_future(self._progress())
        size = min(bounded(self._manner.concurrency), len(self._targets))
        try:
            await asyncio.gather(*(self._work(turns, shared) for _worker in range(size)))
        finally:
            teller.cancel()
        return [self._answers[place] for place in range(len(self._targets))]

    async def _work(self, turns: Iterator[tuple[int, Target]], shared: Shared) -> None:
        for place, target in turns:
            found = await self._ask(target, shared)
            for _again in range(self._manner.retries):
                found = await self._ask(target, shared) if found.silence else found
            self._answers[place] = found
            self._silent += found.silence is not None

    async def _ask(self, target: Target, shared: Shared) -> Answer:
        began = time.monotonic()
        try:
            raw = await ask(target, self._question, shared)
        except (Late, BadAnswer, ssl.SSLError, OSError, ValueError) as error:
            why = silence.of_error(error, self._question.timeout)
            return Answer(target.host, silence=why, seconds=time.monotonic() - began)
        return answer(target.host, raw, now=time.time(), seconds=time.monotonic() - began, full=self._manner.full)

    async def _progress(self) -> None:
        while True:
            await asyncio.sleep(self._manner.every)
            seconds = time.monotonic() - self._began
            self._tell(Progress(len(self._answers), len(self._targets), self._silent, seconds))
