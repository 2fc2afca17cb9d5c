# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fetches files over HTTP: resumed, retried with growing waits, verified. Used on a host and on the controller alike.

It does not go through System.http because archives are streamed to disk; time and waiting do go through System.
"""

from __future__ import annotations

import contextlib
import errno
import http.client
import json
import os
import random
import re
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from ..model import VigilError
from ..system import System
from .stamp import file_sha256
from .urls import shown

_AGAIN = (408, 425, 429, 500, 502, 503, 504)
_BLOCK = 256 * 1024
_LONGEST_WAIT = 30.0
_SHA256 = re.compile(r"[0-9a-fA-F]{64}")


class _Again(Exception):
    """This try failed, the next one may not."""

    def __init__(self, why: str, wait: float = 0.0) -> None:
        super().__init__(why)
        self.wait = wait


@dataclass(frozen=True)
class Fetcher:
    """``tries`` are made of each file; ``timeout`` (seconds) bounds each silence of the server."""

    system: System = field(default_factory=System)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    tries: int = 4
    timeout: float = 30.0

    def text(self, url: str, limit: int = 1024 * 1024) -> bytes:
        """A small file's content; an error where it is longer than ``limit`` bytes."""
        def attempt() -> bytes:
            with self._open(url, {}) as reply:
                content: bytes = reply.read(limit + 1)
                length = _length(reply)
            _whole(len(content), length if length is None or length <= limit else limit + 1)
            return content

        content: bytes = self._persist(url, attempt)
        if len(content) > limit:
            raise VigilError(f"{shown(url)} is longer than {limit} bytes. Expected a small text file there: check the address.")
        return content

    def file(self, url: str, path: str, sha256: str) -> None:
        """Fetch ``url`` to ``path`` and verify it.

        What an earlier try left in ``path``.part is resumed where the server can prove that it did not change meanwhile.
        """
        resumed = os.path.exists(path + ".part")
        self._persist(url, lambda: self._attempt(url, path + ".part"))
        found = file_sha256(path + ".part")
        if found != sha256 and resumed:
            forget_part(path)
            self._persist(url, lambda: self._attempt(url, path + ".part"))
            found = file_sha256(path + ".part")
        if found != sha256:
            forget_part(path)
            raise wrong_checksum(url, found, sha256)
        os.replace(path + ".part", path)
        forget_part(path)

    def _persist(self, url: str, attempt: Any) -> Any:
        began = self.system.monotonic()
        for number in range(1, self.tries + 1):
            try:
                return attempt()
            except _Again as error:
                why, wait = str(error), error.wait
            if number < self.tries:
                self.system.sleep(min(_LONGEST_WAIT, max(wait, 2 ** (number - 1) * random.uniform(0.5, 1.0))))
        spent = self.system.monotonic() - began
        raise VigilError(
            f"{shown(url)} could not be fetched: {self.tries} {'try' if self.tries == 1 else 'tries'} in {spent:.0f} s, "
            f"the last one ended with: {why}. Check that {urlsplit(url).netloc} answers from here, set a mirror with mirror_url, "
            "or let the controller download (via: controller). Nothing was changed."
        )

    def _attempt(self, url: str, part: str) -> None:
        have, validator = _known_part(url, part)
        extra = {"Range": f"bytes={have}-", "If-Range": validator} if have else {}
        with self._open(url, extra) as reply:
            partial = getattr(reply, "status", 200) == 206
            if partial and not str(reply.headers.get("Content-Range", "")).startswith(f"bytes {have}-"):
                forget_part(part[:-len(".part")])
                raise _Again("the server sent another part than the one asked for")
            start = have if partial else 0
            _remember_part(url, part, reply.headers)
            size = _stream(reply, part, start)
            length = _length(reply)
        _whole(size, None if length is None else start + length)

    def _open(self, url: str, extra: Mapping[str, str]) -> Any:
        request = urllib.request.Request(url, headers={"User-Agent": "vigil.monitoring", "Accept-Encoding": "identity", **extra})
        for name, value in self.headers.items():
            request.add_unredirected_header(name, value)
        try:
            return urllib.request.build_opener(_Redirects(self.headers)).open(request, timeout=self.timeout)
        except urllib.error.HTTPError as error:
            raise _refused(url, error) from error
        except (OSError, http.client.HTTPException) as error:
            raise _Again(str(getattr(error, "reason", "") or error)) from error


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Credentials follow a redirect only to the same server; https never becomes http."""

    def __init__(self, headers: Mapping[str, str]) -> None:
        self._headers = headers

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        old, new = urlsplit(req.full_url), urlsplit(newurl)
        if old.scheme == "https" and new.scheme != "https":
            raise VigilError(f"{shown(req.full_url)} redirects to {shown(newurl)}, not encrypted. Use the address behind it.")
        request = super().redirect_request(req, fp, code, msg, headers, newurl)
        if request is not None and (old.scheme, old.netloc) == (new.scheme, new.netloc):
            for name, value in self._headers.items():
                request.add_unredirected_header(name, value)
        return request


def _refused(url: str, error: urllib.error.HTTPError) -> Exception:
    if error.code == 416:
        return _Again("the server no longer has the part that was asked for")
    if error.code in _AGAIN:
        after = error.headers.get("Retry-After", "")
        return _Again(f"the server answered {error.code} {error.reason}", float(after) if after.isdigit() else 0.0)
    hint = {401: "Give credentials in download_headers.", 403: "Check the credentials in download_headers and the mirror's rules.",
            404: "Check the version and the address; behind a mirror, check that it keeps this file."}.get(error.code, "Check the address.")
    return VigilError(f"{shown(url)} could not be fetched: the server answered {error.code} {error.reason}. {hint} Nothing was changed.")


def _stream(reply: Any, part: str, start: int) -> int:
    size = start
    with open(part, "r+b" if start else "wb") as target:
        target.truncate(start)
        target.seek(start)
        while True:
            try:
                block = reply.read(_BLOCK)
            except (OSError, http.client.HTTPException) as error:
                raise _Again(f"the connection broke after {size} bytes ({error})") from error
            if not block:
                break
            with disk_full(part):
                target.write(block)
            size += len(block)
        with disk_full(part):
            target.flush()
            os.fsync(target.fileno())
    return size


@contextlib.contextmanager
def disk_full(path: str) -> Any:
    """Turn "no space left" into words that name the file system."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        folder = os.path.dirname(path)
        raise VigilError(
            f"The file system of {folder} is full ({error.strerror} while writing {path}). Free some space and run again. "
            "The installed version is as it was."
        ) from error


