# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Groups of processes by unit and by program, on the host that has some."""

from __future__ import annotations

from typing import Any

from tests.metrics.outside import ask, look

testinfra_hosts = ["ansible://old1"]


def test_groups_by_unit_and_program(host: Any) -> None:
    page = ask(host, "process-exporter")
    assert 'namedprocess_namegroup_num_procs{groupname="exporters"} 2' in page, look(host, "process-exporter")
    assert 'namedprocess_namegroup_num_procs{groupname="ssh"} ' in page
    assert 'groupname="sshd"' not in page
