# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the controller downloads for a host, and how it gets there."""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping
from typing import Any

from ansible.plugins.action import ActionBase
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.component.controller import fetch


def bring(action: ActionBase, wanted: Mapping[str, Any], options: Mapping[str, Any]) -> dict[str, Any]:
    """Download what the component asked for, copy it to the host, and return the options that say where it is.

    Raises VigilError. The caller removes the host's temporary folder when its next call is done.
    """
    fetched, given = fetch(wanted, options), {}
    if fetched.archive:
        folder = action._make_tmp_path()
        remote = action._connection._shell.join_path(folder, os.path.basename(fetched.archive))
        action._transfer_file(fetched.archive, remote)
        action._fixup_perms2((folder, remote))
        given.update(archive_path=remote, archive_sha256=fetched.sha256)
    if fetched.key:
        given["key_content"] = base64.b64encode(fetched.key).decode()
    return given
