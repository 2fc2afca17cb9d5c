# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The library Apprise: the one file that knows it."""

from __future__ import annotations

import logging
import socket
import threading
from typing import Any

from ..health.clients.library import load
from ..health.clients.net import Deadline
from ..health.kind import Package

PACKAGE = Package("apprise", "apprise", "python3-apprise")


def notify(url: str, title: str, body: str, kind: str, deadline: Deadline) -> bool:
    """Send, and return whether it went well. ``kind`` is info, success, warning or failure.

    The library has no deadline for the whole: it works in a thread of its own, which is left behind where the time is up. Raises CannotTell
    where the library is missing, ValueError for a URL that it does not know, socket.timeout.
    """
    library = load(PACKAGE)
    logging.getLogger("apprise").setLevel(logging.CRITICAL + 1)  # it quotes URLs that it cannot read, and these hold secrets
    sender = library.Apprise()
    if not sender.add(url):
        raise ValueError("no URL that Apprise knows")
    done: list[bool] = []
    named = {"title": title, "body": body, "notify_type": kind}
    worker = threading.Thread(target=_work, args=(sender, named, done), name="apprise", daemon=True)
    worker.start()
    worker.join(deadline.left())
    if worker.is_alive():
        raise socket.timeout("it did not end in time")
    return bool(done and done[0])


def _work(sender: Any, named: dict[str, str], done: list[bool]) -> None:
    try:
        done.append(bool(sender.notify(body_format="text", interpret_escapes=False, **named)))
    except Exception:  # pylint: disable=broad-except  # a plugin of the library may raise anything; it is not sent then
        done.append(False)
