# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``systemd``: the state of a unit of any type, its restarts, or all failed units of the host."""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Mapping
from typing import Any

from ...systemd import PROPERTIES, UnitState, parse_show, unit_state
from ..kind import Kind, Look, Option, Options
from ..model import FAIL, PASS, WARN, CannotTell, Finding, Limits, Observation
from ..thresholds import demand, judge
from ..units import words
from ..wanted import FRESH, reading

_SUFFIXES = (".service", ".socket", ".timer", ".mount", ".automount", ".swap", ".target", ".path", ".slice", ".scope", ".device")
# Names that systemctl takes as they are (systemd.unit(5)): one that it refuses would spoil the answer for all that are asked with it.
_NAME = re.compile(r"(?!-)[A-Za-z0-9:_.\\-]+(@[A-Za-z0-9:_.\\@-]+)?")
_STATES = ("active", "inactive", "failed", "activating", "deactivating", "reloading", "refreshing", "maintenance")
# What `systemctl is-enabled` calls enabled, by its exit code (systemctl(1)).
_ENABLED = ("enabled", "enabled-runtime", "static", "alias", "indirect", "generated", "transient")
_IN_BETWEEN = ("activating", "reloading", "refreshing")
_SHOW = (*PROPERTIES, "Id", "StateChangeTimestampMonotonic")
_BOOT_ID = "/proc/sys/kernel/random/boot_id"
_NAMED = 10
_OPTIONS = (
    Option("unit", "str", "The unit; a name without a type is a service.", default=""),
    Option("failed_units", "bool", "Judge all units of the host instead of one: none may have failed.", default=False),
    Option("exclude", "list", "Patterns of units (*, ?) that may have failed.", default=()),
    Option("active", "list", "The active states that pass.", default=("active",)),
    Option("sub", "list", "The sub states that pass (running, exited, waiting, mounted); empty: any.", default=()),
    Option("boot", "bool", "Whether the unit has to be enabled, so that it starts at boot, or must not be; empty: either.", default=None),
    Option("settle", "duration", "How long the unit may be starting or reloading: a warning until then.", default=90.0),
    Option("restarts", "limits", "Restarts by systemd since the last look.", default=Limits(warn=1)),
)


def refuse(options: Options) -> str | None:
    """Refuse both modes or none, and states that no unit can be in."""
    if bool(options["unit"]) == options["failed_units"]:
        return "expected either unit, the name of one, or failed_units: true."
    stem = _full(options["unit"]).rpartition(".")[0]
    if options["unit"] and (not _NAME.fullmatch(stem) or len(stem) > 240):
        return f"unit is {options['unit']!r}, expected the name of one unit, such as nginx.service; systemd-escape makes one of a path."
    wrong = [state for state in options["active"] if state not in _STATES]
    return f"active: {wrong[0]!r} was found, expected states of {', '.join(_STATES)}." if wrong else None


def observe(options: Options, look: Look) -> Observation:
    """Ask systemd, in one call for all units that checks of this round want."""
    if options["failed_units"]:
        return Observation({"failed": look.shared.get("systemd failed units", FRESH, lambda: _failed(look))})
    name = _full(options["unit"])
    state, since = reading(look, "systemd units", [name], lambda names: _units(look, sorted(names)))[name]
    boot = (look.system.read(_BOOT_ID) or b"").decode().strip()
    values = {
        "unit": name, "load": state.load, "active": state.active, "sub": state.sub, "file_state": state.file_state, "words": state.words,
        "since": since, "restarts": _new_restarts(state.restarts, boot, look.memory), "total": state.restarts,
    }
    return Observation(values, {"restarts": state.restarts, "boot": boot})


def _full(name: str) -> str:
    return name if name.endswith(_SUFFIXES) else f"{name}.service"


def _new_restarts(total: int, boot: str, memory: Mapping[str, Any]) -> int | None:
    """Count restarts since the last look; systemd counts from zero again after a start by hand, reset-failed, or a boot."""
    if "restarts" not in memory:
        return None
    before = memory["restarts"]
    return total if boot != memory.get("boot") or total < before else total - before


def _units(look: Look, names: list[str]) -> dict[str, tuple[UnitState, float | None]]:
    blocks = _ask(look, ["show", f"--property={','.join(_SHOW)}", "--", *names])
    if len(blocks) != len(names):
        raise CannotTell(f"systemctl answered for {len(blocks)} units, expected {len(names)}",
                         f"See what it says: systemctl show -p Id {' '.join(names[:_NAMED])}")
    return {name: _unit(block, look) for name, block in zip(names, blocks)}


def _unit(block: str, look: Look) -> tuple[UnitState, float | None]:
    changed = parse_show(block).get("StateChangeTimestampMonotonic", "")
    since = max(0.0, look.system.monotonic() - int(changed) / 1e6) if changed.isdigit() and int(changed) else None
    return unit_state(block), since


def _failed(look: Look) -> list[dict[str, str]]:
    blocks = _ask(look, ["show", "--state=failed", f"--property={','.join(_SHOW)}", "--", "*"])
    return [{"unit": parse_show(block).get("Id", "?"), "words": unit_state(block).words} for block in blocks]


