# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filters of the exporters' roles: each makes the whole configuration of a service from one value."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.exporters import service
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.model import VigilError
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.plain import plain
from ansible_collections.vigil.monitoring.plugins.plugin_utils.documents import as_yaml


def _with_words(function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)
    def call(*args: Any, **kwargs: Any) -> Any:
        try:
            return function(*plain(list(args)), **plain(kwargs))
        except VigilError as error:
            raise AnsibleFilterError(str(error)) from None

    return call


def _service(build: Callable[[Mapping[str, Any]], dict[str, Any]]) -> Callable[..., Any]:
    """The package knows no YAML: a file's document becomes its content here."""

    def service(role: Mapping[str, Any]) -> dict[str, Any]:
        config = build(role)
        return {**config, "files": [_written(item) for item in config["files"]]}

    return _with_words(service)


def _written(item: dict[str, Any]) -> dict[str, Any]:
    document = item.pop("document", None)
    return item if document is None else {**item, "content": as_yaml(document)}


class FilterModule:
    """What ansible-core asks for."""

    def filters(self) -> dict[str, Callable[..., Any]]:
        """Return the filters by name."""
        return {
            "node_exporter_service": _service(service.node_exporter),
            "process_exporter_service": _service(service.process_exporter),
            "blackbox_exporter_service": _service(service.blackbox_exporter),
        }
