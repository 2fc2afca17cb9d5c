# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bytes of an answer, by documents; and that no bytes at all break the reader or its bounds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.sweep.response import HEAD_LIMIT, BadAnswer, Reader
from hypothesis import given, settings
from hypothesis import strategies as st

CASES = yaml.safe_load((Path(__file__).parents[2] / "cases" / "sweep" / "responses.yml").read_text(encoding="utf-8"))
LIMIT = 100
HEAD = b"HTTP/1.1 200 OK\r\n"


def read(pieces: list[bytes]) -> Reader | None:
    """The reader after these pieces where the answer is whole, b"" being the end of the connection; None where it waits for more."""
    reader = Reader(LIMIT)
    for piece in pieces:
        if reader.feed(piece) if piece else reader.end():
            return reader
    return None


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_answer(case: dict[str, Any]) -> None:
    pieces = [piece.encode() for piece in case["pieces"]]
    if "bad" in case:
        with pytest.raises(BadAnswer, match=case["bad"]):
            read(pieces)
        return
    reader = read(pieces)
    assert reader is not None
    assert (reader.status, reader.body.decode()) == (case["status"], case["body"])


HUGE = [HEAD + b"A: " + b"b" * HEAD_LIMIT, HEAD + b"A: b\r\n" * HEAD_LIMIT, b"HTTP/1.1 100 Continue\r\n\r\n" * HEAD_LIMIT]


@pytest.mark.parametrize("head", HUGE)
def test_a_huge_head_is_given_up_within_its_bound(head: bytes) -> None:
    with pytest.raises(BadAnswer, match="headers of more than"):
        read([head[start : start + 16384] for start in range(0, len(head), 16384)])


def test_trailers_and_bodies_without_end_are_given_up() -> None:
    with pytest.raises(BadAnswer, match="headers of more than"):
        read([HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\n", *[b"A: b\r\n" * 100] * 100])
    with pytest.raises(BadAnswer, match="more than 100 bytes"):
        read([HEAD + b"\r\n", *[b"x" * 60] * 100])
    with pytest.raises(BadAnswer, match="more than 100 bytes"):
        read([HEAD + b"Transfer-Encoding: chunked\r\n\r\n", *[b"32\r\n" + b"x" * 50 + b"\r\n"] * 100])
    with pytest.raises(BadAnswer, match="more than 4096 chunks"):
        Reader(10_000).feed(HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\nx\r\n" * 5000)
    with pytest.raises(BadAnswer, match="chunk line"):
        read([HEAD + b"Transfer-Encoding: chunked\r\n\r\n1;" + b"x" * 2000])


def pieces_of(data: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted({cut % (len(data) + 1) for cut in cuts} | {0, len(data)})
    return [data[start:end] for start, end in zip(places, places[1:])]


FORMS = st.sampled_from(["length", "chunks", "rest"])


@given(body=st.binary(max_size=LIMIT), cuts=st.lists(st.integers(0, 400)), chunk=st.integers(1, 40), form=FORMS)
@settings(deadline=None, max_examples=200)
def test_however_it_is_cut_and_framed_the_body_is_the_same(body: bytes, cuts: list[int], chunk: int, form: str) -> None:
    if form == "length":
        data = HEAD + b"Content-Length: %d\r\n\r\n" % len(body) + body
    elif form == "chunks":
        parts = [body[start : start + chunk] for start in range(0, len(body), chunk)]
        data = HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"
    else:
        data = HEAD + b"\r\n" + body
    reader = read([*pieces_of(data, cuts), b""])
    assert reader is not None
    assert bytes(reader.body) == body


LIKELY = [HEAD, b"\r\n", b"Content-Length: 5\r\n", b"Transfer-Encoding: chunked\r\n\r\n", b"5\r\n"]


@given(pieces=st.lists(st.binary(min_size=1) | st.sampled_from(LIKELY)))
@settings(deadline=None, max_examples=300)
def test_no_bytes_break_it(pieces: list[bytes]) -> None:
    reader = Reader(LIMIT)
    try:
        for piece in pieces:
            if reader.feed(piece):
                break
        else:
            reader.end()
    except BadAnswer:
        pass
    assert len(reader.body) <= LIMIT
