# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names to addresses without waiting for a resolver that hangs: each look-up in a daemon thread of its own, a bounded number at once."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import threading

# Beyond these a host that has many addresses would eat its deadline on dead ones.
ADDRESSES = 4


class Resolver:
    """Look-ups of one event loop. asyncio's own would be waited for when the loop closes, a black hole's half minute each."""

    def __init__(self, at_once: int = 200) -> None:
        self._free = asyncio.Semaphore(at_once)

    async def look_up(self, name: str, port: int) -> list[str]:
        """Return the addresses of a name, the preferred first; an address is returned as it is. Raises socket.gaierror."""
        bare = name.strip("[]")
        if _is_address(bare):
            return [bare]
        await self._free.acquire()
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[list[str]] = loop.create_future()
        threading.Thread(target=self._work, args=(loop, answer, bare, port), name="resolve", daemon=True).start()
        return await answer

    def _work(self, loop: asyncio.AbstractEventLoop, answer: asyncio.Future[list[str]], name: str, port: int) -> None:
        found: list[str] | OSError
        try:
            infos = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)
            found = list(dict.fromkeys(str(info[4][0]) for info in infos))[:ADDRESSES]
        except (OSError, UnicodeError) as error:
            found = error if isinstance(error, OSError) else socket.gaierror(socket.EAI_NONAME, "no valid name")
        try:
            loop.call_soon_threadsafe(self._tell, answer, found)
        except RuntimeError:
            return  # the sweep is over and its loop closed

    def _tell(self, answer: asyncio.Future[list[str]], found: list[str] | OSError) -> None:
        self._free.release()
        if answer.done():
            return
        if isinstance(found, OSError):
            answer.set_exception(found)
        else:
            answer.set_result(found)


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
