# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kind promql against a server on loopback that answers as Prometheus' API is documented to."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest

from tests.unit.health.serving import forever, look, page, says, serve


def vector(*series: tuple[dict[str, str], str]) -> bytes:
    result = [{"metric": labels, "value": [1700000000.1, value]} for labels, value in series]
    return answer({"status": "success", "data": {"resultType": "vector", "result": result}})


def answer(document: Any, status: str = "200 OK") -> bytes:
    return page(json.dumps(document), status, "Content-Type: application/json")


def test_every_series_is_judged(tmp_path: Path) -> None:
    asked: list[bytes] = []
    (tmp_path / "password").write_text("secret\n")
    series = [({"__name__": "load", "host": name}, value) for name, value in (("a", "1"), ("b", "7.5"), ("c", "6"))]
    with serve(says(vector(*series), asked)) as port:
        result = look("promql", url=f"http://127.0.0.1:{port}/prometheus/", query="load + on(host) x", above={"fail": 5},
                      username="vigil", password_file=str(tmp_path / "password"))
    assert (result.state, result.observed) == ("fail", 7.5)
    assert result.summary == 'load{host="b"} is 7.5, which fails at 5 (and 1 more of 3 series)'
    assert asked[0].startswith(b"POST /prometheus/api/v1/query HTTP/1.1\r\n") and b"Authorization: Basic" in asked[0]
    form = parse_qs(asked[0].partition(b"\r\n\r\n")[2].decode())
    assert form["query"] == ["load + on(host) x"] and form["timeout"] == ["5s"]


def test_values_that_are_no_numbers_of_json() -> None:
    with serve(says(vector(({}, "+Inf"), ({"a": "b"}, "NaN")))) as port:
        result = look("promql", url=f"http://127.0.0.1:{port}", query="x", above={"fail": 5})
    assert result.state == "fail" and result.values["series"] == [['{a="b"}', "NaN"], ["", "+Inf"]]
    json.dumps(result.values, allow_nan=False)


def test_a_scalar() -> None:
    with serve(says(answer({"status": "success", "data": {"resultType": "scalar", "result": [1700000000, "3"]}}))) as port:
        assert look("promql", url=f"http://127.0.0.1:{port}", query="scalar(x)", below={"fail": 2}).state == "pass"


def test_of_many_series_the_worst_are_kept() -> None:
    series = [({"n": str(number)}, str(number)) for number in range(5000)]
    with serve(says(vector(*series))) as port:
        high = look("promql", url=f"http://127.0.0.1:{port}", query="x", above={"fail": 4999})
        low = look("promql", url=f"http://127.0.0.1:{port}", query="x", below={"fail": 0})
        none = look("promql", url=f"http://127.0.0.1:{port}", query="x", expect="empty")
    assert high.summary == '{n="4999"} is 4999, which fails at 4999' and len(high.values["series"]) == 400
    assert low.summary == '{n="0"} is 0, which fails at 0'
    assert none.observed == 5000


def error(kind: str, words: str, status: str) -> bytes:
    return answer({"status": "error", "errorType": kind, "error": words}, status)


UNKNOWN: list[tuple[str, bytes, str]] = [
    ("a bad query", error("bad_data", "parse error: x", "400 Bad Request"), "bad_data: parse error"),
    ("a query that takes too long", error("timeout", "query timed out", "503 Busy"), "timeout: query timed out"),
    ("a wrong user", page("Unauthorized", "401 Unauthorized"), "answered 401, which is no answer of its API"),
    ("a page of another server", page("<html>"), "answered 200, which is no answer of its API"),
    ("a range", answer({"status": "success", "data": {"resultType": "matrix", "result": []}}), "answers with a matrix, expected one value"),
    ("half of the form", answer({"status": "success", "data": {"resultType": "vector", "result": [{"metric": {}}]}}), "not of the form"),
    ("no data", answer({"status": "success"}), "not of the form"),
    ("labels of another form", page('{"status": "success", "data": {"resultType": "vector", "result": [{"metric": 1, "value": [1, 1]}]}}'),
     "not of the form"),
    ("noise", b"\x00\x01\r\n", "is no HTTP"),
]


@pytest.mark.parametrize(("said", "words"), [pytest.param(*case[1:], id=case[0]) for case in UNKNOWN])
def test_what_is_no_answer_is_unknown(said: bytes, words: str) -> None:
    with serve(says(said)) as port:
        result = look("promql", url=f"http://127.0.0.1:{port}", query="x[5m]", above={"fail": 5})
    assert result.state == "unknown" and words in result.summary and result.advice, result.summary


def test_nobody_listens_and_nobody_answers() -> None:
    with serve(forever(b"", b"H", pause=0.05)) as port:
        slow = look("promql", 0.4, url=f"http://127.0.0.1:{port}", query="x", above={"fail": 5})
    gone = look("promql", url=f"http://127.0.0.1:{port}", query="x", above={"fail": 5})
    assert slow.state == "unknown" and "no answer in time" in slow.summary and slow.duration < 0.9
    assert gone.state == "unknown" and "connection refused" in gone.summary and "says nothing of what the query watches" in gone.advice
