# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Taking a set away: its unit stopped, its files removed, its folders where they are empty."""

from __future__ import annotations

import os
import shutil

from .decide import Change, Decision
from .host import Host
from .observe import Observed, show_unit
from .spec import Spec
from .swap import remove_empty
from .unit import control


def plan_removal(spec: Spec, seen: Observed) -> tuple[tuple[Change, ...], Decision, bool | None]:
    """Return the files to remove, what happens to the unit, and False where it has to be disabled."""
    paths = sorted({*seen.owned, *seen.purgeable})
    gone = tuple(
        Change("remove", path, "the set shall be absent", "none", None, seen.files[path], bool(seen.owned.get(path, {}).get("secret")))
        for path in paths if seen.files[path].kind == "file"
    )
    unit = seen.unit
    if unit is None or not unit.is_there:
        return gone, Decision("none", "no unit is there"), None
    stop = unit.is_up or unit.active == "activating"
    action = Decision("stop" if stop else "none", f"{spec.unit} shall be absent and is {unit.words}")
    return gone, action, False if unit.file_state in ("enabled", "enabled-runtime") else None


def remove(host: Host, spec: Spec, seen: Observed, gone: tuple[Change, ...], action: Decision, enable: bool | None) -> None:
    """Remove the set. The list of what it owns goes last, so that a run that was cut off is completed by the next."""
    if spec.unit and action.action == "stop":
        control(host, "stop", spec.unit, timeout=180)
    if spec.unit and enable is False:
        control(host, "disable", spec.unit)
    for change in gone:
        os.unlink(change.path)
        host.hook(f"removed {change.path}")
    for folder in sorted(seen.manifest["folders"] if seen.manifest else (), reverse=True):
        remove_empty(folder)
    if any(change.path.startswith(host.places.units + "/") for change in gone):
        control(host, "daemon-reload")
    if spec.unit and seen.unit and seen.unit.active == "failed" and show_unit(host, spec.unit).active == "failed":
        control(host, "reset-failed", spec.unit)
    shutil.rmtree(host.home(spec), ignore_errors=True)
    remove_empty(host.places.state)
    remove_empty(os.path.dirname(host.places.state))
