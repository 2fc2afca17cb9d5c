# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which parts of a deployment the tags of a run ask for."""

from __future__ import annotations

from collections.abc import Collection

PARTS = ("install", "configure")


def part_tags(part: str, role: str) -> set[str]:
    """Return the tags that mean one part only, such as ``install`` and ``prometheus_install``."""
    tags = {part, f"{role}_{part}"}
    return tags | {f"{role}_run"} if part == "configure" else tags


def all_tags(role: str) -> set[str]:
    """Return the tags that belong to one role: its name and those of its parts."""
    return {role} | {tag for part in PARTS for tag in part_tags(part, role)} - set(PARTS)


def asked_parts(run: Collection[str], skip: Collection[str], own: Collection[str], role: str, others: Collection[str] = ()) -> list[str]:
    """Return the parts to carry out, in order.

    ``run`` and ``skip`` are the tags of the run, ``own`` those of the task. A tag of the task that stands for no single part (the
    role's name, or one of the operator's) asks for all of them. ``others`` are roles that share the task: their tags are theirs.
    """
    foreign = {tag for other in others for tag in all_tags(other)}
    single = {part: part_tags(part, role) for part in PARTS}
    whole = {"all", "tagged", *own} - {tag for tags in single.values() for tag in tags} - foreign
    everything = bool(set(run) & whole)
    return [part for part in PARTS if (everything or set(run) & single[part]) and not set(skip) & single[part]]
