# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Taking it all away, when that is meant."""

from __future__ import annotations

import json

# The package manager's own books. A package leaves its user, and until it is purged the links of its init script.
BOOKS = ("/var/lib/apt", "/var/lib/dpkg", "/etc/ld.so.cache", "/etc/rc", "/etc/passwd", "/etc/shadow", "/etc/group", "/etc/gshadow")
SHOW = {"prometheus.service": "/etc/prometheus/prometheus.yml"}


def test_removing_has_to_be_confirmed(operator, at):
    before = {name: host.files("/etc", "/opt", "/var/lib/vigil") for name, host in at.items()}
    operator.run("remove.yml").failed("Nothing was touched", "vigil_remove=true")
    assert before == {name: host.files("/etc", "/opt", "/var/lib/vigil") for name, host in at.items()}


def test_removing_takes_everything(operator, at, ephemeral, differences):
    bare = json.loads((ephemeral / "bare.json").read_text(encoding="utf-8"))
    operator.run("remove.yml", vigil_remove=True, vigil_purge=True).changed(*at)
    for name, host in at.items():
        # What the packages brought along is apt's to take away, and the operator's to ask for.
        host.sh("DEBIAN_FRONTEND=noninteractive apt-get -y -qq autoremove --purge")
        assert differences(bare[name], host.files(), BOOKS) == {}
        assert host.sh("systemctl --failed --plain --no-legend") == ""
        listening = [line.split()[3] for line in host.sh("ss -Hltn").splitlines()]
        assert {address.rpartition(":")[2] for address in listening if not address.startswith("127.")} == {"22"}
