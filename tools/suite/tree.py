# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A clean copy of the tree, as a person who clones it gets it: tracked files, and new ones that git does not ignore."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from .parts import ROOT

# They make a collection of the checkout; `playbooks/collections` is found whatever the search path is (AWX sets its own).
LINKS = ("collections/ansible_collections", "playbooks/collections")


def files(root: Path = ROOT) -> list[str]:
    """Paths below ``root`` that git tracks or would add, and that are there."""
    argv = ["git", "-C", str(root), "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    names = sorted({name for name in done.stdout.split("\0") if name})
    return [name for name in names if (root / name).is_symlink() or (root / name).is_file()]


def copy(target: Path, root: Path = ROOT, skip: tuple[str, ...] = ()) -> Path:
    """Copy the tree to ``target``, less the paths that begin with one of ``skip``; links stay links. Returns ``target``."""
    for name in files(root):
        if not name.startswith(skip or ("\0",)):
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(root / name, target / name, follow_symlinks=False)
    return target


def collection(folder: Path) -> Path:
    """A copy below ``folder``/ansible_collections, where ansible-test and ansible-lint look for a collection.

    The links that make the checkout itself importable are left out: there they would lead into themselves.
    """
    return copy(folder / "ansible_collections" / "vigil" / "monitoring", skip=LINKS)
