# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`--check` on bare hosts: the whole stack is announced, and nothing is touched."""

from __future__ import annotations

import json


def test_check_mode_on_bare_hosts(operator, at, ephemeral, differences):
    before = {name: host.files() for name, host in at.items()}
    # What removing is held against at the end of the scenario.
    (ephemeral / "bare.json").write_text(json.dumps(before), encoding="utf-8")
    said = operator.run("site.yml", "--check", "--diff").changed(*at).said
    for name in ("prometheus", "alertmanager", "node_exporter", "process_exporter", "blackbox_exporter"):
        assert f"/etc/{name}/web.yml" in said
    for name, host in at.items():
        assert differences(before[name], host.files()) == {}
