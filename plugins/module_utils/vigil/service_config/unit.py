# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is done to a unit, and its last words."""

from __future__ import annotations

from ..model import VigilError
from .decide import Decision
from .host import Host
from .journal import Journal
from .spec import Spec

WORDS = 20


def activate(host: Host, spec: Spec, decision: Decision, units_changed: bool) -> None:
    """Let the unit take up what is on the disk. Raises VigilError with systemctl's words where it refuses."""
    if units_changed:
        control(host, "daemon-reload")
        host.hook("daemon-reload")
    if spec.unit is None:
        return
    timeout = 90 + (spec.ready.timeout if spec.ready else 0)
    if decision.action in ("start", "restart"):
        host.system.run(["systemctl", "reset-failed", spec.unit], timeout=30)
    if decision.action != "none":
        control(host, decision.action, spec.unit, timeout=timeout)
        host.hook(f"unit {decision.action}")
    if decision.enable is not None:
        control(host, "enable" if decision.enable else "disable", spec.unit)
        host.hook("unit enabled")


def before_restore(host: Host, journal: Journal) -> list[str]:
    """Undo, while the new unit file is still there, a start and an enablement. Returns what went wrong."""
    if journal.unit is None:
        return []
    wrong = []
    if journal.enable is True:
        wrong += _attempt(host, "disable", journal.unit)
    if not journal.was_up and journal.action in ("start", "restart"):
        wrong += _attempt(host, "stop", journal.unit)
        host.system.run(["systemctl", "reset-failed", journal.unit], timeout=30)
    return wrong


def after_restore(host: Host, journal: Journal) -> list[str]:
    """Let the unit take up the old set again. Returns what went wrong."""
    wrong = _attempt(host, "daemon-reload") if journal.units_changed else []
    if journal.unit is None:
        return wrong
    if journal.enable is False:
        wrong += _attempt(host, "enable", journal.unit)
    if journal.was_up and journal.action != "none":
        host.system.run(["systemctl", "reset-failed", journal.unit], timeout=30)
        verb = {"reload": "reload-or-restart", "stop": "start"}.get(journal.action, journal.action)
        wrong += _attempt(host, verb, journal.unit, timeout=180)
    return wrong


def last_words(host: Host, unit: str | None, since: float) -> str:
    """Return the unit's last lines in the journal since a moment, secrets hidden; a sentence where there are none."""
    if unit is None:
        return ""
    # Lines on their way to a busy journal would be missing, and the last ones say why.
    host.system.run(["journalctl", "--sync"], timeout=10)
    argv = ["journalctl", "-u", unit, "-n", str(WORDS), "--no-pager", "-q", "-o", "cat", "--since", f"@{int(since)}"]
    done = host.system.run(argv, timeout=20)
    words = done.out.strip()
    return host.mask(words) if words else f"(the journal of {unit} has no line since then)"


def control(host: Host, *words: str, timeout: float = 60) -> None:
    """Run systemctl. Raises VigilError with its words."""
    wrong = _attempt(host, *words, timeout=timeout)
    if wrong:
        raise VigilError(wrong[0])


def _attempt(host: Host, *words: str, timeout: float = 60) -> list[str]:
    done = host.system.run(["systemctl", *words], timeout=timeout)
    if done.rc == 0:
        return []
    return [f"systemctl {' '.join(words)} failed (exit status {done.rc}): {host.mask(done.words) or 'no words'}"]
