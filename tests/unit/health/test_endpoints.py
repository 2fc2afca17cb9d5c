# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is answered to each request, by documents; and that nothing a stranger sends breaks it, or makes it tell more than a status."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.endpoints import Request, Response, respond
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.model import STATES, Result
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.snapshot import Snapshot
from hypothesis import example, given
from hypothesis import strategies as st

DOCUMENT = yaml.safe_load((Path(__file__).resolve().parents[2] / "cases" / "health" / "endpoints.yml").read_text(encoding="utf-8"))
NOW, TOKEN = 1_800_000_000.0, "s3cret"
AUTHORIZATIONS = {"right": f"Bearer {TOKEN}", "wrong": "Bearer wr0ng", None: ""}
CASES = [pytest.param(case, id=case["name"]) for case in DOCUMENT["cases"]]


def snapshot(name: str) -> Snapshot:
    document = DOCUMENT["snapshots"][name]
    results = tuple(Result(**{"raw": entry["state"], "at": NOW, **entry}) for entry in document["results"])
    return Snapshot("web1", "1.2", NOW - document.get("age", 0), 10.0, results, waiting=frozenset(document.get("waiting", [])))


def ask(case: dict[str, Any], **changed: str) -> Response:
    authorization = case.get("authorization", AUTHORIZATIONS[case.get("token")])
    request = Request(**{"method": case.get("method", "GET"), "path": case["path"], "query": case.get("query", ""),
                         "authorization": authorization, **changed})
    options = {"token": case.get("configured", TOKEN), "prefix": case.get("prefix", ""), "public": case.get("public", False)}
    return respond(snapshot(case["snapshot"]), request, NOW, **options)


def trusted(case: dict[str, Any]) -> bool:
    given = case.get("authorization", AUTHORIZATIONS[case.get("token")]).lower()
    return bool(case.get("public") or (case.get("configured", TOKEN) and given == f"bearer {TOKEN}"))


def words_of(seen: Snapshot) -> list[str]:
    """Everything that only who has the token may read."""
    told = [text for result in seen.results for text in (result.name, result.summary, result.advice, result.kind)]
    return [text for text in (*told, *seen.waiting, seen.host, seen.release, TOKEN) if text and text != "live"]


@pytest.mark.parametrize("case", CASES)
def test_answer(case: dict[str, Any]) -> None:
    answer = ask(case)
    assert answer.status == case["status"], answer
    body = json.loads(answer.body) if answer.body else {}
    assert body == {**body, **case.get("body", {})}
    assert not [text for text in case.get("says", []) if text not in answer.body.decode()], answer.body
    assert answer.headers == {**answer.headers, **case.get("headers", {})}


@pytest.mark.parametrize("case", [case for case in CASES if not trusted(case.values[0])])
def test_without_the_token_there_is_a_status_and_no_word_of_a_check(case: dict[str, Any]) -> None:
    answer = ask(case)
    text = answer.body.decode() + repr(answer.headers)
    assert not [word for word in words_of(snapshot(case["snapshot"])) if word in text], text
    assert set(json.loads(answer.body) if answer.body else {}) <= {"status", "version", "time", "interval", "output"}


@pytest.mark.parametrize("case", [case for case in CASES if "method" not in case.values[0]])
def test_head_is_the_same_without_a_body(case: dict[str, Any]) -> None:
    whole, head = ask(case), ask(case, method="HEAD")
    assert (head.status, head.headers, head.length, head.body) == (whole.status, whole.headers, len(whole.body), b"")
    assert whole.length == len(whole.body) > 0


@pytest.mark.parametrize("path", ["/health" + "/x" * 100_000, "/health/" + "%2e" * 100_000, "/" * 100_000])
def test_very_long_paths(path: str) -> None:
    answer = ask({"snapshot": "good", "path": path})
    assert answer.status == 404
    assert len(answer.body) < 200


