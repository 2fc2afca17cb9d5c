# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One at a time, also when the holder removes the lock's file as its last act."""

from __future__ import annotations

import threading
from pathlib import Path

from tools.lab.base import locked


def test_a_removed_lock_file_lets_nobody_in_twice(tmp_path: Path) -> None:
    path, inside, most = tmp_path / "a" / "lock", [0], [0]

    def work() -> None:
        for _turn in range(20):
            with locked(path):
                inside[0] += 1
                most[0] = max(most[0], inside[0])
                inside[0] -= 1
                path.unlink(missing_ok=True)

    threads = [threading.Thread(target=work) for _number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert most == [1]


def test_the_lock_is_let_go_on_an_error(tmp_path: Path) -> None:
    for _turn in range(2):
        try:
            with locked(tmp_path / "lock"):
                raise ValueError
        except ValueError:
            pass
