# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The agent taken away again."""

from __future__ import annotations

SHOW = {"vigil-agent.service": "/etc/vigil-agent/agent.json"}


def test_nothing_of_the_agent_stays(operator, at):
    operator.run("remove.yml", "--tags", "health_agent", vigil_remove=True, vigil_purge=True).succeeded()
    for host in at.values():
        paths = ("/etc/vigil-agent", "/usr/lib/vigil", "/var/lib/vigil-agent", "/etc/systemd/system/vigil-agent.service")
        assert host.sh(f"ls -d {' '.join(paths)} 2>/dev/null; true") == ""
        assert host.sh("getent passwd vigil-agent; getent group vigil-agent; true") == ""
        assert host.sh("ss -Hltn sport = :9890") == ""
