# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The journal of one change: written before anything is swapped, so that whoever finds it can go back or finish.

States, in order: preparing (copies are being laid out), swapping (files change place), swapped (all are in place, nothing is
proven), proven (only cleaning up is left); on the way back: restoring, restored. Everything before proven leads back to the
old set.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from ..files import fsync_folder, sha256, write_atomic
from ..model import VigilError
from .decide import Decision, Plan
from .host import Host
from .observe import Observed
from .program import VersionLink
from .spec import Spec


@dataclass(frozen=True)
class Entry:
    """One path: ``kind`` is add, replace or remove; the hashes are of the old and the new content."""

    path: str
    kind: str
    old: str = ""
    new: str = ""

    def beside(self, what: str) -> str:
        """The hidden name beside the path under which its old or new file waits; the same in every run."""
        folder, _name = os.path.split(self.path)
        return f"{folder}/.vigil-{sha256(self.path.encode())[:16]}.{what}"


@dataclass(frozen=True)
class Journal:
    """What is being changed, and what it takes to go back. ``touched`` says that the unit may have been."""

    state: str
    entries: tuple[Entry, ...]
    folders: tuple[str, ...]
    manifest: Mapping[str, Any]
    unit: str | None = None
    was_up: bool = False
    was_enabled: str = ""
    action: str = "none"
    enable: bool | None = None
    units_changed: bool = False
    touched: bool = False
    pid: int = 0
    since: float = 0.0
    link: VersionLink | None = None


@dataclass
class Log:
    """The journal on disk, in the folder of its set."""

    host: Host
    home: str
    journal: Journal = field(default_factory=lambda: Journal("preparing", (), (), {}))

    @property
    def path(self) -> str:
        """Where it lies."""
        return f"{self.home}/journal.json"

    def write(self, state: str, **changed: Any) -> None:
        """Put the next state on the disk before it becomes true."""
        self.journal = replace(self.journal, state=state, **changed)
        write_atomic(self.path, json.dumps(asdict(self.journal)).encode(), 0o600)
        self.host.hook(f"journal {state}")

    def note(self, state: str) -> None:
        """Write a state of the way back. A full disk does not stop that way: the state before leads to the same end."""
        try:
            self.write(state)
        except (VigilError, OSError):
            return

    def drop(self) -> None:
        """The change is over."""
        os.unlink(self.path)
        fsync_folder(self.home)
        self.host.hook("journal dropped")


def new_journal(host: Host, spec: Spec, seen: Observed, plan: Plan, decision: Decision) -> Journal:
    """Describe a change that has not begun."""
    entries = tuple(
        Entry(change.path, {"add": "add", "remove": "remove"}.get(change.kind, "replace"),
              change.seen.sha256 if change.seen.kind == "file" else "", sha256(change.file.content) if change.file else "")
        for change in plan.changes
    )
    folders = missing_folders([entry.path for entry in entries if entry.kind == "add"])
    return Journal(
        "preparing", entries, folders, new_manifest(spec, seen, plan, folders), spec.unit, bool(seen.unit and seen.unit.is_up),
        seen.unit.file_state if seen.unit else "", decision.action, decision.enable,
        any(entry.path.startswith(host.places.units + "/") for entry in entries), False, os.getpid(), host.system.now(), seen.link,
    )


def new_manifest(spec: Spec, seen: Observed, plan: Plan, folders: tuple[str, ...]) -> dict[str, Any]:
    """What the set owns once the change is proven. A file kept as the operator edited it stays known by its last content."""
    files: dict[str, Any] = {path: seen.owned[path] for path in plan.kept}
    for item in spec.installed:
        if item.dest not in plan.kept:
            files[item.dest] = {"sha256": sha256(item.content), "on_change": item.on_change, "secret": item.secret}
    mine = {*(seen.manifest["folders"] if seen.manifest else ()), *folders}
    return {"version": 1, "unit": spec.unit, "files": files, "folders": sorted(mine)}


def missing_folders(paths: list[str]) -> tuple[str, ...]:
    """The folders that have to be made for these files, parents first."""
    missing: set[str] = set()
    for path in paths:
        folder = os.path.dirname(path)
        while folder not in missing and not os.path.isdir(folder):
            missing.add(folder)
            folder = os.path.dirname(folder)
    return tuple(sorted(missing))


def find_journal(host: Host, spec: Spec) -> Log | None:
    """Return what an interrupted run left, None where there is nothing. Raises VigilError for a journal nobody can read."""
    log = Log(host, host.home(spec))
    content = host.system.read(log.path)
    if content is None:
        return None
    try:
        data = json.loads(content)
        entries = tuple(Entry(**entry) for entry in data.pop("entries"))
        link = data.pop("link", None)
        log.journal = Journal(link=VersionLink(**link) if link else None, entries=entries, folders=tuple(data.pop("folders")), **data)
    except (ValueError, KeyError, TypeError) as error:
        raise VigilError(
            f"{log.path}, the journal of an interrupted run, cannot be read ({error}). Look for files named .vigil-*.old beside"
            " the set's files: they are the old ones. Move them back, remove the journal and run again."
        ) from error
    return log
