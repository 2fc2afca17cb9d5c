# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One at a time, also when the holder removes the lock's file as its last act."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path

from tools.lab.base import locked


def opened(path: Path) -> int:
    """How many descriptors of this process are the file."""
    return sum(os.path.realpath(link) == str(path) for link in Path("/proc/self/fd").iterdir())


def test_a_removed_lock_file_lets_nobody_in_twice(tmp_path: Path) -> None:
    path, there = tmp_path / "lock", []

    def wait_for_it() -> None:
        with locked(path):
            there.append(path.exists())

    waiter = threading.Thread(target=wait_for_it)
    with locked(path):
        waiter.start()
        until = time.monotonic() + 5
        while opened(path) < 2 and time.monotonic() < until:
            time.sleep(0.001)
        path.unlink()
    waiter.join()
    assert there == [True], "the waiter holds a lock on a file that a third one cannot find"


def test_the_lock_is_let_go_on_an_error(tmp_path: Path) -> None:
    for _turn in range(2):
        try:
            with locked(tmp_path / "lock"):
                raise ValueError
        except ValueError:
            pass
