# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``log``: lines of a log file or of the journal that match a pattern, since the last look."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from .. import log_file, log_journal
from ..kind import Kind, Look, Option, Options
from ..model import FAIL, PASS, WARN, CannotTell, Finding, Limits, Observation
from ..stuck import Stuck, within
from ..thresholds import demand, judge

_LEAST_READ = 256 * 1024
_MOST_EVENTS = 500
_SHOWN = 200
_OPTIONS = (
    Option("path", "str", "The log file, or a shell pattern of which the newest file counts.", default=""),
    Option("unit", "str", "In place of a file: the unit whose messages in the journal are read.", default=""),
    Option("patterns", "list", "Regular expressions; a line in which one of them is found counts.", required=True),
    Option("ignore", "list", "Regular expressions; a line in which one of them is found never counts.", default=()),
    Option("matches", "limits", "Number of lines that match, within `window`.", default=Limits(None, 1.0)),
    Option("window", "duration", "How long a line counts; 0 counts those since the last look.", default=0.0),
    Option("show", "bool", "Show the latest line that matches. A log may hold secrets, and many see the health.", default=False),
    Option("missing", "str", "What it means when the file is not there.", default="fail", choices=("fail", "warn", "pass")),
    Option("read_limit", "size", "Bytes that one look reads at most; the rest is read by the next one.", default=8 * 1024 * 1024),
    Option("unread", "limits", "Bytes left for the next looks: the log grows faster than it is read.", unit="bytes",
           default=Limits(64.0 * 1024 * 1024, None)),
)


def refuse(options: Options) -> str | None:
    """Refuse both or neither of file and unit, a relative path, patterns that are none, and too small a limit."""
    if bool(options["path"]) == bool(options["unit"]):
        return "it needs either path or unit."
    if options["path"] and not options["path"].startswith("/"):
        return f"path is {options['path']!r}, expected an absolute path."
    if options["unit"].startswith("-"):
        return f"unit is {options['unit']!r}, expected the name of a unit."
    if not options["patterns"]:
        return "patterns is empty, expected one regular expression or more."
    for pattern in (*options["patterns"], *options["ignore"]):
        try:
            re.compile(pattern)
        except re.error as error:
            return f"{pattern!r} is no regular expression: {error}."
    return "read_limit is too small, expected 256KiB or more." if options["read_limit"] < _LEAST_READ else None


class _Counter:
    """Counts the lines that match, and keeps the last of them."""

    def __init__(self, options: Options) -> None:
        self._wanted = [re.compile(pattern) for pattern in options["patterns"]]
        self._ignored = [re.compile(pattern) for pattern in options["ignore"]]
        self.lines = self.count = 0
        self.last = ""

    def take(self, line: bytes) -> None:
        self.lines += 1
        text = line.decode(errors="replace").rstrip("\r")
        if any(one.search(text) for one in self._wanted) and not any(one.search(text) for one in self._ignored):
            self.count += 1
            self.last = text


def observe(options: Options, look: Look) -> Observation:
    """Read what is new, and count."""
    counter = _Counter(options)
    facts, kept = (_journal if options["unit"] else _file)(options, look, counter)
    now, window = look.system.uptime(), options["window"]
    events = [[at, count] for at, count in look.memory.get("events", []) if window and now - window < at <= now]
    events = ([*events, [now, counter.count]] if counter.count else events)[-_MOST_EVENTS:]
    last = counter.last or (look.memory.get("last", "") if events else "")
    last = "".join(sign if sign.isprintable() else " " for sign in last[:_SHOWN]) if options["show"] else ""
    values = {**facts, "lines": counter.lines, "matches": sum(count for _at, count in events), "last": last}
    return Observation(values, {**kept, "events": events, "last": last})


