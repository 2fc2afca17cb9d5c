# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filters of the role health_agent."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.agent import service
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.model import VigilError
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.plain import plain
from ansible_collections.vigil.monitoring.plugins.plugin_utils.package_files import package_files


def _with_words(function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)
    def call(value: Any) -> Any:
        try:
            return function(plain(value))
        except VigilError as error:
            raise AnsibleFilterError(str(error)) from None

    return call


def health_agent_service(role: Mapping[str, Any]) -> dict[str, Any]:
    """Return the options of service_config for the agent, with the package's files in them."""
    return service.health_agent(role, package_files(service.PARTS))


def health_agent_packages(checks: Sequence[Mapping[str, Any]]) -> dict[str, list[str]]:
    """Return the distributions' packages that these checks need."""
    return service.packages(checks)


class FilterModule:
    """What ansible-core asks for."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by name."""
        return {
            "health_agent_service": _with_words(health_agent_service),
            "health_agent_packages": _with_words(health_agent_packages),
        }
