# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Putting together the list of files of a role."""

from __future__ import annotations

import pytest
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.file_set import file_set, from_paths
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.model import InvalidInput


def test_parts_are_flattened_defaults_filled_in_and_false_ones_left_out() -> None:
    parts = [{"dest": "/a"}, [{"dest": "/b", "mode": "0600", "when": True}, [{"dest": "/c", "when": False}]], []]
    assert file_set(parts, {"mode": "0640"}) == [{"mode": "0640", "dest": "/a"}, {"mode": "0600", "dest": "/b"}]


def test_a_path_keeps_its_name() -> None:
    assert from_paths(["/x/b.yml", "/x/a.yml"], "/etc/r") == [
        {"dest": "/etc/r/a.yml", "src": "/x/a.yml", "on_change": "reload"},
        {"dest": "/etc/r/b.yml", "src": "/x/b.yml", "on_change": "reload"},
    ]


def test_two_paths_of_one_name_are_refused_and_one_path_twice_is_not() -> None:
    assert len(from_paths(["/x/a.yml", "/x/a.yml"], "/r")) == 1
    with pytest.raises(InvalidInput, match="/x/a.yml and /y/a.yml would both become /r/a.yml"):
        from_paths(["/x/a.yml", "/y/a.yml"], "/r")
