# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The notifier with one more channel: it writes each message as a line of JSON, and does besides what a file says."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from vigil.health.kind import Option  # type: ignore[import-not-found]
from vigil.notifier.channel import Channel, Message, Outcome, Wire  # type: ignore[import-not-found]
from vigil.notifier.main import main  # type: ignore[import-not-found]

OPTIONS = (
    Option("folder", "path", "Where the lines go.", required=True), Option("name", "str", "The name of the file.", required=True),
    Option("secret_file", "path", "A secret."),
)


def send(message: Message, recipients: Sequence[str], settings: Mapping[str, Any], wire: Wire, now: float) -> Outcome:
    """Write a line; before and after it do what the file ``<name>.do`` says."""
    folder = Path(settings["folder"])
    todo = folder / f"{settings['name']}.do"
    what = json.loads(todo.read_text()) if todo.exists() else {}
    (folder / f"{settings['name']}.trying").write_text(message.id)
    time.sleep(what.get("before", 0))
    if what.get("state", "sent") == "sent":
        data = json.dumps({**asdict(message), "labels": dict(message.labels), "recipients": list(recipients)}).encode() + b"\n"
        handle = os.open(folder / f"{settings['name']}.lines", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.write(handle, data)
        os.close(handle)
    time.sleep(what.get("after", 0))
    return Outcome(what.get("state", "sent"), what.get("words", "written"), what.get("wait"))


PROBE = Channel("probe", "Writes lines.", OPTIONS, send)

if __name__ == "__main__":
    sys.exit(main(channels={"probe": PROBE}))
