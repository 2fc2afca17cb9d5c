# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The docker SDK: containers of a Docker engine. Debian 12 has 5.0, Debian 13 has 7.1."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from typing import Any

from ..kind import Package
from ..model import CannotTell
from .library import load

DOCKER = Package("docker", "python3-docker", "python3-docker")
_ADVICE = "See whether the engine runs (systemctl status docker), and whether the watcher's user may ask it: ls -l {}; usermod -aG docker"
# Each container that a label finds costs a request.
_MOST = 100


def containers(socket: str, name: str, label: str, timeout: float) -> list[Mapping[str, Any]]:
    """Return what the engine says about the container ``name``, or about all that carry ``label``, stopped ones too.

    A container that is not there is left out. ``timeout`` is in seconds for all requests together. Raises CannotTell where the library is
    missing or the engine cannot be asked.
    """
    docker = load(DOCKER)
    deadline = time.monotonic() + timeout
    try:
        client = docker.APIClient(base_url=f"unix://{socket}", version="auto", timeout=timeout)
    except docker.errors.DockerException as error:
        raise _cannot_tell(error, socket)
    try:
        names = [name] if name else _carrying(client, label, deadline)
        found = [_inspect(client, one, docker.errors.NotFound, deadline) for one in names]
    except (docker.errors.DockerException, OSError) as error:
        raise _cannot_tell(error, socket)
    finally:
        client.close()
    return [one for one in found if one is not None]


def _carrying(client: Any, label: str, deadline: float) -> list[str]:
    _allow(client, deadline)
    listed = client.containers(all=True, filters={"label": label})
    if len(listed) > _MOST:
        raise CannotTell(f"{len(listed)} containers carry the label {label}, expected {_MOST} at most", "Choose a narrower label.")
    return [str(one["Id"]) for one in listed]


def _inspect(client: Any, name: str, missing: type[Exception], deadline: float) -> Mapping[str, Any] | None:
    _allow(client, deadline)
    try:
        found: Mapping[str, Any] = client.inspect_container(name)
    except missing:
        return None
    return found


def _allow(client: Any, deadline: float) -> None:
    """Give the next request what is left of the time."""
    left = deadline - time.monotonic()
    if left <= 0:
        raise CannotTell("the Docker engine did not answer in time", _ADVICE.format("the socket"))
    client.timeout = left


def _cannot_tell(error: Exception, socket: str) -> CannotTell:
    cause = _root(error, lambda one: isinstance(one, OSError) and one.errno is not None)
    text = os.strerror(cause.errno) if isinstance(cause, OSError) and cause.errno else str(error)
    said = "it did not answer in time" if "timed out" in str(error).lower() else text
    return CannotTell(f"the Docker engine cannot be asked at {socket}: {said}", _ADVICE.format(socket))


def _root(error: BaseException | None, wanted: Callable[[BaseException], bool], depth: int = 10) -> BaseException | None:
    """Find the error of the system below the layers that wrap it, by cause, context or argument."""
    if error is None or depth == 0 or wanted(error):
        return error if depth else None
    below = [error.__cause__, error.__context__, *(one for one in error.args if isinstance(one, BaseException))]
    found = (_root(one, wanted, depth - 1) for one in below if one is not None)
    return next((one for one in found if one is not None), None)
