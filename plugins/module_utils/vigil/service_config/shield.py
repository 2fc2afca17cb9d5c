# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A short piece of work that a killed run does not stop half way, and signals that lead to a roll-back."""

from __future__ import annotations

import json
import os
import signal
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from ..model import VigilError

_SIGNALS = (signal.SIGTERM, signal.SIGHUP, signal.SIGINT)


class Interrupted(VigilError):
    """A signal asked the run to end."""


def shielded(work: Callable[[], None]) -> None:
    """Do ``work`` in a process of its own session that no signal to this one reaches; return when it is done.

    It inherits the locks, so that no other run starts before it has ended. Raises VigilError for whatever it raised.
    Signals to this process are held back until then.
    """
    held = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
    try:
        here, there = os.pipe()
        child = os.fork()
        if child == 0:
            os.close(here)
            _apart(work, there)
        os.close(there)
        with os.fdopen(here, "rb") as stream:
            said = stream.read()
        os.waitpid(child, 0)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, held)
    _pass_on(said)


@contextmanager
def interruptible() -> Iterator[None]:
    """While this lasts SIGTERM, SIGHUP and SIGINT raise Interrupted instead of ending the process."""

    def stop(number: int, frame: Any) -> None:
        raise Interrupted(f"The run was asked to end by {signal.Signals(number).name}.")

    with _handled(stop):
        yield


@contextmanager
def uninterruptible() -> Iterator[None]:
    """While this lasts SIGTERM, SIGHUP and SIGINT do nothing."""
    with _handled(signal.SIG_IGN):
        yield


@contextmanager
def _handled(handler: Any) -> Iterator[None]:
    before = {number: signal.signal(number, handler) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)


def _apart(work: Callable[[], None], there: int) -> None:
    """The child's whole life: it never returns into the caller's code."""
    try:
        os.setsid()
        for number in (*_SIGNALS, signal.SIGQUIT):
            signal.signal(number, signal.SIG_IGN)
        nothing = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(nothing, stream)
        said: dict[str, Any] = {"done": True}
        try:
            work()
        except VigilError as error:
            said = {"words": str(error), "details": error.details}
        except BaseException:
            said = {"words": traceback.format_exc(limit=-3)}
        os.write(there, json.dumps(said).encode())
    finally:
        os._exit(0)


def _pass_on(said: bytes) -> None:
    try:
        answer = json.loads(said)
    except ValueError:
        raise VigilError("The process that swapped the files ended before it had finished.") from None
    if not answer.get("done"):
        raise VigilError(answer.get("words", "no words"), **answer.get("details", {}))
