# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One deadline: for a resolver that hangs, for addresses that swallow packets."""

from __future__ import annotations

import errno
import socket
import threading
import time
from typing import Any

import pytest
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.clients import net


def test_a_resolver_that_hangs_costs_the_deadline_and_one_thread() -> None:
    free, asked = threading.Event(), []

    def hang(host: str, port: int, type: int) -> list[Any]:
        asked.append(host)
        free.wait(5)
        return [("found",)]
    began = time.monotonic()
    for _turn in range(3):
        with pytest.raises(socket.timeout, match="the name slow.invalid was not resolved in time"):
            net.resolve("slow.invalid", 80, net.Deadline(time.monotonic, 0.1), ask=hang)
    assert time.monotonic() - began < 1 and asked == ["slow.invalid"]
    free.set()
    assert net.resolve("slow.invalid", 80, net.Deadline(time.monotonic, 5), ask=hang) == [("found",)]


def test_what_was_resolved_is_not_kept() -> None:
    """An address that changed is seen at the next look."""
    for address in ("10.0.0.1", "10.0.0.2"):
        found = net.resolve("moved.invalid", 80, net.Deadline(time.monotonic, 5), ask=lambda host, port, type, now=address: [(now,)])
        assert found == [(address,)]


def test_an_error_of_the_resolver_is_told() -> None:
    def fail(host: str, port: int, type: int) -> list[Any]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
    with pytest.raises(socket.gaierror) as caught:
        net.resolve("gone.invalid", 80, net.Deadline(time.monotonic, 5), ask=fail)
    assert net.words(caught.value) == "its name is not resolved (name or service not known)"


def test_an_address_that_swallows_packets_leaves_time_for_the_next() -> None:
    with socket.socket() as full, socket.socket() as good:
        for listener in (full, good):
            listener.bind(("127.0.0.1", 0))
        full.listen(0)
        good.listen(1)
        waiting = []
        for _number in range(4):
            waiting.append(socket.socket())
            waiting[-1].setblocking(False)
            waiting[-1].connect_ex(full.getsockname())
        addresses = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", listener.getsockname()) for listener in (full, good)]
        with net.connect_first(addresses, net.Deadline(time.monotonic, 0.6)) as link:
            assert link.getpeername() == good.getsockname()
        began = time.monotonic()
        with pytest.raises(socket.timeout):
            net.connect_first(addresses[:1] * 3, net.Deadline(time.monotonic, 0.3))
        assert time.monotonic() - began < 0.6
        for link in waiting:
            link.close()


def test_no_address_at_all() -> None:
    with pytest.raises(OSError, match="the name has no address"):
        net.connect_first([], net.Deadline(time.monotonic, 1))


def test_a_refusal_tells_more_than_a_family_that_is_switched_off() -> None:
    refused, off = ConnectionRefusedError(errno.ECONNREFUSED, "refused"), OSError(errno.EADDRNOTAVAIL, "cannot assign requested address")
    assert net.telling(refused, off) is refused
    assert net.telling(off, refused) is refused
    assert net.telling(None, off) is off
