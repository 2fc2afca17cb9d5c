# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A large set goes by its digests first, and as a whole where the host lacks one of its files."""

from __future__ import annotations

from typing import Any

import pytest
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.model import InvalidInput
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.service_config.payload import LARGE, NotAtHand, decode, encode, thin

FILES = [{"dest": "/a", "content": b"a" * LARGE}, {"dest": "/b", "content": b"b", "mode": "0640"}]
LARGE_SET: dict[str, Any] = {"name": "x", "files": FILES}
LACKING = {"bare": {}, "a file lacks": {"/a": b"a" * LARGE}, "a file differs": {"/a": b"a" * LARGE, "/b": b"c"}}


def test_a_small_set_is_sent_as_it_is() -> None:
    small = {"name": "x", "files": [{"dest": "/a", "content": b"a" * LARGE}]}
    assert thin(small) is None
    assert decode(encode(small)) == small


def test_a_large_set_is_made_whole_from_the_files_of_the_host() -> None:
    digests = thin(LARGE_SET)
    assert digests is not None
    assert len(encode(digests)) < 500
    host = {item["dest"]: item["content"] for item in LARGE_SET["files"]}
    assert decode(encode(digests), host.get) == LARGE_SET


@pytest.mark.parametrize("host", LACKING.values(), ids=LACKING)
def test_what_the_host_lacks_is_asked_for(host: dict[str, bytes]) -> None:
    digests = thin(LARGE_SET)
    assert digests is not None
    with pytest.raises(NotAtHand):
        decode(encode(digests), host.get)


@pytest.mark.parametrize("text", ["", "x", encode({"files": []})[:-4]])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="made by the action plugin"):
        decode(text)
