# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses to listen on and to be reached at."""

from __future__ import annotations

import pytest
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.addresses import endpoint, local_url, split_listen_address
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.model import InvalidInput


@pytest.mark.parametrize(
    ("listen", "url"),
    [
        ("0.0.0.0:9090", "https://127.0.0.1:9090/x"), (":9090", "https://127.0.0.1:9090/x"), ("[::]:9090", "https://[::1]:9090/x"),
        ("10.0.0.1:80", "https://10.0.0.1:80/x"), ("[fd00::1]:80", "https://[fd00::1]:80/x"), ("localhost:80", "https://localhost:80/x"),
    ],
)
def test_a_host_reaches_its_own_program(listen: str, url: str) -> None:
    assert local_url(listen, True, "/x") == url


def test_without_tls_it_is_plain() -> None:
    assert local_url(":1", False) == "http://127.0.0.1:1"


@pytest.mark.parametrize("listen", ["9090", "host", "host:", "host:0", "host:65536", "host:http"])
def test_what_is_no_address_is_refused(listen: str) -> None:
    with pytest.raises(InvalidInput, match="no address to listen on"):
        split_listen_address(listen)


def test_brackets_are_not_doubled() -> None:
    assert endpoint("[::1]", 1) == endpoint("::1", 1) == "[::1]:1"
