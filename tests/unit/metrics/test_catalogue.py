# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/metrics.md can be read by the live test, and each row says all it should."""

from __future__ import annotations

import pytest

from tests.metrics import catalogue, queries

ROWS = catalogue.rows()


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.exporter}-{row.what}")
def test_a_row_is_whole(row: catalogue.Row) -> None:
    assert catalogue.names_in(f"{row.metric} 1") == {row.metric}
    assert row.metric in row.query
    assert row.what and row.unit
    for opening, closing in ("()", "[]", "{}"):
        assert row.query.count(opening) == row.query.count(closing)


@pytest.mark.parametrize(("exporter", "count"), [("node_exporter", 60), ("process-exporter", 15), ("blackbox_exporter", 7)])
def test_every_exporter_has_its_table(exporter: str, count: int) -> None:
    assert len(catalogue.of_exporter(exporter)) >= count


def test_a_metric_that_is_not_there_is_named() -> None:
    page = "\n".join(f'{row.metric}{{a="b"}} 1' for row in catalogue.of_exporter("node_exporter") if row.metric != "node_load1")
    assert catalogue.missing("node_exporter", page) == ["node_load1"]


def test_a_row_with_a_cell_too_few_is_refused() -> None:
    text = "## x\n| what | metric | query | unit | note |\n| --- | --- | --- | --- | --- |\n| a | `b` | `b` | c |\n"
    with pytest.raises(ValueError, match="4 cells, 5 were expected"):
        catalogue.rows(text)


@pytest.mark.parametrize(
    ("query", "answer", "words"),
    [
        ("up", {"status": "success", "data": {"result": [{}]}}, []),
        ("up", {"status": "success", "data": {"result": []}}, ["up: no result, though up should be there"]),
        ("up == 0", {"status": "success", "data": {"result": []}}, []),
        ("up(", {"status": "error", "error": "parse error"}, ["up(: parse error"]),
    ],
)
def test_an_unanswered_query_is_named(query: str, answer: dict[str, object], words: list[str]) -> None:
    row = catalogue.Row("x", "up", "up", query, "1", "")
    assert queries.refused(lambda _path: answer, [row]) == words
