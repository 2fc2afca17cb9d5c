# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What survives a restart: counts, and what kinds remember. A file that is replaced as a whole, by a thread of its own."""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

from ..health.model import FAIL, PASS, STATES, WARN
from .journal import INFO, WARNING, say

_FORM = 1


class Keeper:
    """Writes what ``state`` returns to ``path``, every ``every`` seconds at most, so that a slow disk delays neither a check nor an answer.

    ``trouble`` is a sentence while it cannot be written, ``errors`` how often that was, ``written`` when it last was (epoch, 0: never).
    """

    def __init__(self, path: str | None, state: Callable[[], Mapping[str, Any]], every: float) -> None:
        self.path, self._state, self.every = path, state, every
        self.trouble, self.errors, self.written = "", 0, 0.0
        self._last = b""
        self._wake = threading.Event()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="state", daemon=True)

    def start(self) -> None:
        """Begin to write now and then."""
        self._thread.start()

    def stop(self, timeout: float = 1.0) -> None:
        """Write a last time; a disk that hangs is waited for ``timeout`` seconds."""
        self._stopping = True
        self._wake.set()
        self._thread.join(timeout)

    def save(self) -> None:
        """Write once, where anything changed. Never raises: the agent serves from memory."""
        if self.path is None:
            return
        data = json.dumps({"form": _FORM, "checks": self._state()}, separators=(",", ":")).encode()
        if data == self._last and not self.trouble:
            return
        try:
            _replace(self.path, data)
        except OSError as error:
            self._failed(error)
            return
        if self.trouble:
            say(INFO, f"{self.path} can be written again.")
        self._last, self.trouble, self.written = data, "", time.time()

    def _run(self) -> None:
        while not self._stopping:
            self._wake.wait(self.every)
            self.save()

    def _failed(self, error: OSError) -> None:
        self.errors += 1
        words = f"the state file {self.path} cannot be written: {error.strerror}; counts would be lost by a restart"
        if words != self.trouble:
            say(WARNING, words)
        self.trouble = words


def load(path: str | None) -> dict[str, Any]:
    """Return what was kept, by check. A file that is broken or not ours is set aside, with a word, and nothing is known then."""
    if path is None:
        return {}
    try:
        with open(path, "rb") as handle:
            return _read(handle.read(64 * 1024 * 1024))
    except FileNotFoundError:
        return {}
    except OSError as error:
        say(WARNING, f"the state file {path} cannot be read: {error.strerror}; counts begin anew.")
        return {}
    except (ValueError, TypeError, RecursionError) as error:
        _set_aside(path, error)
        return {}


def _read(data: bytes) -> dict[str, Any]:
    kept = json.loads(data)
    if not isinstance(kept, dict) or kept.get("form") != _FORM or not isinstance(kept.get("checks"), dict):
        raise ValueError(f"it is not the state of an agent in form {_FORM}")
    return {name: _entry(entry) for name, entry in kept["checks"].items()}


def _entry(entry: Any) -> dict[str, Any]:
    if not isinstance(entry, dict) or not isinstance(entry.get("memory"), dict) or not isinstance(entry.get("streak"), dict):
        raise ValueError("a check in it has no memory or no counts")
    streak = entry["streak"]
    known: dict[str, tuple[type, ...]] = {
        "held": (str,), "against": (int,), "state": (str,), "since": (int, float), "transitions": (int,),
    }
    if any(not isinstance(streak.get(name), types) for name, types in known.items()):
        raise ValueError("the counts of a check in it are not counts")
    if streak["held"] not in ("", PASS, WARN, FAIL) or streak["state"] not in ("", *STATES):
        raise ValueError("a state in it is none")
    return {"memory": entry["memory"], "streak": {name: streak[name] for name in known}}


def _set_aside(path: str, error: Exception) -> None:
    aside = f"{path}.broken"
    try:
        os.replace(path, aside)
        say(WARNING, f"the state file {path} was set aside as {aside}: {error}; counts begin anew.")
    except OSError as second:
        say(WARNING, f"the state file {path} is of no use ({error}) and cannot be set aside: {second.strerror}; counts begin anew.")


def _replace(path: str, data: bytes) -> None:
    """Readers see the old content or the new. No fsync: what a power cut takes is seconds of counts."""
    draft = f"{path}.new"
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        view = memoryview(data)
        while view:
            view = view[os.write(handle, view):]
        os.replace(draft, path)
    except OSError:
        os.unlink(draft)
        raise
    finally:
        os.close(handle)