def test_of_a_long_query_little_comes_back() -> None:
    answer = ask({"snapshot": "standby", "path": "/replica", "query": "lag=" + "x" * 100_000})
    assert answer.status == 400
    assert len(answer.body) < 300


KEPT = [(0, 10, 5), (2, 10, 3), (4.5, 10, 0), (60, 10, 0), (0, 2, 2), (0, 0.5, 0), (-3, 10, 5)]


@pytest.mark.parametrize(("age", "interval", "keep"), KEPT)
def test_an_answer_is_kept_until_the_next_look_at_most(age: float, interval: float, keep: int) -> None:
    answer = respond(Snapshot("web1", "1", NOW - age, interval), Request("GET", "/health/live"), NOW)
    assert (answer.headers["Age"], answer.headers["Cache-Control"]) == (f"{max(0, age):.0f}", f"max-age={keep}")


def test_what_is_no_text_and_no_number_is_still_a_document() -> None:
    odd = (Result("a\ud800", "tcp", "fail", "half \udc80 of a pair", observed=float("nan")), Result("b", "tcp", "fail", "x", float("inf")))
    answer = respond(Snapshot("web1", "1", NOW, 10.0, odd), Request("GET", "/health"), NOW, public=True)
    assert answer.status == 503
    assert "observedValue" not in str(json.loads(answer.body, parse_constant=lambda name: pytest.fail(f"{name} is no JSON")))


any_text = st.text(st.characters(exclude_categories=()), max_size=60)
PATHS = ("/", "/health", "/health/", "/health/live", "/health/ready", "/health/startup", "/primary", "/replica", "/standby", "/internal/")
paths = st.builds("".join, st.tuples(st.sampled_from(PATHS), any_text)) | any_text
queries = st.builds("".join, st.tuples(st.sampled_from(("", "lag=", "check=", "lag=1&check=")), any_text))
results = st.builds(
    Result, any_text, any_text, st.sampled_from(STATES), any_text, st.none() | st.floats() | any_text, ready=st.booleans(),
    values=st.fixed_dictionaries({}, optional={"role": st.sampled_from(("primary", "standby")), "lag": st.none() | st.floats()}))
snapshots = st.builds(
    Snapshot, any_text, any_text, st.floats(0, 2 * NOW), st.floats(0.1, 1e6), st.lists(results, max_size=3).map(tuple),
    waiting=st.frozensets(any_text, max_size=2))


@given(snapshots, st.sampled_from(("GET", "HEAD", "OPTIONS", "POST")) | any_text, paths, queries, any_text, any_text, st.booleans())
@example(snapshot("standby"), "GET", "/replica", "lag=" + "9" * 60, "", "", False)
@example(snapshot("good"), "GET", "/health", "", "Bearer \ud800", "\ud800", False)
def test_whatever_is_sent_is_answered(
    seen: Snapshot, method: str, path: str, query: str, authorization: str, token: str, public: bool
) -> None:
    answer = respond(seen, Request(method, path, query, authorization), NOW, token=token, public=public)
    assert answer.status in (200, 204, 400, 401, 404, 405, 503)
    assert not answer.body or len(answer.body) == answer.length
    assert not answer.body or json.loads(answer.body)["status"] in STATES
    assert all(text.isascii() and text.isprintable() for text in answer.headers.values())


secrets = st.text(st.characters(min_codepoint=0x3B1, max_codepoint=0x3C9), min_size=3, max_size=20)


@given(st.lists(st.builds(Result, secrets, secrets, st.sampled_from(STATES), secrets, advice=secrets), max_size=3), paths, queries)
def test_no_word_of_a_check_leaks(found: list[Result], path: str, query: str) -> None:
    answer = respond(Snapshot("web1", "1", NOW, 10.0, tuple(found)), Request("GET", path, query, ""), NOW, token=TOKEN)
    text = str(json.loads(answer.body))
    told = [word for result in found for word in (result.name, result.kind, result.summary, result.advice)]
    assert not [word for word in told if word in text and word not in path + query]
