# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From the options of an exporter's role to what the action deploy asks for: its component and its configuration.

All of it is one function of plain values. Ansible compiles each Jinja expression anew for each host, which costs about a
millisecond of the controller's time; the sixty that a role would need are most of what a run with nothing to do costs there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from . import service

Options = Mapping[str, Any]


@dataclass(frozen=True)
class Given:
    """What a role starts from.

    ``options``: its options in their types, by name less the role's prefix. ``own``: the plain values of its vars/main.yml
    (description, packages, programs, sources, hardening, reload). ``shared``: host, tls, tls_dir (on the controller) and mirror_url.
    """

    name: str
    options: Options
    own: Mapping[str, Any]
    shared: Mapping[str, Any]

    @property
    def archive(self) -> bool:
        """Whether the program comes from upstream's archive; else from the distribution's package."""
        return bool(self.options["install_source"] == "archive")

    @property
    def source(self) -> dict[str, Any]:
        """The paths of the program and its unit where it comes from. A program without a path lies in the folder of the option."""
        source = dict(self.own["sources"][self.options["install_source"]])
        if "/" not in source["program"]:
            source["program"] = f"{self.options['binary_install_dir']}/{source['program']}"
        return source


def deployment(given: Given) -> dict[str, Any]:
    """Return the options role, state, component and config of the action deploy. Raises InvalidInput for what the program would refuse."""
    options = given.options
    mirror = options["mirror_url"] or given.shared["mirror_url"]
    component = {"spec": _component(given), "purge": options["purge"], "mirror_url": mirror}
    return {"role": given.name, "state": options["state"], "component": component, "config": EXPORTERS[given.name](given)}


def _component(given: Given) -> dict[str, Any]:
    options = given.options
    # A package brings its own user.
    user, group = (options["system_user"], options["system_group"]) if given.archive else ("", "")
    archive = {"url": options["binary_url"], "checksums_url": options["checksums_url"], "checksums": options["checksums"]}
    spec = {
        "name": given.name, "source": options["install_source"], "version": options["version"] or "", "packages": given.own["packages"],
        "archive": archive, "programs": given.own["programs"], "install_dir": options["binary_install_dir"], "unit": given.source["unit"],
        "user": user, "group": group, "config_dir": options["config_dir"],
    }
    return {**spec, "directories": [_textfile_dir(options)]} if given.name == "node_exporter" else spec


def _textfile_dir(options: Options) -> dict[str, Any]:
    group = options["textfile_group"]
    return {"path": options["textfile_dir"], "group": group, "mode": "0755" if group == "root" else "0775", "data": True}


def _role(given: Given, flags: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """What `service.exporter` calls a role."""
    options, shared = given.options, given.shared
    kept = {key: options[key] for key in ("config_dir", "tls_server_config", "http_server_config", "enabled", "hand_edits")}
    hardening = {**given.own.get("hardening", {}), **options["hardening"]}
    return {
        **kept, "name": given.name, "description": given.own["description"], "host": shared["host"], "archive": given.archive,
        "version": options["version"] or "", "source": given.source, "user": options["system_user"], "group": options["system_group"],
        "listen": options["web_listen_address"], "path": options.get("web_telemetry_path", "/metrics"), "tls": shared["tls"],
        "tls_dir": shared["tls_dir"], "users": options["basic_auth_users"], "reload": given.own.get("reload", []), "capabilities": [],
        "hardening": hardening, "flags": {**flags, "extra": options["flags_extra"]}, **more,
    }


def _node_exporter(given: Given) -> dict[str, Any]:
    options = given.options
    flags = {key: options[key] for key in ("textfile_dir", "systemd_units", "mount_points_exclude")}
    flags.update(enabled=options["enabled_collectors"], disabled=options["disabled_collectors"])
    return service.node_exporter(_role(given, flags))


def _process_exporter(given: Given) -> dict[str, Any]:
    options = given.options
    flags = {key: options[key] for key in ("children", "threads", "recheck")}
    # The argument spec fills in what a group does not say.
    groups = [{key: value for key, value in group.items() if value is not None} for group in options["groups"]]
    capabilities = ["CAP_SYS_PTRACE", "CAP_DAC_READ_SEARCH"] if options["read_all_processes"] else []
    role = _role(given, {**flags, "smaps": options["gather_smaps"]}, capabilities=capabilities, groups=groups, others=options["others"])
    return service.process_exporter(role)


def _blackbox_exporter(given: Given) -> dict[str, Any]:
    options = given.options
    capabilities = ["CAP_NET_RAW"] if options["icmp"] else []
    return service.blackbox_exporter(_role(given, {}, capabilities=capabilities, modules=options["configuration_modules"]))


EXPORTERS: dict[str, Callable[[Given], dict[str, Any]]] = {
    "node_exporter": _node_exporter, "process_exporter": _process_exporter, "blackbox_exporter": _blackbox_exporter,
}
