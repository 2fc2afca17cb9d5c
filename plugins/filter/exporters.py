# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filters of the exporters' roles: thin doors to the package's functions of the same names."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.exporters import blackbox, flags, process_groups
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.model import VigilError
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.plain import plain


def _with_words(function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*plain(list(args)), **plain(kwargs))
        except VigilError as error:
            raise AnsibleFilterError(str(error)) from None

    return call


def node_exporter_command(options: Mapping[str, Any], program: str) -> list[str]:
    return flags.node_exporter_command(program, options)


def process_exporter_command(options: Mapping[str, Any], program: str) -> list[str]:
    return flags.process_exporter_command(program, options)


def blackbox_exporter_command(options: Mapping[str, Any], program: str) -> list[str]:
    return flags.blackbox_exporter_command(program, options)


def exporter_dry_start(argv: Sequence[str], replace: Mapping[str, str]) -> list[str]:
    return flags.dry_start(argv, {name: value for name, value in replace.items() if value})


class FilterModule:
    """What ansible-core asks for."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by name."""
        return {
            "node_exporter_command": _with_words(node_exporter_command),
            "process_exporter_command": _with_words(process_exporter_command),
            "blackbox_exporter_command": _with_words(blackbox_exporter_command),
            "exporter_dry_start": _with_words(exporter_dry_start),
            "process_groups": _with_words(process_groups.process_groups),
            "blackbox_configuration": _with_words(blackbox.blackbox_configuration),
        }
