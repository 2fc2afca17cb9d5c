# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The notifier's channels as Markdown: a table of all, and for each its options and an example. Pure text of what a channel declares."""

from __future__ import annotations

from collections.abc import Iterable

from plugins.module_utils.vigil.notifier.channel import Channel

from . import checks


def index(channels: Iterable[Channel]) -> str:
    """The table of all channels."""
    lines = ["| channel | what it is | recipients |", "| --- | --- | --- |"]
    lines += [f"| [`{channel.name}`](#{channel.name}) | {_cell(channel.text)} | {_cell(_recipients(channel))} |" for channel in channels]
    return "\n".join(lines)


def sections(channels: Iterable[Channel]) -> str:
    """A section for each channel: options and example."""
    return "\n".join(line for channel in channels for line in _section(channel)).strip("\n")


def _section(channel: Channel) -> list[str]:
    needs = [*checks.library(channel.packages), ""] if channel.packages else []
    table = [*checks.HEAD, *map(checks.row, channel.options)]
    return ["", f"### `{channel.name}`", "", *needs, *table, "", "```yaml", channel.example.rstrip("\n"), "```"]


def _recipients(channel: Channel) -> str:
    return channel.recipients + ("" if channel.needs_recipients else " (may be none)")


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")
