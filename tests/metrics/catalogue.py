# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tables of docs/metrics.md as values, and what is said of them on live hosts."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

DOCUMENT = Path(__file__).parents[2] / "docs" / "metrics.md"
COLUMNS = ("what", "metric", "query", "unit", "note")


@dataclass(frozen=True)
class Row:
    """One line of a table. ``module`` is the probe that gives the metric, "" where the exporter gives it of itself."""

    exporter: str
    what: str
    metric: str
    query: str
    unit: str
    note: str
    module: str = ""


def rows(text: str | None = None) -> list[Row]:
    """Read all tables of the document (or of ``text``), each below the heading of its exporter."""
    return list(_rows(DOCUMENT.read_text(encoding="utf-8") if text is None else text))


def of_exporter(exporter: str) -> list[Row]:
    """Rows of one exporter: node_exporter, process-exporter or blackbox_exporter."""
    return [row for row in rows() if row.exporter == exporter]


def names_in(metrics: str) -> set[str]:
    """Names of the series in a page of metrics in the text format."""
    return set(re.findall(r"^([A-Za-z_:][A-Za-z0-9_:]*)[{ ]", metrics, flags=re.M))


def missing(exporter: str, metrics: str, module: str = "") -> list[str]:
    """Metrics of the document that a page of an exporter lacks."""
    found = names_in(metrics)
    return sorted({row.metric for row in of_exporter(exporter) if row.module == module} - found)


def _rows(text: str) -> Iterator[Row]:
    exporter = ""
    columns: tuple[str, ...] = ()
    for line in text.splitlines():
        cells = tuple(cell.strip().replace("\\|", "|") for cell in re.split(r"(?<!\\)\|", line.strip())[1:-1])
        if line.startswith("## "):
            exporter, columns = line[3:].strip(), ()
        elif cells[:5] == COLUMNS:
            columns = cells
        elif columns and len(cells) == len(columns) and not set(cells[0]) <= set("- "):
            yield Row(exporter, **{name: _code(cell) for name, cell in zip(columns, cells)})
        elif line.startswith("|") and columns and not set(line) <= set("|- "):
            raise ValueError(f"A row of docs/metrics.md has {len(cells)} cells, {len(columns)} were expected: {line}")


def _code(cell: str) -> str:
    """Take a cell that is one piece of code out of its marks."""
    return cell[1:-1] if re.fullmatch("`[^`]+`", cell) else cell
