# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Prometheus' main configuration as a value, built from the role's options.

Paths in it are relative to the folder of the configuration file, so that a staged copy validates as it stands.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..model import InvalidInput
from .targets import Job

MACHINE_USER = "vigil"
PASSWORD_FILE = "secrets/vigil.password"
TOKEN_FILE = "secrets/agent.token"
TLS = {"ca_file": "tls/ca.crt", "cert_file": "tls/host.crt", "key_file": "tls/host.key", "min_version": "TLS12"}


def http_client(tls: bool, password: bool, password_file: str = PASSWORD_FILE, token: bool = False) -> dict[str, Any]:
    """Return how Prometheus speaks to one of ours: the client certificate, and the machine user or the token where it is asked for."""
    if not tls:
        return {"scheme": "http"}
    client: dict[str, Any] = {"scheme": "https", "tls_config": dict(TLS)}
    if password:
        client["basic_auth"] = {"username": MACHINE_USER, "password_file": password_file}
    if token:
        client["authorization"] = {"credentials_file": TOKEN_FILE}
    return client


def file_sd(name: str) -> list[dict[str, Any]]:
    """Return the discovery of one targets file; a change of that file needs no reload."""
    return [{"files": [f"file_sd/{name}.yml"]}]


def scrape_config(job: Job, tls: bool) -> dict[str, Any]:
    """Return the scrape configuration of a derived job."""
    return {"job_name": job.name, **http_client(tls, job.password, token=job.token), "file_sd_configs": file_sd(job.name)}


def probe_config(module: str, exporter: str, tls: bool) -> dict[str, Any]:
    """Return the job that asks one blackbox exporter at ``exporter`` to probe the targets of a module."""
    return {
        "job_name": f"blackbox-{module}", "metrics_path": "/probe", "params": {"module": [module]},
        **http_client(tls, False), "file_sd_configs": file_sd(f"blackbox-{module}"),
        "relabel_configs": [
            {"source_labels": ["__address__"], "target_label": "__param_target"},
            {"source_labels": ["__param_target"], "target_label": "instance"},
            {"target_label": "__address__", "replacement": exporter},
        ],
    }


def targets_config(name: str) -> dict[str, Any]:
    """Return the job of one key of ``prometheus_targets``: the operator's own targets, over plain HTTP."""
    return {"job_name": name, "file_sd_configs": file_sd(name)}


def alerting(tls: bool, own: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return where alerts go: the operator's list, or the Alertmanagers of the inventory."""
    derived = [{**http_client(tls, True), "file_sd_configs": file_sd("alertmanager")}]
    return {"alertmanagers": [dict(entry) for entry in own] or derived}


def check_jobs(configs: Sequence[Mapping[str, Any]]) -> None:
    """Refuse scrape configurations without a name, and names that stand twice."""
    seen: set[str] = set()
    for entry in configs:
        name = str(entry.get("job_name", ""))
        if not name:
            raise InvalidInput(f"A scrape configuration has no 'job_name': {dict(entry)}. Give it one.")
        if name in seen:
            raise InvalidInput(
                f"The scrape job '{name}' stands twice. Jobs derived from the inventory, the keys of prometheus_targets and "
                f"prometheus_scrape_configs share one set of names: rename one of them."
            )
        seen.add(name)


def build_config(options: Mapping[str, Any], jobs: Sequence[Job]) -> dict[str, Any]:
    """Return the whole configuration.

    ``options`` has global, external_labels, tls, alertmanager_config, alertmanagers (are there any in the inventory),
    targets, blackbox_targets, blackbox_exporter (an address), scrape_configs, scrape_config_files, remote_write, remote_read,
    agent_mode. Raises InvalidInput for job names that clash and for probes without an exporter.
    """
    tls = bool(options["tls"])
    scrapes = [scrape_config(job, tls) for job in jobs] + _probes(options, tls)
    scrapes += [targets_config(str(name)) for name in sorted(options["targets"])]
    scrapes += [dict(entry) for entry in options["scrape_configs"]]
    check_jobs(scrapes)
    config: dict[str, Any] = {"global": {**options["global"], **_external(options)}, "scrape_configs": scrapes}
    if options["scrape_config_files"]:
        config["scrape_config_files"] = ["scrapes/*.yml"]
    if options["remote_write"]:
        config["remote_write"] = list(options["remote_write"])
    if not options["agent_mode"]:
        config.update(_server_only(options, tls))
    return config


def _external(options: Mapping[str, Any]) -> dict[str, Any]:
    labels = options["external_labels"]
    return {"external_labels": dict(labels)} if labels else {}


def _server_only(options: Mapping[str, Any], tls: bool) -> dict[str, Any]:
    part: dict[str, Any] = {"rule_files": ["rules/*.yml"]}
    if options["remote_read"]:
        part["remote_read"] = list(options["remote_read"])
    if options["alertmanager_config"] or options["alertmanagers"]:
        part["alerting"] = alerting(tls, options["alertmanager_config"])
    return part


def _probes(options: Mapping[str, Any], tls: bool) -> list[dict[str, Any]]:
    wanted, exporter = options["blackbox_targets"], options["blackbox_exporter"]
    if wanted and not exporter:
        raise InvalidInput(
            "prometheus_blackbox_targets asks for probes, but the inventory has no host in the group 'blackbox_exporter'. "
            "Put a host into that group, or remove the targets."
        )
    return [probe_config(str(module), exporter, tls) for module in sorted(wanted)]
