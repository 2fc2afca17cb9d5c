# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs parts, some side by side, each with a log of its own."""

from __future__ import annotations

import os
import queue
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterable
from pathlib import Path

from . import report
from .model import CANNOT_HERE, Outcome, Part, State
from .schedule import blocked, next_part


def environment() -> dict[str, str]:
    """The machine's own variables, and those that the parts and the lab read.

    LAB_CA_BUNDLE hands the machine's CA bundle to containers that use pip, where the machine names one for itself.
    """
    found = {**os.environ, "PYTHONUNBUFFERED": "1", "ANSIBLE_NOCOLOR": "1", "NO_COLOR": "1", "PY_COLORS": "0"}
    bundle = found.get("PIP_CERT") or found.get("REQUESTS_CA_BUNDLE") or found.get("SSL_CERT_FILE")
    if bundle:
        found.setdefault("LAB_CA_BUNDLE", bundle)
    return found


def run_part(part: Part, root: Path, log: Path) -> Outcome:
    """Run one part to its end or its limit; what it says goes to ``log``."""
    start = time.monotonic()
    log.parent.mkdir(parents=True, exist_ok=True)
    status, reason = _run(part, root, log)
    seconds = time.monotonic() - start
    said = log.read_text(errors="replace")
    state: State = "failed" if reason else "passed"
    if status == CANNOT_HERE:
        state, reason = "skipped", said.strip().splitlines()[-1]
    return Outcome(part, state, seconds, str(log.relative_to(root)), reason, report.not_run(said))


def _run(part: Part, root: Path, log: Path) -> tuple[int | None, str]:
    """The exit code, and why the part failed or an empty string."""
    with log.open("wb") as sink:
        sink.write(f"$ {' '.join(part.argv)}\n".encode())
        sink.flush()
        try:
            process = subprocess.Popen(
                part.argv, cwd=root, env=environment(), stdin=subprocess.DEVNULL, stdout=sink, stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            return None, f"could not be started: {error}"
        try:
            status = process.wait(part.limit)
        except subprocess.TimeoutExpired:
            return None, f"did not end within {part.limit} s"
        finally:
            _end(process)
    return status, f"ended with status {status}" if status else ""


def _end(process: subprocess.Popen[bytes]) -> None:
    """End the part's whole process group, so that nothing outlives it: first politely, for its own cleaning up."""
    for sign, patience in ((signal.SIGTERM, 20.0), (signal.SIGKILL, 5.0)):
        try:
            os.killpg(process.pid, sign)
        except (ProcessLookupError, PermissionError):
            return
        try:
            process.wait(patience)
        except subprocess.TimeoutExpired:
            continue


def run_all(
    parts: Iterable[Part],
    jobs: int,
    work: Callable[[Part], Outcome],
    lacking: Callable[[str], str],
    say: Callable[[Outcome], None],
) -> list[Outcome]:
    """Run the parts in their order, at most ``jobs`` at a time. ``lacking(need)`` says why a need is not met."""
    waiting, running = list(parts), list[Part]()
    done: dict[str, Outcome] = {}
    ended: queue.Queue[Outcome] = queue.Queue()
    while waiting or running:
        for part in list(waiting):
            if reason := blocked(part, done):
                waiting.remove(part)
                _finish(Outcome(part, "skipped", reason=reason), done, say)
        while len(running) < jobs and (part_now := next_part(waiting, done)):
            waiting.remove(part_now)
            running.append(part_now)
            threading.Thread(target=_guarded, args=(part_now, work, lacking, ended), daemon=True).start()
        if running:
            outcome = ended.get()
            running.remove(outcome.part)
            _finish(outcome, done, say)
    return list(done.values())


def _finish(outcome: Outcome, done: dict[str, Outcome], say: Callable[[Outcome], None]) -> None:
    done[outcome.part.name] = outcome
    say(outcome)


def _guarded(part: Part, work: Callable[[Part], Outcome], lacking: Callable[[str], str], ended: queue.Queue[Outcome]) -> None:
    """A part whose runner breaks has failed; the others go on."""
    try:
        reasons = [reason for reason in map(lacking, part.needs) if reason]
        ended.put(Outcome(part, "skipped", reason="; ".join(reasons)) if reasons else work(part))
    except Exception as error:
        ended.put(Outcome(part, "failed", reason=f"the runner broke: {error!r}"))
