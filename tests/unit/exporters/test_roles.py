# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a role's defaults, argument spec and plain values to its component and its service."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.component.spec import parse_spec
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.exporters.roles import EXPORTERS, Given, deployment
from ansible_collections.vigil.monitoring.plugins.plugin_utils.role_options import checked_values, options_of

ROLES = Path(__file__).parents[3] / "roles"
SHARED = {"host": "a", "tls": True, "tls_dir": "/store/a", "mirror_url": "http://everybodys"}
MODULES = {"m": {"prober": "tcp"}}
# Defaults that are made of others.
DERIVED = {"version": "1.2.3", "system_user": "u", "system_group": "g", "textfile_dir": "/var/lib/t", "configuration_modules": MODULES}


def given(role: str, **options: Any) -> Given:
    defaults = yaml.safe_load((ROLES / role / "defaults/main.yml").read_text(encoding="utf-8"))
    own = yaml.safe_load((ROLES / role / "vars/main.yml").read_text(encoding="utf-8"))[f"__{role}"]
    derived = {f"{role}_{name}": value for name, value in DERIVED.items() if f"{role}_{name}" in defaults}
    values, wrong = checked_values(options_of(role), {**defaults, **derived, **{f"{role}_{key}": value for key, value in options.items()}})
    assert wrong == []
    return Given(role, {name[len(role) + 1:]: value for name, value in values.items()}, own, SHARED)


@pytest.mark.parametrize("role", EXPORTERS)
def test_a_package_brings_its_user_and_an_archive_needs_one(role: str) -> None:
    package, archive = deployment(given(role)), deployment(given(role, install_source="archive"))
    specs = [done["component"]["spec"] for done in (package, archive)]
    assert [(spec["user"], spec["group"]) for spec in specs] == [("", ""), ("u", "g")]
    assert [parse_spec(spec).name for spec in specs] == [role, role]
    program = archive["config"]["program"]
    assert program == f"/usr/local/bin/{specs[1]['programs'][0]}"
    assert package["config"]["unit"] != archive["config"]["unit"] == f"{role}.service"


@pytest.mark.parametrize("role", EXPORTERS)
def test_a_mirror_of_the_role_goes_before_that_of_all(role: str) -> None:
    assert deployment(given(role))["component"]["mirror_url"] == "http://everybodys"
    assert deployment(given(role, mirror_url="http://own"))["component"]["mirror_url"] == "http://own"


def test_a_folder_of_text_files_that_a_group_writes_to() -> None:
    for group, mode in (("root", "0755"), ("adm", "0775")):
        directory = deployment(given("node_exporter", textfile_group=group))["component"]["spec"]["directories"][0]
        assert (directory["path"], directory["group"], directory["mode"], directory["data"]) == ("/var/lib/t", group, mode, True)


@pytest.mark.parametrize(("role", "option", "capability"), [
    ("process_exporter", "read_all_processes", "CAP_SYS_PTRACE"), ("blackbox_exporter", "icmp", "CAP_NET_RAW"),
])  # fmt: skip
def test_capabilities_by_option_also_where_it_is_given_as_text(role: str, option: str, capability: str) -> None:
    for value, there in ((True, True), ("no", False), ("yes", True)):
        unit = deployment(given(role, **{option: value}))["config"]["files"][0]["content"]
        assert (f"AmbientCapabilities={capability}" in unit) == there


def test_hardening_of_the_operator_goes_over_that_of_the_role() -> None:
    unit = deployment(given("node_exporter", hardening={"ProtectHome": "tmpfs"}))["config"]["files"][0]["content"]
    assert "ProtectHome=tmpfs" in unit
    assert "ProtectProc=default" in unit


def test_what_a_group_does_not_say_is_not_said() -> None:
    groups = deployment(given("process_exporter", groups=[{"name": "ssh", "comm": "sshd"}]))["config"]["files"][1]["document"]
    assert groups["process_names"][0] == {"comm": ["sshd"], "name": "ssh"}


def test_a_path_is_the_managed_hosts() -> None:
    values, _wrong = checked_values({"x": {"type": "path"}, "y": {"type": "bool"}}, {"x": "~/a", "y": "no"})
    assert values == {"x": "~/a", "y": False}


def test_a_wrong_type_and_an_unknown_key_are_told() -> None:
    specs = options_of("process_exporter")
    for value, words in (([{"name": "a", "cmd": "x"}], "process_exporter_groups.cmd"), (["a"], "process_exporter_groups")):
        assert words in " ".join(checked_values(specs, {"process_exporter_groups": value})[1])
