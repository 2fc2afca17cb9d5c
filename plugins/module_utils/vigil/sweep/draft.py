# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Answers as text, from the moment the agents were asked until the report: SSH is asked in between. Pure."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from .model import Answer, Row, Seen, Silence, Target


def dump(targets: Sequence[Target], answers: Sequence[Answer], at: float, seconds: float) -> str:
    """Return the text; ``at`` is when the sweep began (epoch), ``seconds`` how long the agents took."""
    told = {"targets": [asdict(one) for one in targets], "answers": [_answer(one) for one in answers]}
    return json.dumps({"at": at, "seconds": seconds, **told})


def load(text: str) -> tuple[list[Target], list[Answer], float, float]:
    """Return what was dumped."""
    kept = json.loads(text)
    return [Target(**one) for one in kept["targets"]], [_read(one) for one in kept["answers"]], kept["at"], kept["seconds"]


def _answer(one: Answer) -> dict[str, Any]:
    return {
        "host": one.host, "seconds": one.seconds, "silence": asdict(one.silence) if one.silence else None,
        "rows": [list(row) for row in one.seen.rows] if one.seen else None, "age": one.seen.age if one.seen else 0.0,
    }


def _read(one: dict[str, Any]) -> Answer:
    seen = Seen(tuple(Row(*row) for row in one["rows"]), one["age"]) if one["rows"] is not None else None
    return Answer(one["host"], seen, Silence(**one["silence"]) if one["silence"] else None, one["seconds"])
