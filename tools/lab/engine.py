# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Find a Docker engine, start one where none runs, stop only the one that was started here."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

from plugins.module_utils.vigil.system import Ran, System
from tools.lab.base import CannotHere, LabError, cache_folder, locked, must, say
from tools.lab.docker import Docker

START_SECONDS = 60.0


def folder() -> Path:
    """Where the log and the pid file of an engine started here are."""
    return cache_folder() / "lab" / "engine"


def answers(docker: Docker) -> Ran:
    """Ask the engine for its version."""
    return docker.try_("version", "--format", "{{.Server.Version}}", timeout=20)


def explain(ran: Ran, root: bool, dockerd: bool, remote: str | None) -> str:
    """Why no engine can be had, or "" where one can be started here."""
    words = ran.words.lower()
    if "permission denied" in words:
        return (
            "A Docker engine is there and refuses this user (permission denied on its socket). "
            "Add the user to the group `docker` and log in again, or run this as root."
        )
    if remote:
        return f"DOCKER_HOST is {remote} and nothing answers there: {ran.words[:200]}. Start that engine, or unset DOCKER_HOST."
    if not root:
        return "No Docker engine answers, and only root may start one. Start it (`systemctl start docker`), or run this as root."
    if not dockerd:
        return "No Docker engine answers and `dockerd` is not installed. Install Debian's docker.io (the lab does so as root on Debian)."
    return ""


def ensure(docker: Docker, options: Sequence[str] = ()) -> None:
    """Return when an engine answers; start one by hand, or through systemd where that runs as PID 1."""
    with locked(folder() / "lock"):
        ran = answers(docker)
        if ran.rc == 0:
            return
        problem = explain(ran, os.geteuid() == 0, shutil.which("dockerd") is not None, os.environ.get("DOCKER_HOST"))
        if problem:
            raise CannotHere(problem)
        if Path("/run/systemd/system").is_dir():
            must(docker.system, ["systemctl", "start", "docker.service"], timeout=START_SECONDS)
        else:
            _start(options)
        _wait(docker)


def _start(options: Sequence[str]) -> None:
    say(f"no Docker engine runs: starting dockerd (log: {folder() / 'dockerd.log'})")
    with (folder() / "dockerd.log").open("wb") as log:
        started = subprocess.Popen(
            ["dockerd", *options], stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, cwd="/"
        )
    (folder() / "pid").write_text(f"{started.pid}\n", encoding="ascii")


def _wait(docker: Docker) -> None:
    system = docker.system
    until = system.monotonic() + START_SECONDS
    while answers(docker).rc != 0:
        if system.monotonic() > until or not (_running() or Path("/run/systemd/system").is_dir()):
            log = (system.read(str(folder() / "dockerd.log")) or b"").decode(errors="replace")
            raise CannotHere(
                f"dockerd was started and does not answer after {START_SECONDS:g} s at most. The end of its log:\n"
                + "\n".join(log.splitlines()[-8:])
            )
        system.sleep(0.2)


def _running() -> int | None:
    """The pid of the engine that was started here, where it still runs."""
    try:
        pid = int((folder() / "pid").read_text(encoding="ascii"))
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except (OSError, ValueError):
        return None
    name, rest = state.split("(", 1)[1].rsplit(")", 1)
    return pid if name == "dockerd" and rest.split()[0] != "Z" else None


def stop(system: System) -> str:
    """Stop the engine that was started here; any other is left alone. Returns what was done as a sentence."""
    with locked(folder() / "lock"):
        pid = _running()
        if pid is None:
            return "the lab started no engine, so it stops none"
        os.kill(pid, signal.SIGTERM)
        until = system.monotonic() + 60
        while _running():
            if system.monotonic() > until:
                raise LabError(f"dockerd ({pid}) was told to end and still runs after 60 s; see {folder() / 'dockerd.log'}.")
            system.sleep(0.1)
        (folder() / "pid").unlink(missing_ok=True)
        return f"the engine that the lab started ({pid}) has ended"
