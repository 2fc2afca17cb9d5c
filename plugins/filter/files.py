# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filters that put together the list of files for service_config."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ansible.errors import AnsibleFilterError
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.file_set import file_set, from_paths
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.model import InvalidInput
from ansible_collections.vigil.monitoring.plugins.plugin_utils.documents import as_yaml


def files_from_paths(paths: Iterable[str], folder: str, on_change: str = "reload") -> list[dict[str, Any]]:
    """Return a file below ``folder`` for each path on the controller."""
    try:
        return from_paths(paths, folder, on_change)
    except InvalidInput as error:
        raise AnsibleFilterError(str(error)) from error


def files_from_documents(documents: Mapping[str, Any], folder: str, on_change: str = "none") -> list[dict[str, Any]]:
    """Return one YAML file below ``folder`` for each document, named by its key."""
    return [{"dest": f"{folder}/{name}.yml", "content": as_yaml(item), "on_change": on_change} for name, item in sorted(documents.items())]


class FilterModule:
    """Names of the filters."""

    def filters(self) -> dict[str, Any]:
        """Return the filters by name."""
        return {
            "file_set": file_set, "files_from_paths": files_from_paths, "files_from_documents": files_from_documents, "as_yaml": as_yaml,
        }
