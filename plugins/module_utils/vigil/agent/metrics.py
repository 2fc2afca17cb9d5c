# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The agent's metrics, as values of a snapshot and of the agent itself. Pure: ``docs/agent.md`` lists them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ..health.model import STATES, Finding, Result
from ..health.snapshot import Snapshot
from ..httpd.values import Figures
from .cost import Cost
from .exposition import Page, labels

# So many values of one check: a check that finds a thousand things must not become a thousand series.
MOST_FINDINGS = 20
_UNITS = {"s": ("seconds", 1.0), "bytes": ("bytes", 1.0), "%": ("ratio", 0.01), "": ("none", 1.0)}


@dataclass(frozen=True)
class Own:
    """What the agent knows of itself. Times are seconds of the epoch, 0 for never."""

    release: str = ""
    python: str = ""
    checks: int = 0
    served: Figures = Figures()
    cost: Cost = Cost()
    reload_good: bool = True
    reloaded: float = 0.0
    credentials_good: bool = True
    state_errors: int = 0
    state_written: float = 0.0
    started: float = 0.0


def of_checks(snapshot: Snapshot) -> bytes:
    """Return the metrics of the checks."""
    page = Page()
    named = [(result, labels({"check": result.name, "kind": result.kind})) for result in snapshot.results]
    _states(page, named)
    _values(page, named)
    page.metric("vigil_check_duration_seconds", "gauge", "How long the last look at a check took.")
    for result, who in named:
        page.sample("vigil_check_duration_seconds", who, result.duration)
    page.metric("vigil_check_last_look_timestamp_seconds", "gauge", "When a check was last looked at.")
    for result, who in named:
        if result.at:
            page.sample("vigil_check_last_look_timestamp_seconds", who, round(result.at, 3))
    page.metric("vigil_check_transitions_total", "counter", "How often the state of a check changed, over restarts of the agent too.")
    for result, who in named:
        if result.name in snapshot.streaks:
            page.sample("vigil_check_transitions_total", who, snapshot.streaks[result.name].transitions)
    return page.bytes()


def of_agent(own: Own, snapshot: Snapshot) -> bytes:
    """Return the metrics of the agent itself."""
    page = Page()
    page.metric("vigil_agent_build_info", "gauge", "The agent's release, and the Python that runs it; always 1.")
    page.sample("vigil_agent_build_info", labels({"version": own.release, "python": own.python}), 1)
    page.one("vigil_agent_checks", "gauge", "Checks that the configuration declares.", own.checks)
    page.one("vigil_agent_checks_waiting", "gauge", "Checks that have told nothing since the start.", len(snapshot.waiting))
    page.one("vigil_agent_looks_total", "counter", "Looks at checks that ended, or were given up.", snapshot.looks)
    page.one("vigil_agent_loop_beat_timestamp_seconds", "gauge", "When the loop that looks last passed.", round(snapshot.at, 3))
    page.one("vigil_agent_loop_lag_seconds", "gauge", "How late the check was that had waited longest at the last pass.", snapshot.lag)
    _front(page, own.served)
    _keeping(page, own)
    _process(page, own)
    return page.bytes()


def _states(page: Page, named: Sequence[tuple[Result, str]]) -> None:
    page.metric("vigil_check_state", "gauge", "1 for the state that a check is in, 0 for the others.")
    for result, who in named:
        for state in STATES:
            page.sample("vigil_check_state", f'{who},state="{state}"', result.state == state)


def _values(page: Page, named: Sequence[tuple[Result, str]]) -> None:
    page.metric("vigil_check_value", "gauge", "What a check measured, in the base unit that the label unit names.")
    for result, who in named:
        for finding, value in _numbers(result.findings):
            unit, scale = _UNITS.get(finding.unit, (finding.unit, 1.0))
            page.sample("vigil_check_value", f"{who},{labels({'what': finding.what, 'unit': unit})}", value * scale)


def _numbers(findings: Sequence[Finding]) -> list[tuple[Finding, float]]:
    """The findings that are numbers; of several by one name the worst, for a series is there once."""
    chosen: dict[tuple[str, str], tuple[Finding, float]] = {}
    for finding in findings:
        if not isinstance(finding.value, (int, float)):
            continue
        known = chosen.get((finding.what, finding.unit))
        if known is None or STATES.index(finding.state) < STATES.index(known[0].state):
            chosen[(finding.what, finding.unit)] = (finding, float(finding.value))
    return list(chosen.values())[:MOST_FINDINGS]


def _front(page: Page, served: Figures) -> None:
    page.metric("vigil_agent_requests_total", "counter", "Answers, by HTTP status.")
    for code in sorted(served.answers):
        page.sample("vigil_agent_requests_total", f'code="{code}"', served.answers[code])
    page.one("vigil_agent_connections", "gauge", "Connections that are open.", served.connections)
    page.one("vigil_agent_connections_accepted_total", "counter", "Connections that were accepted.", served.accepted)
    page.one("vigil_agent_connections_evicted_total", "counter", "Connections closed to make room for another.", served.evicted)
    page.one("vigil_agent_connections_expired_total", "counter", "Connections closed for being too slow, or idle.", served.expired)
    page.one("vigil_agent_tls_handshakes_failed_total", "counter", "Connections that ended before TLS stood.", served.failed_handshakes)


def _keeping(page: Page, own: Own) -> None:
    page.one("vigil_agent_config_last_reload_successful", "gauge", "Whether the configuration is the one in the file.", own.reload_good)
    page.one("vigil_agent_config_last_reload_success_timestamp_seconds", "gauge", "When a configuration was last taken over.", own.reloaded)
    page.one("vigil_agent_credentials_last_reload_successful", "gauge", "Whether certificate and token are those in the files.",
             own.credentials_good)
    page.one("vigil_agent_state_write_errors_total", "counter", "Times that the state file could not be written.", own.state_errors)
    page.one("vigil_agent_state_last_write_timestamp_seconds", "gauge", "When the state file was last written.", own.state_written)


def _process(page: Page, own: Own) -> None:
    page.one("process_cpu_seconds_total", "counter", "Processor time of the agent, and of programs it ran that ended.", own.cost.cpu)
    page.one("process_resident_memory_bytes", "gauge", "Memory of the agent.", own.cost.memory)
    page.one("process_open_fds", "gauge", "Descriptors that are open.", own.cost.descriptors)
    page.one("process_start_time_seconds", "gauge", "When the agent was started.", own.started)
