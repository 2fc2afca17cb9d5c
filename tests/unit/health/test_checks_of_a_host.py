# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``vigil_checks`` of groups and hosts, read by Ansible's own inventory from real files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible.inventory.manager import InventoryManager
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar
from ansible.vars.hostvars import HostVars
from ansible.vars.manager import VariableManager
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.defaults import DEFAULT_CHECKS
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.model import InvalidInput
from ansible_collections.vigil.monitoring.plugins.plugin_utils.checks import host_checks

from tests.unit.plugin_loader import plugin_loader

HOSTS = {"all": {"children": {
    "monitored": {"hosts": {"web1": None, "db1": None}},
    "web": {"hosts": {"web1": None}, "vars": {"vigil_checks": [{"name": "web", "kind": "tcp", "port": 80, "parents": ["ssh"]}]}},
}}}
ALL = [{"name": "ssh", "kind": "tcp", "port": "{{ ssh_port }}"}, {"name": "load", "per_cpu": 7}]

OURS = {str(check["name"]) for check in DEFAULT_CHECKS}


@pytest.fixture(scope="module", autouse=True)
def _plugins() -> Iterator[None]:
    with plugin_loader():
        yield


@pytest.fixture
def inventory(tmp_path: Path) -> Path:
    for name in ("group_vars", "host_vars"):
        (tmp_path / name).mkdir()
    (tmp_path / "hosts.yml").write_text(yaml.safe_dump(HOSTS))
    (tmp_path / "group_vars/all.yml").write_text(yaml.safe_dump({"ssh_port": 22, "vigil_checks": ALL}))
    return tmp_path


def checks(folder: Path, host: str, **more: Any) -> dict[str, dict[str, Any]]:
    loader = DataLoader()
    manager = InventoryManager(loader, sources=[str(folder / "hosts.yml")])
    variables = VariableManager(loader, manager)
    found = variables.get_vars(host=manager.get_host(host))
    found.update(hostvars=HostVars(manager, variables, loader), **more)
    templar = Templar(loader, variables=found)
    return {check["name"]: check for check in host_checks(found, templar.template)}


def test_groups_and_host_are_merged_by_name(inventory: Path) -> None:
    (inventory / "host_vars/web1.yml").write_text(yaml.safe_dump({"vigil_checks": [{"name": "web", "port": 8080}]}))
    web, database = checks(inventory, "web1"), checks(inventory, "db1")
    assert (set(web) - OURS, set(database) - OURS) == ({"ssh", "web"}, {"ssh"})
    assert web["web"] == {"name": "web", "kind": "tcp", "port": 8080, "parents": ["ssh"]}
    assert int(database["ssh"]["port"]) == 22
    assert (database["load"]["kind"], database["load"]["per_cpu"]) == ("load", 7)


def test_a_host_takes_a_check_away(inventory: Path) -> None:
    (inventory / "host_vars/db1.yml").write_text(yaml.safe_dump({"vigil_checks": [{"name": "ssh", "enabled": False}]}))
    assert set(checks(inventory, "db1")) == OURS


def test_the_command_line_goes_over_all(inventory: Path) -> None:
    assert checks(inventory, "db1", vigil_checks=[{"name": "ssh", "port": 2222}])["ssh"]["port"] == 2222


def test_the_defaults_can_be_left_out(inventory: Path) -> None:
    (inventory / "group_vars/all.yml").write_text(yaml.safe_dump({"vigil_default_checks": False}))
    assert checks(inventory, "db1") == {}
    assert set(checks(inventory, "db1", vigil_default_checks="true")) == OURS


def test_what_contradicts_itself_is_refused(inventory: Path) -> None:
    (inventory / "host_vars/web1.yml").write_text(yaml.safe_dump({"vigil_checks": [{"name": "ssh", "parents": ["web"]}]}))
    with pytest.raises(InvalidInput, match="cycle: ssh -> web -> ssh"):
        checks(inventory, "web1")


def test_a_list_that_is_none_names_its_place(inventory: Path) -> None:
    (inventory / "host_vars/web1.yml").write_text(yaml.safe_dump({"vigil_checks": {"ssh": {}}}))
    with pytest.raises(InvalidInput, match="vigil_checks of the host web1: dict was found"):
        checks(inventory, "web1")
