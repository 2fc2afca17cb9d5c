# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Is what the inventory asks for what Prometheus sees? Decided from the answers of its API."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class Row:
    """One target: what was expected of it and what Prometheus says."""

    host: str
    job: str
    address: str
    state: str
    version: str
    note: str


def read_targets(body: Mapping[str, Any]) -> list[dict[str, str]]:
    """Read the answer of ``/api/v1/targets`` into job, host, address, health and last error."""
    return [
        {
            "job": str(target["labels"].get("job", "")), "host": str(target["labels"].get("host", "")),
            "address": str(target.get("discoveredLabels", {}).get("__address__", "")),
            "instance": str(target["labels"].get("instance", "")),
            "health": str(target.get("health", "unknown")), "error": str(target.get("lastError", "")),
        }
        for target in body.get("data", {}).get("activeTargets", [])
    ]


def read_versions(body: Mapping[str, Any]) -> dict[tuple[str, str], str]:
    """Read the answer to a query of ``*_build_info`` into (job, instance) -> version; the first of a target counts."""
    versions: dict[tuple[str, str], str] = {}
    for sample in body.get("data", {}).get("result", []):
        labels = sample.get("metric", {})
        key = (str(labels.get("job", "")), str(labels.get("instance", "")))
        if labels.get("version"):
            versions.setdefault(key, str(labels["version"]))
    return versions


def decide(
    expected: Sequence[tuple[str, str, str]],
    seen: Iterable[Mapping[str, str]],
    versions: Mapping[tuple[str, str], str],
) -> list[Row]:
    """Return a row for each expected target and for each that nobody expected, sorted by host and job.

    States: up, down, unknown (not scraped yet), missing (expected, yet not a target), extra (a target nobody expected here).
    """
    found = {(str(item["job"]), str(item["address"])): item for item in seen}
    rows = [_row(job, host, address, found.pop((job, address), None), versions) for job, host, address in expected]
    rows += [_extra(item, versions) for item in found.values()]
    return sorted(rows, key=lambda row: (row.host, row.job, row.address))


def _row(
    job: str, host: str, address: str, item: Mapping[str, str] | None, versions: Mapping[tuple[str, str], str]
) -> Row:
    if item is None:
        return Row(host, job, address, "missing", "", "the inventory asks for it, Prometheus has no such target")
    version = versions.get((job, str(item["instance"])), "")
    return Row(host, job, address, str(item["health"]), version, str(item["error"]))


def _extra(item: Mapping[str, str], versions: Mapping[tuple[str, str], str]) -> Row:
    job, instance = str(item["job"]), str(item["instance"])
    note = str(item["error"]) or "not derived from the inventory"
    state = "extra" if item["health"] == "up" else str(item["health"])
    return Row(str(item["host"]) or "-", job, instance, state, versions.get((job, instance), ""), note)


def failures(rows: Iterable[Row]) -> list[str]:
    """Return a sentence for each target that is not as asked for; an extra one that is up is none."""
    return [
        f"{row.job} on {row.host} ({row.address}) is {row.state}{': ' + row.note if row.note else ''}"
        for row in rows
        if row.state not in ("up", "extra")
    ]


def table(rows: Sequence[Row]) -> str:
    """Render the rows as aligned text with a heading."""
    cells = [("HOST", "JOB", "ADDRESS", "STATE", "VERSION", "NOTE")]
    cells += [(row.host, row.job, row.address, row.state, row.version or "-", row.note) for row in rows]
    widths = [max(len(line[column]) for line in cells) for column in range(6)]
    return "\n".join("  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip() for line in cells)


def as_dicts(rows: Iterable[Row]) -> list[dict[str, str]]:
    """Return the rows as plain values for a module's result."""
    return [asdict(row) for row in rows]
