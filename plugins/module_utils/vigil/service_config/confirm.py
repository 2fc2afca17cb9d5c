# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting until the unit serves, stays up, and shows that it runs the new set."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from ..model import VigilError
from ..system import Answer, Client
from ..systemd import UnitState
from .checks import Proof
from .host import Host
from .metrics import Sample, samples
from .observe import show_unit
from .proof import Verdict, title, verdict
from .spec import Spec

SETTLED = 2.0
_FIRST, _LONGEST = 0.2, 1.0


@dataclass(frozen=True)
class Moment:
    """When the swap was, what was done to the unit then, and what the proofs read just before."""

    swapped: float | None = None
    action: str = "none"
    restarts: int = 0
    earlier: Mapping[int, list[Sample]] = field(default_factory=dict)


def read_proofs(host: Host, spec: Spec) -> dict[int, list[Sample]]:
    """Read every proof's metric once, by its place in the list; what cannot be read is left out."""
    found, pages = {}, Pages(host)
    for place, proof in enumerate(spec.proofs):
        read, _error = pages.read(proof)
        if read is not None:
            found[place] = read
    return found


def answers(host: Host, spec: Spec) -> bool:
    """True where the unit's ready URL answers as it should, asked once."""
    return spec.ready is not None and host.system.http(spec.ready.url, spec.ready.client, timeout=5).status in spec.ready.status


def confirm(host: Host, spec: Spec, state: UnitState, moment: Moment) -> list[dict[str, Any]]:
    """Wait for ready, watch the unit for ``stable_for`` after a change, check the proofs, and return what they read."""
    if spec.unit is None or spec.unit_state == "stopped":
        return []
    pages = Pages(host)
    wait_ready(host, spec, state, moment, pages)
    host.hook("ready")
    if moment.action != "none":
        stay_up(host, spec, moment)
        host.hook("stable")
        pages = Pages(host)
    read = prove(host, spec, moment, pages)
    host.hook("proof")
    return read


def wait_ready(host: Host, spec: Spec, state: UnitState, moment: Moment, pages: Pages | None = None) -> UnitState:
    """Wait until the unit is up and answers. Raises VigilError as soon as it has died, or when the time is over.

    The answer is kept in ``pages``: a page of metrics costs the host's processor more than all else in a run with nothing to do.
    """
    pages = pages or Pages(host)
    timeout = spec.ready.timeout if spec.ready else 60.0
    deadline, pause = host.system.monotonic() + timeout, _FIRST
    while True:
        _alive(spec, state, moment)
        said = _not_ready(pages, spec, state)
        if not said:
            return state
        if host.system.monotonic() >= deadline:
            raise VigilError(f"{spec.unit} is not ready after {timeout:g} s: {said}. If it only needs longer, raise ready.timeout.")
        host.system.sleep(pause)
        pause = min(pause * 1.5, _LONGEST)
        state = show_unit(host, str(spec.unit))


def stay_up(host: Host, spec: Spec, moment: Moment) -> None:
    """Watch the unit for ``stable_for`` seconds: the same process, no restart."""
    first = show_unit(host, str(spec.unit))
    deadline = host.system.monotonic() + spec.stable_for
    while host.system.monotonic() < deadline:
        host.system.sleep(min(0.5, spec.stable_for))
        state = show_unit(host, str(spec.unit))
        _alive(spec, state, moment)
        if state.main_pid != first.main_pid:
            changed = f"its process {first.main_pid} was replaced by {state.main_pid}"
            raise VigilError(f"{spec.unit} did not stay up for {spec.stable_for:g} s: {changed}.")


def _alive(spec: Spec, state: UnitState, moment: Moment) -> None:
    died = not state.is_up and not state.is_starting
    if died or state.restarts > moment.restarts:
        raise VigilError(f"{spec.unit} died: it is {state.words}.", unit_state=state.words)


def _not_ready(pages: Pages, spec: Spec, state: UnitState) -> str:
    if not state.is_up:
        return f"it is {state.words}"
    if spec.ready is None:
        return ""
    answer = pages.ask(spec.ready.url, spec.ready.client)
    if answer.status in spec.ready.status:
        return ""
    found = answer.error or f"the answer was {answer.status}"
    return f"{spec.ready.url}: {found}, {' or '.join(map(str, spec.ready.status))} was expected"


@dataclass(frozen=True)
class Judged:
    """One proof in one round. ``refused`` says that waiting will not make it hold."""

    proof: Proof
    verdict: Verdict
    refused: bool = False

    def told(self) -> dict[str, Any]:
        """The entry in the task's result."""
        return {"metric": title(self.proof), "url": self.proof.url, "read": self.verdict.words, "holds": self.verdict.holds}


class Pages:
    """Pages of metrics, each fetched once unless it is asked for anew."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._answers: dict[tuple[str, Client], Answer] = {}

    def ask(self, url: str, client: Client) -> Answer:
        """Fetch a page and keep it."""
        answer = self._answers[(url, client)] = self._host.system.http(url, client, timeout=5)
        return answer

    def read(self, proof: Proof) -> tuple[list[Sample] | None, str]:
        """Return the samples of a proof's metric, or None and why they could not be read."""
        kept = self._answers.get((proof.url, proof.client))
        answer = kept or self.ask(proof.url, proof.client)
        if answer.status != 200:
            return None, f"{title(proof)} could not be read: {answer.error or f'the answer was {answer.status}'}"
        return samples(answer.body.decode("utf-8", "replace"), proof.metric, proof.labels), ""


def prove(host: Host, spec: Spec, moment: Moment, pages: Pages) -> list[dict[str, Any]]:
    """Wait until all proofs hold at once and return what they read. Raises VigilError with those that do not.

    ``pages`` are looked at first. A reload may be done later than it was asked for, so each proof has its timeout; one that was
    refused fails after two seconds.
    """
    system, pause = host.system, _FIRST
    started, refused_at = system.monotonic(), None
    while True:
        judged = [_judge(pages, place, proof, moment) for place, proof in enumerate(spec.proofs)]
        open_ones = [item for item in judged if not item.verdict.holds]
        if not open_ones:
            return [item.told() for item in judged]
        now = system.monotonic()
        refused_at = (refused_at or now) if any(item.refused for item in judged) else None
        late = any(now - started >= item.proof.timeout for item in open_ones)
        if late or (refused_at is not None and now - refused_at >= SETTLED):
            read = "; ".join(f"{item.verdict.words} ({item.proof.url})" for item in open_ones)
            raise VigilError(f"{spec.unit} does not prove that it runs this set: {read}.", proof=[item.told() for item in judged])
        system.sleep(pause)
        pause, pages = min(pause * 1.5, _LONGEST), Pages(host)


def _judge(pages: Pages, place: int, proof: Proof, moment: Moment) -> Judged:
    found, error = pages.read(proof)
    if found is None:
        return Judged(proof, Verdict(False, error))
    earlier = moment.earlier.get(place, [])
    return Judged(proof, verdict(proof, found, moment.swapped, earlier), _refused(proof, found, earlier, moment))


def _refused(proof: Proof, found: list[Sample], earlier: list[Sample], moment: Moment) -> bool:
    """A value that was right before a reload and is wrong after it will not become right by waiting."""
    was_right = bool(earlier) and all(item.value == proof.value for item in earlier)
    is_wrong = bool(found) and any(item.value != proof.value for item in found)
    return moment.action == "reload" and proof.value is not None and was_right and is_wrong
