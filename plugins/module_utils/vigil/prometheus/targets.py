# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Targets of the scrape jobs, derived from the groups of the inventory."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ..addresses import endpoint, host_address, split_listen_address
from ..model import InvalidInput

Groups = Mapping[str, Iterable[str]]
# Groups that Ansible itself makes.
EVERYWHERE = ("all", "ungrouped")
HostVars = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Job:
    """One scrape job: every host of ``group``, at ``port`` or at the port of the host's own ``listen_option``.

    ``password`` asks as the machine user, ``token`` with the health agents' token. ``label_groups`` tells the host's groups in a label.
    """

    name: str
    group: str
    port: int
    listen_option: str = ""
    password: bool = False
    token: bool = False
    label_groups: bool = False


def parse_jobs(jobs: Mapping[str, Mapping[str, Any]]) -> list[Job]:
    """Read the table of jobs that the role keeps as data.

    Raises InvalidInput where an entry lacks its group or port.
    """
    read = []
    for name, entry in jobs.items():
        if "group" not in entry or "port" not in entry:
            raise InvalidInput(f"The scrape job '{name}' has {sorted(entry)}; expected at least 'group' and 'port'.")
        read.append(Job(
            name=str(name), group=str(entry["group"]), port=int(entry["port"]),
            listen_option=str(entry.get("listen_option", "")), password=bool(entry.get("password", False)),
            token=bool(entry.get("token", False)), label_groups=bool(entry.get("label_groups", False)),
        ))
    return read


def port_of(job: Job, variables: Mapping[str, Any]) -> int:
    """Return the port at which a host offers this job's metrics: its own listen address counts, if it sets one."""
    listen = variables.get(job.listen_option) if job.listen_option else None
    return split_listen_address(str(listen))[1] if listen else job.port


def job_targets(job: Job, groups: Groups, hostvars: HostVars) -> list[dict[str, Any]]:
    """Return the job's target groups in file_sd's form, one a host, each with the inventory name as label ``host``."""
    members = {str(name): frozenset(hosts) for name, hosts in groups.items()} if job.label_groups else {}
    return [
        {
            "targets": [endpoint(host_address(name, hostvars[name]), port_of(job, hostvars[name]))],
            "labels": {"host": str(name), **({"groups": groups_label(name, members)} if members else {})},
        }
        for name in sorted(groups.get(job.group, []))
    ]


def groups_label(host: str, members: Mapping[str, Collection[str]]) -> str:
    """Return the groups of a host between commas, so that one of them is matched by ``groups=~".*,web,.*"``."""
    return "".join(f",{name}" for name in sorted(members) if name not in EVERYWHERE and host in members[name]) + ","


def discovery(
    jobs: Iterable[Job],
    groups: Groups,
    hostvars: HostVars,
    targets: Mapping[str, Any],
    blackbox_targets: Mapping[str, Any],
) -> dict[str, list[dict[str, Any]]]:
    """Return the content of every targets file by the name of its job.

    ``targets`` (name -> target groups in file_sd's form) and ``blackbox_targets`` (module -> addresses, or target groups)
    are the operator's own. Raises InvalidInput where an own name is that of a derived job, or an entry is not understood.
    """
    files = {job.name: job_targets(job, groups, hostvars) for job in jobs}
    own = {str(name): entries for name, entries in targets.items()}
    own.update({f"blackbox-{module}": entries for module, entries in blackbox_targets.items()})
    for name, entries in own.items():
        if name in files:
            raise InvalidInput(f"prometheus_targets has the key '{name}', but the inventory's own job has that name. Rename the key.")
        files[name] = [_target_group(name, entry) for entry in entries]
    return files


def expected_targets(files: Mapping[str, Iterable[Mapping[str, Any]]]) -> list[tuple[str, str, str]]:
    """Return every (job, host, address) that the targets files ask for, sorted; host is '-' where no label names one."""
    return sorted(
        (name, str(entry.get("labels", {}).get("host", "-")), str(address))
        for name, entries in files.items()
        for entry in entries
        for address in entry["targets"]
    )


def _target_group(name: str, entry: Any) -> dict[str, Any]:
    if isinstance(entry, str):
        return {"targets": [str(entry)]}
    if isinstance(entry, Mapping) and isinstance(entry.get("targets"), (list, tuple)) and set(entry) <= {"targets", "labels"}:
        return {key: entry[key] for key in ("targets", "labels") if key in entry}
    raise InvalidInput(
        f"The targets '{name}' hold {entry!r}; expected an address, or a mapping with 'targets' (a list) and, if wanted, 'labels'."
    )
