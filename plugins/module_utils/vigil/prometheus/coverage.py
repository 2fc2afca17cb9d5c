# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Recording rules that tell how much of the inventory is seen, even where a host has vanished together with its targets. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from .targets import EVERYWHERE

JOB = "health_agent"
EXPECTED, REPORTING, RATIO = "vigil_coverage_expected_hosts", "vigil_coverage_reporting_hosts", "vigil_coverage_ratio"


def rules(groups: Mapping[str, Sequence[str]], monitored: str = "monitored") -> dict[str, Any]:
    """Return a rules file with the expected and the reporting hosts of each group of the inventory, and their ratio.

    What is expected is the number of the group's monitored hosts when the file was written: no scrape can take it away.
    """
    watched = set(groups.get(monitored, []))
    sizes = {str(name): len(watched.intersection(hosts)) for name, hosts in groups.items() if name not in EVERYWHERE}
    counted = [rule for name, size in sorted(sizes.items()) if size for rule in _counts(name, size)]
    ratio = {"record": RATIO, "expr": f"{REPORTING} / {EXPECTED}"}
    return {"groups": [{"name": "vigil_coverage", "rules": [*counted, ratio, _alert()]}]}


def _counts(group: str, size: int) -> list[dict[str, Any]]:
    # RE2 inside a PromQL string: what has a meaning to either is written as a class of one character.
    pattern = re.sub(r'[^A-Za-z0-9_-]', lambda match: f"[{match[0]}]" if match[0] not in '^\\"]' else ".", group)
    reporting = f'count(up{{job="{JOB}",groups=~".*,{pattern},.*"}} == 1) or vector(0)'
    labels = {"group": group}
    return [{"record": EXPECTED, "expr": f"vector({size})", "labels": labels}, {"record": REPORTING, "expr": reporting, "labels": labels}]


def _alert() -> dict[str, Any]:
    summary = "{{ $value | humanizePercentage }} of the group {{ $labels.group }} report their health"
    return {
        "alert": "CoverageLost", "expr": f"{RATIO} < 1", "for": "5m", "labels": {"severity": "warning"},
        "annotations": {"summary": summary, "description": "Run playbooks/health.yml: it names the hosts that are not seen, and why."},
    }
