# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an exporter is as a service: its unit, its files, how it is tried, and how it proves that it serves.

One function for all of them, called once a host: every Jinja expression that a role has instead costs each host of the
inventory about a millisecond of the controller's time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..addresses import local_url
from ..unit_file import unit_file
from ..web_config import build_web_config
from .blackbox import blackbox_configuration
from .flags import blackbox_exporter_command, dry_start, node_exporter_command, process_exporter_command
from .process_groups import process_groups

Role = Mapping[str, Any]
Command = Callable[[str, Mapping[str, Any]], list[str]]


def node_exporter(role: Role) -> dict[str, Any]:
    """Return the options of service_config for node_exporter; see `exporter` for ``role``."""
    return exporter(role, node_exporter_command, proof=[_build_info(role)])


def process_exporter(role: Role) -> dict[str, Any]:
    """Return the options of service_config for process_exporter, whose ``groups`` and ``others`` are in ``role`` too."""
    config = f"{role['config_dir']}/groups.yml"
    document = {"dest": config, "document": process_groups(role["groups"], role["others"]), "on_change": "restart"}
    proof = [{"metric": "process_exporter_build_info", "value": 1}]
    return exporter(role, process_exporter_command, document, {"config": config}, {"config.path": config}, proof)


def blackbox_exporter(role: Role) -> dict[str, Any]:
    """Return the options of service_config for blackbox_exporter, whose ``modules`` are in ``role`` too."""
    config = f"{role['config_dir']}/blackbox.yml"
    document = {"dest": config, "document": blackbox_configuration(role["modules"]), "on_change": "reload"}
    proof: list[dict[str, Any]] = [_build_info(role), {"metric": "blackbox_exporter_config_last_reload_successful", "value": 1}]
    proof.append({"metric": "blackbox_exporter_config_last_reload_success_timestamp_seconds", "moved": True})
    done = exporter(role, blackbox_exporter_command, document, {"config": config}, {"config.file": config}, proof)
    check = {"argv": [role["source"]["program"], "--config.check", f"--config.file={{stage}}{config}"]}
    return {**done, "validate": [check, *done["validate"]]}


def exporter(
    role: Role,
    command: Command,
    document: Mapping[str, Any] | None = None,
    flags: Mapping[str, Any] | None = None,
    trial: Mapping[str, str] | None = None,
    proof: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """Return the options of service_config for one exporter.

    ``role``: name, description, host, archive (else a package), version, source (program, unit, unit_file), config_dir, user, group,
    listen, path, tls, tls_dir (on the controller), users, tls_server_config, http_server_config, flags (of the command), reload,
    capabilities, hardening, enabled, hand_edits. ``document`` is the program's own configuration, ``flags`` and ``trial`` say where it
    is. A file may hold a ``document`` in place of its content. Raises InvalidInput for what the program would refuse.
    """
    tls, web_file = bool(role["tls"]), f"{role['config_dir']}/web.yml"
    web = _web(role, tls)
    web_flags = {"listen": role["listen"], "path": role["path"], "web_config": web_file if web else ""}
    argv = command(role["source"]["program"], {**role["flags"], **web_flags, **(flags or {})})
    shared = {"mode": "0640", "group": role["group"]}
    files = [{"dest": role["source"]["unit_file"], "content": unit_file(_unit(role, argv))}]
    files += [{**shared, **document}] if document else []
    # Read anew for each connection; whether there is any is in the command, and so in the unit.
    files += [{**shared, "dest": web_file, "document": web, "secret": bool(role["users"]), "on_change": "none"}] if web else []
    tried = _trial(argv, web_flags["web_config"], trial or {})
    return {
        "name": role["name"], "unit": role["source"]["unit"], "program": role["source"]["program"], "files": files,
        "trees": [_tls_tree(role)] if tls else [], "validate": [{"argv": tried, "timeout": 20}],
        "ready": _ready(role, tls), "proof": _proof(role, tls, proof), "enabled": role["enabled"], "hand_edits": role["hand_edits"],
    }


def _web(role: Role, tls: bool) -> dict[str, Any]:
    return build_web_config(
        role["users"], host=role["host"], role=role["name"], tls=tls, client_certificates=tls,
        tls_server_config=role["tls_server_config"], http_server_config=role["http_server_config"],
    )


def _unit(role: Role, argv: Sequence[str]) -> dict[str, Any]:
    kept = {key: role[key] for key in ("description", "user", "group", "reload", "capabilities", "hardening")}
    return {**kept, "exec": list(argv), "drop_in": not role["archive"]}


def _trial(argv: Sequence[str], web_file: str, trial: Mapping[str, str]) -> list[str]:
    """The program is tried apart, on a free port, with the staged files."""
    staged = {name: f"{{stage}}{path}" for name, path in {"web.config.file": web_file, **trial}.items() if path}
    return dry_start(argv, {"web.listen-address": "127.0.0.1:0", **staged})


def _tls_tree(role: Role) -> dict[str, Any]:
    dest = f"{role['config_dir']}/tls"
    return {"src": role["tls_dir"], "dest": dest, "mode": "0640", "group": role["group"], "secret": True, "on_change": "none"}


def _url(role: Role, tls: bool) -> str:
    return local_url(role["listen"], tls, role["path"])


def _ready(role: Role, tls: bool) -> dict[str, Any]:
    """With users, whose passwords may be hashes only, the answer "who are you" is all that can be asked for."""
    files = {"ca": "ca.crt", "cert": "host.crt", "key": "host.key"} if tls else {}
    client = {option: f"{role['config_dir']}/tls/{name}" for option, name in files.items()}
    return {"url": _url(role, tls), "status": [401] if role["users"] else [200], "timeout": 30, **client}


def _proof(role: Role, tls: bool, proof: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    return [] if role["users"] else [{**item, "url": _url(role, tls)} for item in proof]


def _build_info(role: Role) -> dict[str, Any]:
    labels = {"version": role["version"]} if role["archive"] else {}
    return {"metric": f"{role['name']}_build_info", "labels": labels, "value": 1}
