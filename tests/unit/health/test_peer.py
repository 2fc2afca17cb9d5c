# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A server on a Unix socket sees the wanted user, and no other thread changes."""

from __future__ import annotations

import os
import pwd
import socket
import struct
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.clients.peer import known_as


def peer_of(user: str, folder: Path) -> int:
    """The user number that a server sees when we connect as ``user``."""
    path = str(folder / "socket")
    with socket.socket(socket.AF_UNIX) as server, socket.socket(socket.AF_UNIX) as client:
        server.bind(path)
        os.chmod(path, 0o777)
        server.listen()
        with known_as(user, path):
            client.connect(path)
        with server.accept()[0] as link:
            return int(struct.unpack("3i", link.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[1])


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that every user may enter, unlike pytest's own."""
    with tempfile.TemporaryDirectory(dir="/tmp") as name:
        os.chmod(name, 0o755)
        yield Path(name)


def test_root_is_seen_as_the_user(folder: Path) -> None:
    expected = pwd.getpwnam("nobody").pw_uid if os.geteuid() == 0 else os.geteuid()
    assert peer_of("nobody", folder) == expected
    assert os.geteuid() == os.getuid()


@pytest.mark.parametrize("user", ["", "no-such-user", "root"])
def test_without_such_a_user_nothing_changes(folder: Path, user: str) -> None:
    assert peer_of(user, folder) == os.geteuid()


def test_other_threads_keep_their_identity() -> None:
    inside, seen = threading.Event(), []
    other = threading.Thread(target=lambda: (inside.wait(5), seen.append(os.geteuid())))
    other.start()
    with known_as("nobody", "/socket"):
        inside.set()
        other.join(5)
    assert seen == [os.getuid()]
