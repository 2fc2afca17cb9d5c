# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Check mode on hosts that have nothing yet: it says what it would do, and does nothing."""

from __future__ import annotations

import json

HOSTS = ("pkg12", "arc13")


def test_check_mode_on_bare_hosts(operator, at, ephemeral, differences):
    before = {name: at[name].files() for name in HOSTS}
    # What removing is held against at the end of the scenario.
    (ephemeral / "bare.json").write_text(json.dumps(before), encoding="utf-8")
    said = operator.run("converge.yml", "--check", "--diff").changed(*HOSTS).said
    for words in ("/etc/prometheus/prometheus.yml", "+scrape_configs:", "/etc/alertmanager/alertmanager.yml", "+  receiver: none"):
        assert words in said
    for name in HOSTS:
        assert differences(before[name], at[name].files()) == {}
        assert at[name].sh("ls -d /tmp/vigil-* 2>/dev/null", check=False) == ""
