# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the inventory expects to be scraped, as recording rules: a target that vanishes cannot take its own alert along. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

RECORD = "vigil_expected_target"


def group(discovery: Mapping[str, Iterable[Mapping[str, Any]]]) -> list[dict[str, Any]]:
    """Return the group that records ``vigil_expected_target{job, host}`` for each target with a label host.

    ``discovery`` is what ``prometheus.targets.discovery`` returned: the content of each targets file by its job.
    """
    pairs = sorted({
        (str(job), str(entry["labels"]["host"]))
        for job, entries in discovery.items() for entry in entries if entry.get("labels", {}).get("host")
    })
    rules = [{"record": RECORD, "expr": "vector(1)", "labels": {"job": job, "host": host}} for job, host in pairs]
    return [{"name": "vigil_expected", "interval": "1m", "rules": rules}] if rules else []
