# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""YAML documents as the text of managed files."""

from __future__ import annotations

from typing import Any

import yaml
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.plain import plain

HEAD = "# Managed by Ansible (vigil.monitoring): changes made here are replaced.\n"


def as_yaml(value: Any) -> str:
    """Return a document in the order given, with a word on who wrote it; to_nice_yaml of older cores knows no data tags and sorts."""
    return HEAD + yaml.safe_dump(plain(value), sort_keys=False, allow_unicode=True, width=140)