def _whole(size: int, expected: int | None) -> None:
    if expected is not None and size != expected:
        raise _Again(f"the server closed the connection after {size} of {expected} bytes")


def _length(reply: Any) -> int | None:
    text = reply.headers.get("Content-Length") or ""
    return int(text) if text.isdigit() else None


def _known_part(url: str, part: str) -> tuple[int, str]:
    try:
        with open(part + ".json", encoding="utf-8") as handle:
            note = json.load(handle)
        if note["url"] == url and note["validator"]:
            return os.path.getsize(part), note["validator"]
    except (OSError, ValueError, KeyError, TypeError):
        pass
    return 0, ""


def _remember_part(url: str, part: str, headers: Any) -> None:
    tag = headers.get("ETag") or ""
    # RFC 9110, 13.1.5: a weak tag proves nothing about bytes, so it cannot resume.
    validator = tag if tag and not tag.startswith("W/") else headers.get("Last-Modified") or ""
    with open(part + ".json", "w", encoding="utf-8") as handle:
        json.dump({"url": url, "validator": validator}, handle)


def forget_part(path: str) -> None:
    """Remove what a try left beside ``path``."""
    for name in (path + ".part", path + ".part.json"):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name)


def wrong_checksum(url: str, found: str, expected: str) -> VigilError:
    """The error of an archive that is not the one asked for."""
    return VigilError(
        f"{shown(url)} has the sha256 {found}, expected {expected}. The file was damaged or replaced on its way, or the checksum is of "
        "another version or architecture. Compare it with the one its makers publish. The file was thrown away and nothing was changed."
    )


def find_checksum(content: bytes, url: str, sums_url: str) -> str:
    """The sha256 of ``url``'s file in a sha256sums.txt (lines of digest, blanks, optional *, name)."""
    text, wanted = content.decode("utf-8", "replace"), os.path.basename(urlsplit(url).path)
    for line in text.splitlines():
        digest, _blank, name = line.strip().partition(" ")
        if os.path.basename(name.strip().lstrip("*")) == wanted and _SHA256.fullmatch(digest):
            return digest.lower()
    if _SHA256.fullmatch(text.strip()):
        return text.strip().lower()
    raise VigilError(f"{shown(sums_url)} has no line for {wanted}. Expected one with its sha256: check the version and the architecture.")