def _file(options: Options, look: Look, counter: _Counter) -> tuple[dict[str, Any], dict[str, Any]]:
    path = options["path"]
    budget = log_file.Budget(options["read_limit"], look.system.monotonic() + look.timeout * 0.8, look.system.monotonic)
    places = log_file.from_json(look.memory.get("places", ()))
    try:
        read = within(path, look.timeout * 0.95, lambda: log_file.follow(path, places, budget, counter.take))
    except Stuck as error:
        raise CannotTell(f"the file system does not answer: {error}", f"See whose it is: findmnt -T {path}")
    except OSError as error:
        raise CannotTell(f"{error.filename or path} cannot be read: {error.strerror}",
                         "Give the checker's user the right to read it (group adm on Debian), and to enter the folders above it.")
    facts = {"there": bool(read.path), "path": _printable(read.path), "begun": read.begun, "rotated": read.rotated, "lost": read.lost,
             "unread": read.unread}
    return facts, {"places": log_file.to_json(read.places)}


def _printable(path: str) -> str:
    return path.encode(errors="surrogateescape").decode(errors="replace")


def _journal(options: Options, look: Look, counter: _Counter) -> tuple[dict[str, Any], dict[str, Any]]:
    unit, cursor, since = options["unit"], look.memory.get("cursor", ""), look.memory.get("since")
    begun = since is None
    since = look.system.now() if since is None else since
    read = log_journal.follow(unit, cursor, since, options["read_limit"], look.timeout * 0.9, look.system, counter.take)
    if begun:  # the second it began in holds messages of before
        counter.lines = counter.count = 0
    facts = {"there": True, "path": f"the journal of {unit}", "begun": begun, "rotated": False, "lost": read.lost,
             "unread": options["read_limit"] if read.more else 0}
    return facts, {"cursor": read.cursor, "since": look.system.now() if read.lost else since}


def decide(options: Options, values: Mapping[str, Any]) -> list[Finding]:
    """How many lines match; and a word on what could not be read."""
    path = values["path"] or options["path"]
    where = f"journalctl -u {options['unit']} -n 100" if options["unit"] else f"tail -n 100 {path}"
    span = f"within {options['window']:g} s" if options["window"] else "since the last look"
    name = f"number of lines in {path} that match {span}"
    if values["begun"]:
        name = f"{path} is read from here on; number of lines that match"
    found = judge("matches", values["matches"], options["matches"], name=name, advice=f"See them: {where}")
    if values["last"] and values["matches"]:
        found = Finding(**{**found.__dict__, "sentence": f"{found.sentence}; the latest: {values['last']}"})
    findings = [found, judge("unread", values["unread"], options["unread"], "bytes", name=f"unread rest of {path}",
                             advice="Raise read_limit or make the log smaller.")]
    if values["lost"]:
        findings.append(Finding("lost", PASS, None, "", f"{path} was replaced, and what was written to the old one last is not found"))
    return findings if values["there"] else [_missing(options), *findings[: bool(values["matches"])]]


def _missing(options: Options) -> Finding:
    path, state = options["path"], WARN if options["missing"] == WARN else FAIL
    return demand("missing", options["missing"] == PASS, "missing", "to exist", f"the log {path} is not there", state=state,
                  advice=f"See whether its program runs and may write: ls -l {path}")


KIND = Kind(
    name="log",
    text="Lines of a log file, or of a unit's journal, that match a pattern, since the last look. It goes on over rotation (renamed, copied"
         " and cut, compressed), removal and restarts; the first look begins at the end.",
    options=_OPTIONS,
    observe=observe,
    decide=decide,
    refuse=refuse,
    groups=("systemd-journal",),
    example="""\
- name: errors of the application
  kind: log
  path: /var/log/app/app.log
  patterns: ['ERROR', 'Traceback']
  ignore: ['client disconnected']
  matches: {warn: 1, fail: 10}
  window: 5m
- name: disk errors
  kind: log
  unit: smartd.service
  patterns: ['FAILED|Offline uncorrectable']
""",
)
