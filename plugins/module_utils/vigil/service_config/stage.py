# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole set in a private folder, read there by its validators before anything is touched."""

from __future__ import annotations

import glob
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ..files import write_new
from ..model import VigilError
from .decide import Plan
from .host import Host
from .observe import Observed
from .spec import Spec, Validator


@contextmanager
def staged(spec: Spec, seen: Observed, plan: Plan) -> Iterator[str]:
    """Mirror / with the files of the set in a folder that only this user can enter, and remove it in the end."""
    folder = tempfile.mkdtemp(prefix=f"vigil-stage-{spec.name}-")
    try:
        for item in spec.files:
            content = seen.files[item.dest].content if item.dest in plan.kept else item.content
            path = folder + item.dest
            os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
            write_new(path, content, 0o700 if item.mode & 0o100 else 0o600)
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def sweep(spec: Spec) -> None:
    """Remove stages that killed runs of this set left. Only for whoever holds the set's lock."""
    start = f"{tempfile.gettempdir()}/vigil-stage-{spec.name}-"
    for folder in glob.glob(glob.escape(start) + "????????"):
        if os.lstat(folder).st_uid == os.geteuid():
            shutil.rmtree(folder, ignore_errors=True)


def validate(host: Host, spec: Spec, folder: str, check: bool) -> list[dict[str, Any]]:
    """Run every validator. Raises VigilError with the words of one that refuses, or of one that did not end by itself."""
    return [_one(host, item, folder, check) for item in spec.validators]


def _one(host: Host, item: Validator, folder: str, check: bool) -> dict[str, Any]:
    argv = [part.replace("{stage}", folder) for part in item.argv]
    shown = list(item.argv)
    if shutil.which(argv[0]) is None:
        if not check:
            raise VigilError(f"{argv[0]} is not installed and the set cannot be validated without it. Install it, then run again."
                             " Nothing was changed.", validator=shown)
        return {"argv": shown, "result": f"not validated: {argv[0]} is not installed yet"}
    done = host.system.run(argv, timeout=item.timeout)
    words = host.mask(done.words.replace(folder, ""))[-8000:]
    if done.rc == 0:
        return {"argv": shown, "result": "passed", "words": words}
    program = os.path.basename(argv[0])
    if done.rc is None or done.rc < 0:
        how = words if done.rc is None else f"it was ended by signal {-done.rc}"
        raise VigilError(f"Whether the set is right is unknown: {program} gave no verdict, {how}. Nothing was changed.",
                         validator=shown, words=words)
    raise VigilError(f"The new set is refused by {program} (exit status {done.rc}); nothing was changed. It says:\n{words}",
                     validator=shown, words=words)
