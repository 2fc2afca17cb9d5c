# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filters of the roles prometheus and alertmanager: the package's pure functions, with an operator's error."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil import addresses, alertmanager, flags
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.model import InvalidInput
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.prometheus import config, coverage, targets
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.secret_values import secret_values


def _with_words(function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*args, **kwargs)
        except InvalidInput as error:
            raise AnsibleFilterError(str(error)) from error

    return call


def prometheus_config(options: Mapping[str, Any], jobs: Mapping[str, Any]) -> dict[str, Any]:
    return config.build_config(options, targets.parse_jobs(jobs))


def prometheus_discovery(
    jobs: Mapping[str, Any],
    groups: Mapping[str, Any],
    hostvars: Mapping[str, Any],
    own: Mapping[str, Any],
    blackbox: Mapping[str, Any],
) -> dict[str, Any]:
    return targets.discovery(targets.parse_jobs(jobs), groups, hostvars, own, blackbox)


def host_endpoint(host: str, hostvars: Mapping[str, Any], port: int, listen_option: str = "") -> str:
    job = targets.Job(name=host, group="", port=int(port), listen_option=listen_option)
    return addresses.endpoint(addresses.host_address(host, hostvars[host]), targets.port_of(job, hostvars[host]))


def peer_endpoints(members: list[str], own: str, hostvars: Mapping[str, Any], listen: str) -> list[str]:
    port = addresses.split_listen_address(listen)[1]
    return [host_endpoint(name, hostvars, port) for name in members if name != own]


class FilterModule:
    """Names of the filters."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        return {
            "prometheus_config": _with_words(prometheus_config),
            "prometheus_discovery": _with_words(prometheus_discovery),
            "prometheus_coverage": coverage.rules,
            "prometheus_command": _with_words(flags.server_command),
            "alertmanager_config": _with_words(alertmanager.build_config),
            "peer_endpoints": _with_words(peer_endpoints),
            "secret_values": secret_values,
            "alertmanager_command": _with_words(flags.alertmanager_command),
            "host_endpoint": _with_words(host_endpoint),
            "local_url": _with_words(addresses.local_url),
        }
