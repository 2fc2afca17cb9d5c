# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The agent as a service: what its checks need, its files, its proof; and that what is shipped suffices to run it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.agent import service
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.kinds import KINDS
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.model import InvalidInput
from ansible_collections.vigil.monitoring.plugins.plugin_utils.package_files import package_files

SSH = {"name": "ssh", "kind": "tcp", "port": 22}
ROLE: dict[str, Any] = {
    "host": "web1", "listen": ":9890", "tls": True, "tls_dir": "/c/hosts/web1", "token": "t0ken", "config_dir": "/etc/vigil-agent",
    "user": "vigil-agent", "group": "vigil-agent", "checks": [SSH], "details": "token", "metrics": "token", "pool": 8,
    "max_connections": 1000, "groups": [], "capabilities": ["auto"], "hardening": {}, "enabled": True, "hand_edits": "replace",
}


def made(**changes: Any) -> tuple[dict[str, Any], dict[str, str]]:
    config = service.health_agent({**ROLE, **changes}, {"vigil/__init__.py": ""})
    return config, {item["dest"]: item["content"] for item in config["files"]}


def test_over_tls_it_asks_with_the_token() -> None:
    config, files = made()
    written = json.loads(files["/etc/vigil-agent/agent.json"])
    assert (written["listen"], written["token_file"], written["details"]) == (["0.0.0.0:9890"], "secrets/token", "token")
    assert files["/etc/vigil-agent/secrets/token"] == "t0ken\n"
    ready = {"ca": "/etc/vigil-agent/tls/ca.crt", "token": "t0ken", "url": "https://127.0.0.1:9890/health/live", "timeout": 30}
    assert config["ready"] == ready
    assert {item["url"] for item in config["proof"]} == {"https://127.0.0.1:9890/metrics"}


def test_without_tls_there_is_no_secret() -> None:
    config, files = made(tls=False, token="")
    written = json.loads(files["/etc/vigil-agent/agent.json"])
    assert (written["tls"], written["token_file"], written["metrics"], config["trees"]) == (None, None, "public", [])
    assert not any("secrets" in path for path in files)


def test_the_configuration_is_read_by_its_group_only() -> None:
    config = made()[0]
    assert [(item["mode"], item["group"]) for item in config["files"] if item["dest"].endswith("agent.json")] == [("0640", "vigil-agent")]


@pytest.mark.parametrize("kind", sorted(name for name, kind in KINDS.items() if any(option.secret for option in kind.options)))
def test_secret_options_are_masked(kind: str) -> None:
    secret = next(option for option in KINDS[kind].options if option.secret)
    value = {"X-Key": "hunter22"} if secret.type == "dict" else "hunter22"
    hidden = {option.name for option in KINDS[kind].options if option.secret}
    needed = {key: item for key, item in _needed(kind).items() if key not in hidden | {f"{name}_file" for name in hidden} | {"passfile"}}
    assert "hunter22" in service.secrets([{"name": "x", "kind": kind, **needed, secret.name: value}])


@pytest.mark.parametrize(
    ("check", "granted"),
    [
        ({"kind": "process", "program": "x"}, False), ({"kind": "process", "program": "x", "descriptors": "80%"}, True),
        ({"kind": "port", "port": 22, "user": "root"}, False), ({"kind": "port", "port": 22, "unit": "ssh"}, True),
        ({"kind": "port", "port": 22, "program": "sshd"}, True),
    ],
)
def test_a_check_that_looks_into_no_process_brings_no_capability(check: dict[str, Any], granted: bool) -> None:
    assert service.capabilities([{"name": "check", **check}]) == (["CAP_DAC_READ_SEARCH", "CAP_SYS_PTRACE"] if granted else [])


def test_kinds_bring_packages_capabilities_and_groups() -> None:
    for name, kind in KINDS.items():
        checks = [{"name": "x", "kind": name, **_needed(name)}]
        assert {item.debian for item in kind.packages if item.debian} <= set(service.packages(checks)["debian"])
        assert service.capabilities(checks) == sorted(kind.capabilities)
        unit = made(checks=checks)[1]["/etc/systemd/system/vigil-agent.service"]
        assert all(word in unit for word in (*kind.capabilities, *kind.groups))


def test_no_check_needs_no_capability() -> None:
    unit = made()[1]["/etc/systemd/system/vigil-agent.service"]
    assert "\nCapabilityBoundingSet=\n" in unit
    assert "Type=notify" in unit


def test_bad_checks_are_refused() -> None:
    with pytest.raises(InvalidInput, match="prot is no option of the kind tcp; did you mean port"):
        made(checks=[{**SSH, "prot": 1}])


def test_what_is_shipped_is_enough_to_start(tmp_path: Path) -> None:
    for path, content in package_files(service.PARTS).items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(content, encoding="utf-8")
    config = {**json.loads(made(tls=False, token="")[1]["/etc/vigil-agent/agent.json"]), "checks": [{"name": "load", "kind": "load"}]}
    (tmp_path / "agent.json").write_text(json.dumps(config), encoding="utf-8")
    start = f"import sys, runpy; sys.path.insert(0, {str(tmp_path)!r}); runpy.run_module('vigil.agent', run_name='__main__')"
    argv = [sys.executable, "-I", "-c", start, "--config", str(tmp_path / "agent.json"), "--check"]
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def _needed(kind: str) -> dict[str, Any]:
    """The options of the kind's own example, so that a check of it can be read."""
    example = yaml.safe_load(KINDS[kind].example)[0]
    return {key: value for key, value in example.items() if key not in ("name", "kind", "parents")}
