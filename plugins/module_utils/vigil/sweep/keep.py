# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of a report on the controller, and the memory from sweep to sweep. Each lands whole; two sweeps at once take turns."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager

from ..files import write_atomic
from ..model import VigilError
from .changes import as_document, memory_of, remember
from .model import Memory, Report
from .render_html import as_html
from .render_json import as_json
from .render_junit import as_junit

STATE, JSON, LAST, JUNIT, HTML = "state.json", "health.json", "health.last.json", "health.xml", "health.html"
FORMS = ("json", "junit", "html")


def read_memory(folder: str) -> Memory:
    """Return what the last sweep left; an empty memory where there is none, or none that can be read."""
    try:
        with open(os.path.join(folder, STATE), encoding="utf-8") as handle:
            return memory_of(json.load(handle))
    except (OSError, ValueError, RecursionError):
        return Memory()


def write(folder: str, report: Report, memory: Memory, *, forms: Collection[str], known: Collection[str], detail: bool) -> dict[str, str]:
    """Write the files asked for and the memory, mode 0640 (0600 the memory); return their paths by form.

    The JSON of the sweep before stays as ``health.last.json``. Raises VigilError where the folder cannot be written.
    """
    texts = _texts(report, forms, detail)
    try:
        with _alone(folder):
            _keep_last(folder, texts)
            for name, text in texts.items():
                write_atomic(os.path.join(folder, name), text.encode("utf-8"), 0o640)
            left = as_document(remember(report.problems, report.hosts, memory, report.at, known))
            write_atomic(os.path.join(folder, STATE), json.dumps(left).encode(), 0o600)
    except OSError as error:
        advice = "Set health_report_dir to a folder of yours on the controller."
        raise VigilError(f"The report could not be written to {folder}: {error.strerror}. {advice}") from None
    paths = {JSON: "json", JUNIT: "junit", HTML: "html"}
    return {paths[name]: os.path.join(folder, name) for name in texts}


def _texts(report: Report, forms: Collection[str], detail: bool) -> Mapping[str, str]:
    texts = {}
    if "json" in forms:
        texts[JSON] = as_json(report)
    if "junit" in forms:
        texts[JUNIT] = as_junit(report)
    if "html" in forms:
        texts[HTML] = as_html(report, detail=detail)
    return texts


def _keep_last(folder: str, texts: Mapping[str, str]) -> None:
    if JSON in texts and os.path.exists(os.path.join(folder, JSON)):
        os.replace(os.path.join(folder, JSON), os.path.join(folder, LAST))


@contextmanager
def _alone(folder: str) -> Iterator[None]:
    os.makedirs(folder, mode=0o700, exist_ok=True)
    handle = os.open(os.path.join(folder, ".lock"), os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)
