# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Command lines of the Prometheus programs, from options."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def flag_list(flags: Mapping[str, Any]) -> list[str]:
    """Return ``--name=value`` for each flag.

    A list gives the flag once for each value; true, None and an empty text give the bare flag, false ``--no-name``.
    """
    words: list[str] = []
    for name, value in flags.items():
        values = value if isinstance(value, (list, tuple)) else [value]
        words += [_flag(str(name), item) for item in values]
    return words


def _flag(name: str, value: Any) -> str:
    if value is True or value is None or value == "":
        return f"--{name}"
    return f"--no-{name}" if value is False else f"--{name}={value}"


def _set(flags: Mapping[str, Any]) -> dict[str, Any]:
    """Leave out what the operator did not set."""
    return {name: value for name, value in flags.items() if value not in (None, "")}


def server_command(program: str, options: Mapping[str, Any]) -> list[str]:
    """Return Prometheus' command line.

    ``options`` has config_dir, db_dir, listen, web_config (is there one), external_url, retention, retention_size, agent_mode,
    version ("" where the distribution chooses), admin_api, extra (flags that win over ours).
    """
    mode = _agent_flags(options) if options["agent_mode"] else _storage_flags(options)
    flags = _set({
        "config.file": f"{options['config_dir']}/prometheus.yml", "web.listen-address": options["listen"],
        "web.config.file": f"{options['config_dir']}/web.yml" if options["web_config"] else None,
        "web.external-url": options["external_url"], "web.enable-admin-api": True if options["admin_api"] else None, **mode,
    })
    return [program, *flag_list({**flags, **options["extra"]})]


def _storage_flags(options: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "storage.tsdb.path": options["db_dir"], "storage.tsdb.retention.time": options["retention"],
        "storage.tsdb.retention.size": options["retention_size"],
    }


def _agent_flags(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return the flags of agent mode: a feature flag up to 2.x (what distributions ship today), an own flag from 3.0 on."""
    major = str(options["version"]).partition(".")[0]
    mode = {"agent": True} if major.isdigit() and int(major) >= 3 else {"enable-feature": "agent"}
    return {**mode, "storage.agent.path": options["db_dir"]}


def alertmanager_command(program: str, options: Mapping[str, Any]) -> list[str]:
    """Return Alertmanager's command line.

    ``options`` has config_dir, db_dir, listen, web_config, external_url, cluster (listen address, "" for none), peers,
    cluster_tls (is the gossip encrypted), retention, extra (flags that win over ours).
    """
    flags = _set({
        "config.file": f"{options['config_dir']}/alertmanager.yml", "storage.path": options["db_dir"],
        "data.retention": options["retention"], "web.listen-address": options["listen"],
        "web.config.file": f"{options['config_dir']}/web.yml" if options["web_config"] else None,
        "web.external-url": options["external_url"], "cluster.listen-address": options["cluster"],
        "cluster.tls-config": f"{options['config_dir']}/cluster_tls.yml" if options["cluster_tls"] else None,
    })
    gossip = [f"--cluster.peer={peer}" for peer in options["peers"]] if options["cluster"] else ["--cluster.listen-address="]
    return [program, *flag_list({**flags, **options["extra"]}), *gossip]
