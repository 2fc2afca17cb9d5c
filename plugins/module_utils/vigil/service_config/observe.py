# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is on the host: the files of the set, what the last run left, the unit and its process. Read only."""

from __future__ import annotations

import glob
import grp
import json
import os
import pwd
import stat
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..files import sha256
from ..model import VigilError
from ..systemd import PROPERTIES, UnitState, unit_state
from .host import Host
from .program import VersionLink, version_link
from .spec import Spec


@dataclass(frozen=True)
class Seen:
    """One path: ``kind`` is file, absent, folder, symlink or other. Content is there for files only."""

    kind: str = "absent"
    content: bytes = field(default=b"", repr=False)
    mode: int = 0
    uid: int = -1
    gid: int = -1

    @property
    def sha256(self) -> str:
        """The fingerprint of the content."""
        return sha256(self.content)


@dataclass(frozen=True)
class Observed:
    """The host before anything is decided.

    ``running`` is the file that the unit's main process was started from, None where nobody can tell; ``wanted`` is what
    ``program`` resolves to, and ``link`` leads from one to the other. ``uids`` and ``gids`` map the owners and groups of the
    set, None for one that does not exist.
    """

    files: Mapping[str, Seen]
    manifest: Mapping[str, Any] | None
    unit: UnitState | None = None
    running: str | None = None
    wanted: str | None = None
    uids: Mapping[str, int | None] = field(default_factory=dict)
    gids: Mapping[str, int | None] = field(default_factory=dict)
    purgeable: tuple[str, ...] = ()
    link: VersionLink | None = None

    @property
    def owned(self) -> Mapping[str, Any]:
        """The files of the last run, by path."""
        return dict(self.manifest["files"]) if self.manifest else {}


def observe(host: Host, spec: Spec) -> Observed:
    """Look at everything the decision needs."""
    manifest = read_manifest(host, spec)
    purgeable = tuple(sorted({path for pattern in spec.purge for path in glob.glob(pattern) if os.path.isfile(path)}))
    owned = manifest["files"] if manifest else {}
    paths = {item.dest for item in spec.installed} | set(owned) | set(purgeable)
    unit = show_unit(host, spec.unit) if spec.unit else None
    running = _running(host, unit)
    return Observed(
        files={path: look(path) for path in sorted(paths)}, manifest=manifest, unit=unit,
        running=running, wanted=os.path.realpath(spec.program) if spec.program else None,
        uids=_ids({item.owner for item in spec.installed}, _uid), gids=_ids({item.group for item in spec.installed}, _gid),
        purgeable=purgeable, link=version_link(spec.program, running),
    )


def read_manifest(host: Host, spec: Spec) -> dict[str, Any] | None:
    """Return what the last proven run left of a set; None where there was none. Raises VigilError where it is damaged."""
    path = f"{host.home(spec)}/manifest.json"
    content = host.system.read(path)
    if content is None:
        return None
    try:
        manifest = json.loads(content)
        return {"files": dict(manifest["files"]), "folders": list(manifest["folders"]), "unit": manifest.get("unit")}
    except (ValueError, KeyError, TypeError) as error:
        raise VigilError(
            f"{path} is damaged ({error}); it lists the files this set owns. Remove it, and files that have left the set since"
            " by hand, then run again."
        ) from error


def look(path: str) -> Seen:
    """Look at one path without following it."""
    try:
        seen = os.lstat(path)
    except FileNotFoundError:
        return Seen()
    except NotADirectoryError as error:
        raise VigilError(f"{path} cannot be there: a part of its path is a file and no folder. Move that file away.") from error
    kinds = ((stat.S_ISREG, "file"), (stat.S_ISDIR, "folder"), (stat.S_ISLNK, "symlink"))
    kind = next((word for test, word in kinds if test(seen.st_mode)), "other")
    content = _content(path) if kind == "file" else b""
    return Seen(kind, content, stat.S_IMODE(seen.st_mode), seen.st_uid, seen.st_gid)


def show_unit(host: Host, unit: str) -> UnitState:
    """Ask systemd for a unit. Raises VigilError where systemd does not answer: that is unknown, not down."""
    done = host.system.run(["systemctl", "show", unit, "--property=" + ",".join(PROPERTIES)], timeout=30)
    if done.rc != 0 or "ActiveState=" not in done.out:
        raise VigilError(f"The state of {unit} is unknown, systemctl did not answer: {done.words or 'no words'}.")
    return unit_state(done.out)


def _content(path: str) -> bytes:
    with open(path, "rb") as handle:
        return handle.read()


def _running(host: Host, unit: UnitState | None) -> str | None:
    if unit is None or not unit.main_pid:
        return None
    try:
        return os.readlink(f"{host.places.proc}/{unit.main_pid}/exe")
    except OSError:
        return None


def _ids(names: Iterable[str], find: Any) -> dict[str, int | None]:
    return {name: int(name) if name.isdigit() else find(name) for name in sorted(names)}


def _uid(name: str) -> int | None:
    try:
        return pwd.getpwnam(name).pw_uid
    except KeyError:
        return None


def _gid(name: str) -> int | None:
    try:
        return grp.getgrnam(name).gr_gid
    except KeyError:
        return None
