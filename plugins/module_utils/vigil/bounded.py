# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run a program that is not trusted to end, to be quiet, or to take its children along."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import IO, cast

KEEP = 64 * 1024
_CHUNK = 64 * 1024
# A pipe holds 64 KiB, by fcntl at most 1 MiB: what a program wrote before it ended is within that many reads.
_DRAIN_READS = 16
# The last part of the time, at most a second, is for the program's own clean-up after SIGTERM, and for the kill after that.
_GRACE_SHARE, _GRACE_MOST, _KILL_SHARE = 0.2, 1.0, 0.4


@dataclass(frozen=True)
class Ended:
    """A program that is gone. ``rc`` is its exit code, negative for a signal, None where it never began or had to be killed.

    ``out`` and ``err`` are the first bytes of each stream as text, ``out_bytes`` and ``err_bytes`` how many there were. ``problem`` says
    why there is no exit code; ``timed_out`` that the time was up; ``missing`` names the file that is not there.
    """

    argv: tuple[str, ...]
    rc: int | None
    out: str = ""
    err: str = ""
    out_bytes: int = 0
    err_bytes: int = 0
    timed_out: bool = False
    problem: str = ""
    missing: str = ""


def run(
    argv: Sequence[str], timeout: float, env: Mapping[str, str] | None = None, cwd: str | None = None, keep: int = KEEP
) -> Ended:
    """Run a program without a shell, in a session of its own and the C locale, and be back within ``timeout`` seconds. Never raises for it.

    Shortly before the time is up the whole process group gets SIGTERM (and SIGCONT: one that is stopped may clean up too), then SIGKILL.
    What the group leaves behind when the program ends is killed as well, and nobody waits for those that hold its pipes: a program that
    went into another session is out of reach, but delays nothing. At most ``keep`` bytes of each stream are kept; the rest is read and
    dropped. Variables of ``env`` are added to this process's own.
    """
    start = time.monotonic()
    try:
        process = subprocess.Popen(
            list(argv), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=cwd, start_new_session=True,
            env={**os.environ, "LC_ALL": "C", **(env or {})},
        )
    except (OSError, ValueError) as error:
        return _not_started(argv, error)
    run = _Run(process, keep)
    try:
        timed_out = run.watch(start, timeout)
    finally:
        run.close()
    return run.ended(tuple(argv), timed_out, timeout)


def _not_started(argv: Sequence[str], error: OSError | ValueError) -> Ended:
    words = error.strerror or str(error) if isinstance(error, OSError) else str(error)
    missing = str(error.filename or argv[0]) if isinstance(error, FileNotFoundError) else ""
    about = str(getattr(error, "filename", None) or argv[0])
    return Ended(tuple(argv), None, problem=f"{argv[0]} could not be started: {about}: {words}", missing=missing)


class _Stream:
    """One of the program's two streams: its first bytes, and how many there were."""

    def __init__(self, pipe: IO[bytes], keep: int) -> None:
        self.pipe, self.keep, self.count = pipe, keep, 0
        self.kept = bytearray()
        os.set_blocking(pipe.fileno(), False)

    def read(self) -> bool:
        """Take what is there; return whether there may be more."""
        try:
            data = os.read(self.pipe.fileno(), _CHUNK)
        except BlockingIOError:
            return True
        self.kept += data[: self.keep - len(self.kept)]
        self.count += len(data)
        return bool(data)

    def drain(self) -> None:
        """Take what a program that ended has left in the pipe, without waiting for others that hold it."""
        for _read in range(_DRAIN_READS):
            before = self.count
            if not self.read() or self.count == before:
                return

    @property
    def text(self) -> str:
        return self.kept.decode(errors="replace")


class _Run:
    """A program that runs: its pipes, its end, and the signals that are due."""

    def __init__(self, process: subprocess.Popen[bytes], keep: int) -> None:
        self.process = process
        self.out, self.err = _Stream(cast(IO[bytes], process.stdout), keep), _Stream(cast(IO[bytes], process.stderr), keep)
        self.selector = selectors.DefaultSelector()
        for stream in (self.out, self.err):
            self.selector.register(stream.pipe, selectors.EVENT_READ, stream)
        self.pidfd = _pidfd(process.pid)
        if self.pidfd is not None:
            self.selector.register(self.pidfd, selectors.EVENT_READ)

    def watch(self, start: float, timeout: float) -> bool:
        """Read until the program ends, send what is due; return whether its time was up. Afterwards nothing of its group lives."""
        grace = min(timeout * _GRACE_SHARE, _GRACE_MOST)
        end = start + timeout
        timed_out = not self._until(end - grace)
        if timed_out:
            self._signal(signal.SIGTERM)
            self._signal(signal.SIGCONT)
            self._until(end - grace * _KILL_SHARE)
        self._signal(signal.SIGKILL)
        self._until(end)
        for stream in (self.out, self.err):
            stream.drain()
        return timed_out

    def _until(self, deadline: float) -> bool:
        """Read until the program has ended, or until the deadline; return whether it ended."""
        while not self._is_over():
            left = deadline - time.monotonic()
            if left <= 0:
                return False
            for key, _events in self.selector.select(left if self.pidfd is not None else min(left, 0.02)):
                if key.data is not None and not key.data.read():
                    self.selector.unregister(key.fileobj)
        return True

    def _is_over(self) -> bool:
        """Without reaping it: as long as it is a zombie, nobody else can get its number, and its group can be killed safely."""
        try:
            return os.waitid(os.P_PID, self.process.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
        except ChildProcessError:
            return True

    def _signal(self, number: int) -> None:
        try:
            os.killpg(self.process.pid, number)
        except (ProcessLookupError, PermissionError):
            return

    def close(self) -> None:
        """Let go of the pipes, and reap the program where it has ended."""
        self.selector.close()
        for stream in (self.out, self.err):
            stream.pipe.close()
        if self.pidfd is not None:
            os.close(self.pidfd)
        self.process.poll()

    def ended(self, argv: tuple[str, ...], timed_out: bool, timeout: float) -> Ended:
        """Return what is known of it now."""
        problem = f"{argv[0]} did not end within {timeout:g} s and was killed" if timed_out else ""
        if self.process.returncode is None:
            problem = f"{argv[0]} did not end within {timeout:g} s and cannot be killed: it waits in the kernel"
        return Ended(argv, None if problem else self.process.returncode, self.out.text, self.err.text, self.out.count, self.err.count,
                     timed_out, problem)


def _pidfd(pid: int) -> int | None:
    """Tell of the program's end by a descriptor, where the kernel can (5.3); else it is looked for 50 times a second."""
    try:
        return os.pidfd_open(pid)
    except (AttributeError, OSError):
        return None
