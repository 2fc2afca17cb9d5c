# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What shall happen, and why: pure functions from what was asked and what was seen to changes and one action."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from ..model import VigilError
from ..systemd import UnitState
from .observe import Observed, Seen
from .spec import File, Spec


@dataclass(frozen=True)
class Change:
    """One path that changes. ``kind`` is add, change, attributes (mode or owner only) or remove."""

    kind: str
    path: str
    reason: str
    on_change: str
    file: File | None = None
    seen: Seen = field(default_factory=Seen)
    secret: bool = False


@dataclass(frozen=True)
class Plan:
    """The changes, and the paths an operator edited by hand: those kept are not changed."""

    changes: tuple[Change, ...] = ()
    hand_edited: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()

    def paths(self, *kinds: str) -> list[str]:
        """The paths of the changes of these kinds."""
        return [change.path for change in self.changes if change.kind in kinds]


@dataclass(frozen=True)
class Decision:
    """``action`` is none, reload, restart, start or stop; ``enable`` is what the unit's enablement shall become, None to leave it."""

    action: str
    reason: str
    enable: bool | None = None


def plan_files(spec: Spec, seen: Observed) -> Plan:
    """Compare the set with the host. Raises VigilError for what may not be replaced."""
    _replaceable(spec, seen)
    edited = tuple(path for path in sorted(seen.owned) if _edited(path, spec, seen))
    if edited and spec.hand_edits == "refuse":
        raise VigilError(
            f"{', '.join(edited)} was edited by hand since the last run and hand_edits is refuse. Bring the edit into the"
            " inventory, or run with hand_edits: replace. Nothing was changed.",
            files={"hand_edited": list(edited)},
        )
    kept = edited if spec.hand_edits == "keep" else ()
    wanted = [_wanted(item, seen) for item in spec.installed if item.dest not in kept]
    gone = [_gone(path, spec, seen) for path in _leaving(spec, seen) if path not in kept]
    changes = sorted((change for change in [*wanted, *gone] if change is not None), key=lambda change: change.path)
    return Plan(tuple(changes), edited, kept)


def decide_action(spec: Spec, seen: Observed, changes: Iterable[Change]) -> Decision:
    """Decide what to do with the unit, once its files have changed."""
    if spec.unit is None or seen.unit is None:
        return Decision("none", "no unit belongs to this set")
    if spec.unit_state == "stopped":
        stop = seen.unit.is_up or seen.unit.active == "activating"
        return Decision("stop" if stop else "none", f"{spec.unit} shall be stopped and is {seen.unit.words}", _enable(spec, seen.unit))
    action, reason = _started(spec.unit, seen, list(changes))
    return Decision(action, reason, _enable(spec, seen.unit))


def _started(name: str, seen: Observed, changes: list[Change]) -> tuple[str, str]:
    unit = seen.unit or UnitState()
    strongest = _strongest(changes)
    if not unit.is_up and not (unit.is_starting and not changes):
        return "start", f"{name} is not running, it is {unit.words or 'not there yet'}"
    if strongest and strongest.on_change == "restart":
        return "restart", f"{strongest.path} changed, which needs a restart"
    if seen.running and seen.wanted and seen.running != seen.wanted:
        return "restart", f"{name} still runs {seen.running}, {seen.wanted} is installed now"
    if strongest and strongest.on_change == "reload":
        if unit.can_reload and unit.is_up:
            return "reload", f"{strongest.path} changed"
        return "restart", f"{strongest.path} changed, and {name} cannot reload"
    return "none", f"{strongest.path} changed, and {name} reads it by itself" if strongest else "nothing changed"


def _strongest(changes: list[Change]) -> Change | None:
    order = ("restart", "reload", "none")
    effective = [change for change in changes if change.kind != "attributes"] or changes
    return min(effective, key=lambda change: order.index(change.on_change)) if effective else None


def _enable(spec: Spec, unit: UnitState) -> bool | None:
    """An enablement that systemd cannot change (static, generated, masked, ...) is left alone."""
    if spec.enabled is None or unit.file_state not in ("", "enabled", "disabled", "enabled-runtime"):
        return None
    is_enabled = unit.file_state == "enabled"
    if spec.enabled == is_enabled or (not spec.enabled and unit.file_state == ""):
        return None
    return spec.enabled


def _replaceable(spec: Spec, seen: Observed) -> None:
    for item in spec.installed:
        kind = seen.files[item.dest].kind
        if kind in ("folder", "symlink", "other"):
            word = {"folder": "a folder", "symlink": "a symbolic link", "other": "neither file nor folder"}[kind]
            raise VigilError(
                f"{item.dest} is {word} on the host, and a file shall be there. It is not replaced: remove it, or name the file"
                " it points to as dest. Nothing was changed.",
                path=item.dest,
            )


def _edited(path: str, spec: Spec, seen: Observed) -> bool:
    here = seen.files[path]
    if here.kind != "file" or here.sha256 == seen.owned[path]["sha256"]:
        return False
    return all(item.dest != path or item.content != here.content for item in spec.installed)


def _leaving(spec: Spec, seen: Observed) -> list[str]:
    staying = {item.dest for item in spec.installed}
    return sorted(path for path in {*seen.owned, *seen.purgeable} - staying if seen.files[path].kind == "file")


def _gone(path: str, spec: Spec, seen: Observed) -> Change:
    last = seen.owned.get(path)
    usual = "restart" if any(path.startswith(folder) for folder in ("/etc/systemd/system/",)) else "reload"
    reason = "it has left the set" if last else "a purge pattern of the set matches it and the set does not hold it"
    secret = bool(last and last.get("secret"))
    return Change("remove", path, reason, str((last or {}).get("on_change", usual)), None, seen.files[path], secret)


def _wanted(item: File, seen: Observed) -> Change | None:
    here = seen.files[item.dest]
    if here.kind == "absent":
        return Change("add", item.dest, "it is not there", item.on_change, item, here, item.secret)
    if here.content != item.content:
        return Change("change", item.dest, "its content differs", item.on_change, item, here, item.secret)
    drift = attributes(item, here, seen)
    if drift:
        return Change("attributes", item.dest, "; ".join(drift), "none", item, here, item.secret)
    return None


def attributes(item: File, here: Seen, seen: Observed) -> list[str]:
    """Say in words how mode, owner and group differ from what they shall be; an owner who does not exist yet differs."""
    drift = [f"mode is {here.mode:04o}, {item.mode:04o} is wanted"] if here.mode != item.mode else []
    for word, name, mine, ids in (("owner", item.owner, here.uid, seen.uids), ("group", item.group, here.gid, seen.gids)):
        if ids.get(name) != mine:
            drift.append(f"{word} is {mine}, {name} is wanted")
    return drift
