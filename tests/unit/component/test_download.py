# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Downloads against a server that is made of answers."""

from __future__ import annotations

import hashlib
import http.client
import io
import urllib.error
from collections.abc import Mapping
from email.message import Message
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.component import download
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.model import VigilError

from .conftest import QuietSystem

BODY = bytes(range(256)) * 4
SUM = hashlib.sha256(BODY).hexdigest()
URL = "https://files.example/a.tar.gz"


class Reply(io.BytesIO):
    """An answer; a body shorter than its Content-Length is a connection that was closed."""

    def __init__(self, status: int, body: bytes, headers: Mapping[str, str]) -> None:
        super().__init__(body)
        self.status = status
        self.headers = Message()
        for name, value in headers.items():
            self.headers[name] = value


class Server(download.Fetcher):
    """Gives its answers in turn and keeps what was asked."""

    def prepare(self, *answers: Any) -> Server:
        object.__setattr__(self, "answers", list(answers))
        object.__setattr__(self, "asked", [])
        return self

    def _open(self, url: str, extra: Mapping[str, str]) -> Any:
        self.asked.append(dict(extra))  # type: ignore[attr-defined]
        answer = self.answers.pop(0)  # type: ignore[attr-defined]
        if isinstance(answer, int):
            raise download._refused(url, urllib.error.HTTPError(url, answer, http.client.responses[answer], Message(), None))
        return answer


def whole(etag: str = '"1"', body: bytes = BODY, **more: str) -> Reply:
    return Reply(200, body, {"Content-Length": str(len(BODY)), "ETag": etag, **more})


def rest(start: int, body: bytes = b"") -> Reply:
    headers = {"Content-Length": str(len(BODY) - start), "Content-Range": f"bytes {start}-{len(BODY) - 1}/{len(BODY)}", "ETag": '"1"'}
    return Reply(206, body or BODY[start:], headers)


def server(*answers: Any) -> Server:
    return Server(QuietSystem()).prepare(*answers)


def fetch(server: Server, folder: Path) -> list[dict[str, str]]:
    server.file(URL, str(folder / "a"), SUM)
    assert (folder / "a").read_bytes() == BODY
    assert [path.name for path in folder.iterdir()] == ["a"]
    return server.asked  # type: ignore[attr-defined, no-any-return]


def test_a_whole_file(tmp_path: Path) -> None:
    assert fetch(server(whole()), tmp_path) == [{}]


def test_a_truncated_file_is_resumed(tmp_path: Path) -> None:
    asked = fetch(server(whole(body=BODY[:100]), rest(100)), tmp_path)
    assert asked == [{}, {"Range": "bytes=100-", "If-Range": '"1"'}]


def test_a_file_that_changed_meanwhile_is_taken_anew(tmp_path: Path) -> None:
    assert len(fetch(server(whole(body=BODY[:100]), whole('"2"')), tmp_path)) == 2


@pytest.mark.parametrize("etag", ["", 'W/"1"'])
def test_without_proof_nothing_is_resumed(tmp_path: Path, etag: str) -> None:
    assert fetch(server(whole(etag, BODY[:100]), whole()), tmp_path) == [{}, {}]


def test_a_range_that_is_not_the_one_asked_for_starts_anew(tmp_path: Path) -> None:
    assert fetch(server(whole(body=BODY[:100]), rest(50), whole()), tmp_path)[2] == {}


def test_a_resumed_file_that_is_wrong_is_taken_anew(tmp_path: Path) -> None:
    (tmp_path / "a.part").write_bytes(b"x" * 100)
    (tmp_path / "a.part.json").write_text(f'{{"url": "{URL}", "validator": "\\"1\\""}}')
    assert len(fetch(server(rest(100), whole()), tmp_path)) == 2


def test_a_part_of_another_address_is_not_resumed(tmp_path: Path) -> None:
    (tmp_path / "a.part").write_bytes(b"x" * 100)
    (tmp_path / "a.part.json").write_text('{"url": "https://other", "validator": "\\"1\\""}')
    assert fetch(server(whole()), tmp_path) == [{}]


def test_a_wrong_file_is_thrown_away(tmp_path: Path) -> None:
    with pytest.raises(VigilError, match=f"expected {'0' * 64}"):
        server(whole()).file(URL, str(tmp_path / "a"), "0" * 64)
    assert list(tmp_path.iterdir()) == []


def test_tries_are_bounded_and_wait_longer_each_time(tmp_path: Path) -> None:
    down = server(503, 502, 429, 504)
    with pytest.raises(VigilError, match=r"a.tar.gz could not be fetched: 4 tries in \d+ s.*answered 504.*Check that files.example"):
        down.file(URL, str(tmp_path / "a"), SUM)
    waits = down.system.waited  # type: ignore[attr-defined]
    assert [0.5 <= waits[0] <= 1, 1 <= waits[1] <= 2, 2 <= waits[2] <= 4, len(waits)] == [True, True, True, 3]


@pytest.mark.parametrize(("status", "hint"), [(404, "the version"), (401, "Give credentials"), (403, "the credentials"), (410, "address")])
def test_an_answer_that_will_not_change_is_not_asked_for_again(tmp_path: Path, status: int, hint: str) -> None:
    once = server(status)
    with pytest.raises(VigilError, match=f"answered {status} .*{hint}"):
        once.file(URL, str(tmp_path / "a"), SUM)


def test_the_part_that_is_there_is_kept_for_the_next_run(tmp_path: Path) -> None:
    with pytest.raises(VigilError):
        Server(QuietSystem(), tries=1).prepare(whole(body=BODY[:100])).file(URL, str(tmp_path / "a"), SUM)
    assert fetch(server(rest(100)), tmp_path)[0]["Range"] == "bytes=100-"


def test_credentials_stay_with_their_server() -> None:
    import urllib.request

    handler = download._Redirects({"Authorization": "Bearer secret"})
    request = urllib.request.Request("https://a.example/x")
    other = handler.redirect_request(request, None, 302, "", Message(), "https://b.example/y")
    same = handler.redirect_request(request, None, 302, "", Message(), "https://a.example/y")
    assert (other.has_header("Authorization"), same.has_header("Authorization")) == (False, True)
    with pytest.raises(VigilError, match="not encrypted"):
        handler.redirect_request(request, None, 302, "", Message(), "http://a.example/y")


def test_secrets_do_not_show() -> None:
    assert "secret" not in repr(download.Fetcher(headers={"Authorization": "secret"}))


@pytest.mark.parametrize("text", [f"{SUM}  a.tar.gz\n", f"{SUM} *./a.tar.gz\n", SUM + "\n", f"{'0' * 64}  b\n{SUM}  a.tar.gz"])
def test_a_line_of_checksums(text: str) -> None:
    assert download.find_checksum(text.encode(), URL, "https://x/sums") == SUM


@pytest.mark.parametrize("text", ["", f"{SUM}  b.tar.gz", f"{SUM[:-1]}z  a.tar.gz"])
def test_no_line_of_checksums(text: str) -> None:
    with pytest.raises(VigilError, match="has no line for a.tar.gz"):
        download.find_checksum(text.encode(), URL, "https://x/sums")
