# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The link that says which version of a program is current, and turning it back to the version that ran."""

from __future__ import annotations

import os
from dataclasses import dataclass

from ..files import fsync_folder


@dataclass(frozen=True)
class VersionLink:
    """``path`` is a symbolic link beside the folders of the versions; ``old`` names the folder that the running process is from."""

    path: str
    old: str


def version_link(program: str | None, running: str | None) -> VersionLink | None:
    """Return the link to turn where another version than the running one is current now; None where there is none such.

    It is the link on the way from ``program`` to its file that would, turned to a folder beside it, lead to ``running``.
    """
    path, turns = program, 0
    while path and running and os.path.exists(running) and turns < 40:
        link = _first_link(path)
        if link is None:
            return None
        folder, rest = os.path.dirname(link), path[len(link):]
        old = running[len(folder) + 1:].split("/")[0] if running.startswith(f"{folder}/") else ""
        if old and rest and running == f"{folder}/{old}{rest}" and os.readlink(link) != old:
            return VersionLink(link, old)
        path, turns = os.path.normpath(os.path.join(folder, os.readlink(link)) + rest), turns + 1
    return None


def turn_back(link: VersionLink) -> None:
    """Point the link to the old version, in one step. Done twice it does the same."""
    beside = f"{link.path}.vigil-old"
    if os.path.lexists(beside):
        os.unlink(beside)
    os.symlink(link.old, beside)
    os.replace(beside, link.path)
    fsync_folder(os.path.dirname(link.path))


def _first_link(path: str) -> str | None:
    parts = path.split("/")
    ways = ("/".join(parts[:count]) for count in range(2, len(parts) + 1))
    return next((way for way in ways if os.path.islink(way)), None)