def _ask(look: Look, arguments: list[str]) -> list[str]:
    """Return one block of properties for each unit. Raises CannotTell where systemctl does not answer as it should."""
    ran = look.system.bounded_run(["systemctl", "--no-pager", *arguments], look.timeout, keep=2**20)
    if ran.missing:
        raise CannotTell("systemctl is not there", "This kind needs a host that runs systemd; use the kind process or command here.")
    if ran.rc != 0:
        said = ran.problem or f"systemctl ended with code {ran.rc}: {ran.err.strip() or ran.out.strip() or 'it said nothing'}"
        raise CannotTell(said,
                         "See whether systemd runs and may be asked (as another user than root it needs dbus): systemctl status")
    blocks = [block for block in ran.out.split("\n\n") if block.strip()]
    if ran.out_bytes > 2**20 or any("ActiveState" not in parse_show(block) for block in blocks):
        raise CannotTell(f"systemctl said what nobody expected: {ran.out[:200]!r}", "See what it says: systemctl show init.scope")
    return blocks


def decide(options: Options, values: Mapping[str, Any]) -> list[Finding]:
    """The state first, then sub state, boot and restarts."""
    if options["failed_units"]:
        return [_none_failed(options, values["failed"])]
    findings = [_active(options, values)]
    if options["sub"] and findings[0].state == PASS:
        good = values["sub"] in options["sub"]
        findings.append(demand("sub", good, values["sub"], _either(options["sub"]), _sentence(options, values), advice=_advice(values)))
    if options["boot"] is not None and values["load"] != "not-found":
        findings.append(_boot(options, values))
    if values["restarts"] is not None and (options["restarts"].warn is not None or options["restarts"].fail is not None):
        name = f"the number of restarts of {values['unit']} since the last look ({values['total']} in all)"
        findings.append(judge("restarts", values["restarts"], options["restarts"], name=name, advice=_advice(values)))
    return findings


def _none_failed(options: Options, failed: list[Mapping[str, str]]) -> Finding:
    counted = [one for one in failed if not any(fnmatch.fnmatchcase(one["unit"], pattern) for pattern in options["exclude"])]
    if not counted:
        aside = f" ({len(failed)} excluded)" if failed else ""
        return Finding("failed_units", PASS, 0, "no failed unit", f"no unit has failed{aside}")
    named = [f"{one['unit']} is {one['words']}" for one in counted[:_NAMED]]
    more = [f"and {len(counted) - _NAMED} more"] if len(counted) > _NAMED else []
    advice = f"See why: journalctl -u {counted[0]['unit']} -n 50; when mended: systemctl reset-failed {counted[0]['unit']}"
    return Finding("failed_units", FAIL, len(counted), "no failed unit", "; ".join([*named, *more]), advice=advice)


def _active(options: Options, values: Mapping[str, Any]) -> Finding:
    expected = _either(options["active"])
    good = values["active"] in options["active"]
    state, sentence = PASS if good else FAIL, _sentence(options, values)
    if not good and _in_between(values) and "active" in options["active"]:
        within = values["since"] is not None and values["since"] < options["settle"]
        state = WARN if within else FAIL
        sentence += f", and may be until {words(options['settle'], 's')}" if within else f", longer than {words(options['settle'], 's')}"
    return Finding("active", state, values["active"], expected, sentence, advice="" if state == PASS else _advice(values))


def _in_between(values: Mapping[str, Any]) -> bool:
    """A unit that waits for its automatic restart has died, it is not starting."""
    return values["active"] in _IN_BETWEEN and not values["sub"].startswith("auto-restart")


def _sentence(options: Options, values: Mapping[str, Any]) -> str:
    if values["load"] in ("not-found", "masked"):
        fate = "there is no unit {}" if values["load"] == "not-found" else "{} is masked: it cannot be started"
        return fate.format(values["unit"]) + ("" if values["active"] == "inactive" else f"; it is {values['words']}")
    unread = "" if values["load"] == "loaded" else f" (systemd could not load it: {values['load']})"
    since = "" if values["since"] is None else f", for {words(values['since'], 's')}"
    return f"{values['unit']} is {values['words']}{since}{unread}"


def _boot(options: Options, values: Mapping[str, Any]) -> Finding:
    enabled = values["file_state"] in _ENABLED
    verb = "enable" if options["boot"] else "disable"
    return demand("boot", enabled == options["boot"], values["file_state"] or "no unit file", f"{verb}d",
                  f"{values['unit']} is {values['file_state'] or 'without a unit file'}", advice=f"systemctl {verb} {values['unit']}")


def _either(states: tuple[str, ...]) -> str:
    return " or ".join(states)


def _advice(values: Mapping[str, Any]) -> str:
    if values["load"] == "not-found":
        return f"Install what brings {values['unit']}, or correct the name: systemctl list-unit-files"
    if values["load"] == "masked":
        return f"See who masked it and why; then: systemctl unmask {values['unit']}"
    return f"See why: journalctl -u {values['unit']} -n 50 --no-pager"


KIND = Kind(
    name="systemd",
    text="The state of a systemd unit: a service, socket, timer, mount or any other; its restarts since the last look; or, with "
         "failed_units, whether any unit of the host has failed. One call of systemctl serves all checks that are due together.",
    options=_OPTIONS,
    observe=observe,
    decide=decide,
    refuse=refuse,
    example="""\
- name: web server
  kind: systemd
  unit: nginx
  boot: true
  restarts: {warn: 1, fail: 3}
- name: data is mounted
  kind: systemd
  unit: srv-data.mount
  sub: [mounted]
- name: failed units
  kind: systemd
  failed_units: true
  exclude: [apt-daily*.service]
""",
)
