# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An exporter as a service: by the documents of tests/cases/exporters/services.yml."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.exporters import service

CASES = yaml.safe_load((Path(__file__).parents[2] / "cases" / "exporters" / "services.yml").read_text(encoding="utf-8"))
FLAGS = {
    "node_exporter": {"textfile_dir": "/t", "systemd_units": [], "mount_points_exclude": "", "enabled": [], "disabled": [], "extra": {}},
    "process_exporter": {"children": True, "threads": False, "smaps": False, "recheck": True, "extra": {}},
    "blackbox_exporter": {"extra": {}},
}
ROLE: dict[str, Any] = {
    "name": "n", "description": "d", "host": "a", "archive": False, "version": "", "config_dir": "/c", "user": "u", "group": "g",
    "source": {"program": "/p", "unit": "n.service", "unit_file": "/u"}, "listen": "0.0.0.0:9", "path": "/m", "tls": True,
    "tls_dir": "/store/a", "users": {}, "tls_server_config": {}, "http_server_config": {}, "reload": [], "capabilities": [],
    "hardening": {}, "enabled": True, "hand_edits": "replace", "groups": [], "others": "comm", "modules": {"m": {"prober": "tcp"}},
}


@pytest.mark.parametrize("case", [pytest.param(case, id=case["name"]) for case in CASES])
def test_service(case: dict[str, Any]) -> None:
    role = {**ROLE, "flags": FLAGS[case["exporter"]], **case.get("role", {})}
    config = getattr(service, case["exporter"])(role)
    assert [item["dest"] + (" secret" if item.get("secret") else "") for item in config["files"]] == case["files"]
    assert {key: config[key] for key in case.get("has", {})} == case.get("has", {})
    words = [word for step in config["validate"] for word in step["argv"]]
    assert set(case.get("words", [])) <= set(words)
    assert not case.get("lacks") or not any(case["lacks"] in word for word in words)
    assert all(item.get("mode", "0640") == "0640" for item in config["files"][1:])
