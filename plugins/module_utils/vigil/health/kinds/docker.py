# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``docker``: the state, the health and the restarts of containers."""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from ..clients.docker_engine import DOCKER, containers
from ..kind import Kind, Look, Option, Options
from ..model import FAIL, PASS, WARN, Finding, Limits, Observation
from ..thresholds import demand, judge
from ..units import words

# The engine's API, "Inspect a container": State.Status.
_STATES = ("created", "running", "paused", "restarting", "removing", "exited", "dead")
_SAID = 200
_OPTIONS = (
    Option("container", "str", "Name or id of the container.", default=""),
    Option("label", "str", "Judge all containers with this label instead: a name, or name=value.", default=""),
    Option("count", "int", "How many containers with the label there have to be at least.", default=1),
    Option("state", "list", "The states that pass.", default=("running",)),
    Option("health", "str", "Whether the container's own health check counts: auto (where it has one), required, or ignore.",
           default="auto", choices=("auto", "required", "ignore")),
    Option("image", "str", "The image it has to run, as it was named at its start; * and ? stand for anything.", default=""),
    Option("restarts", "limits", "Restarts by the engine since the last look, of each container.", default=Limits(warn=1)),
    Option("socket", "path", "The engine's socket.", default="/var/run/docker.sock"),
)


def refuse(options: Options) -> str | None:
    """Refuse both ways to choose or none, and states that no container can be in."""
    if bool(options["container"]) == bool(options["label"]):
        return "expected either container, the name of one, or label."
    wrong = [state for state in options["state"] if state not in _STATES]
    if wrong:
        return f"state: {wrong[0]!r} was found, expected states of {', '.join(_STATES)}."
    return None if options["count"] >= 0 else f"count is {options['count']}, expected 0 or more."


def observe(options: Options, look: Look) -> Observation:
    """Ask the engine; of what it tells, only what is judged is kept (a container's environment may hold secrets)."""
    found = containers(options["socket"], options["container"], options["label"], look.timeout)
    before, now = look.memory.get("restarts", {}), look.system.now()
    memory = {str(one["Id"]): int(one.get("RestartCount") or 0) for one in found}
    return Observation({"containers": [_values(one, before, now) for one in found]}, {"restarts": memory})


def _values(one: Mapping[str, Any], before: Mapping[str, int], now: float) -> dict[str, Any]:
    state = one["State"]
    health = state.get("Health") or {}
    total = int(one.get("RestartCount") or 0)
    running = state.get("Running") or state["Status"] == "paused"
    log = health.get("Log") or [{}]
    return {
        "name": str(one["Name"]).lstrip("/"), "image": one["Config"]["Image"], "state": state["Status"], "code": state.get("ExitCode"),
        "oom": bool(state.get("OOMKilled")), "error": state.get("Error") or "", "health": health.get("Status") or "none",
        "said": " ".join(str(log[-1].get("Output") or "").split())[:_SAID], "total": total,
        "restarts": _new(total, before.get(str(one["Id"]))), "since": _age(state.get("StartedAt" if running else "FinishedAt"), now),
    }


def _new(total: int, before: int | None) -> int | None:
    """The engine counts from zero again after a start by hand."""
    if before is None:
        return None
    return total if total < before else total - before


def _age(text: str | None, now: float) -> float | None:
    """Seconds since a moment of the engine; year 1 stands for never."""
    if not text or text.startswith("0001"):
        return None
    moment = datetime.strptime(text[:19], "%Y-%m-%dT%H:%M:%S").replace(tzinfo=timezone.utc)
    return max(0.0, now - moment.timestamp())


def decide(options: Options, values: Mapping[str, Any]) -> list[Finding]:
    """Are they there, then each one's state, health, image and restarts."""
    found = values["containers"]
    if options["label"]:
        good = len(found) >= options["count"]
        expected = f"{options['count']} or more"
        sentence = f"{len(found)} containers carry the label {options['label']}" + ("" if good else f", expected {expected}")
        findings = [demand("count", good, len(found), expected, sentence,
                           advice=f"See which there are: docker ps -a --filter label={options['label']}")]
    else:
        findings = [] if found else [demand("state", False, "missing", _either(options), f"there is no container {options['container']}",
                                            advice=f"See what there is, and deploy it: docker ps -a --filter name={options['container']}")]
    return findings + [finding for one in found for finding in _one(options, one)]


def _one(options: Options, one: Mapping[str, Any]) -> list[Finding]:
    advice = f"See why: docker logs --tail 50 {one['name']}; docker inspect {one['name']}"
    findings = [demand("state", one["state"] in options["state"], one["state"], _either(options), _sentence(one), advice=advice)]
    if options["health"] == "required" or (options["health"] == "auto" and one["health"] != "none"):
        findings += [_health(one, advice)] if one["state"] in ("running", "paused") else []
    if options["image"]:
        good = fnmatch.fnmatchcase(one["image"], options["image"])
        sentence = f"container {one['name']} runs {one['image']}" + ("" if good else f", expected {options['image']}")
        findings.append(demand("image", good, one["image"], options["image"], sentence, advice="Deploy it anew with the right image."))
    if one["restarts"] is not None and (options["restarts"].warn is not None or options["restarts"].fail is not None):
        name = f"the number of restarts of container {one['name']} since the last look ({one['total']} in all)"
        findings.append(judge("restarts", one["restarts"], options["restarts"], name=name, advice=advice))
    return findings


def _either(options: Options) -> str:
    return " or ".join(options["state"])


def _sentence(one: Mapping[str, Any]) -> str:
    said = f"container {one['name']} ({one['image']}) is {one['state']}"
    if one["state"] in ("exited", "dead", "restarting"):
        said += f" with code {one['code']}" + (", out of memory" if one["oom"] else "")
    said += f": {one['error']}" if one["error"] else ""
    return said + ("" if one["since"] is None else f", for {words(one['since'], 's')}")


def _health(one: Mapping[str, Any], advice: str) -> Finding:
    state = {"healthy": PASS, "starting": WARN}.get(one["health"], FAIL)
    sentence = f"container {one['name']} " + ("has no health check" if one["health"] == "none" else f"calls itself {one['health']}")
    sentence += f": {one['said']}" if one["said"] and state != PASS else ""
    return Finding("health", state, one["health"], "healthy", sentence, advice="" if state == PASS else advice)


KIND = Kind(
    name="docker",
    text="Containers of a Docker engine, by name or by label: their state, their own health check, their image, and restarts since the "
         "last look. Whoever may use the engine's socket is as mighty as root: the watcher needs the group docker for this kind.",
    options=_OPTIONS,
    observe=observe,
    decide=decide,
    refuse=refuse,
    packages=(DOCKER,),
    groups=("docker",),
    example="""\
- name: registry
  kind: docker
  container: registry
  image: 'registry:2*'
- name: shop
  kind: docker
  label: com.docker.compose.project=shop
  count: 4
""",
)
