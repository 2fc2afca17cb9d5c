# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``command``: a program of one's own, judged by its exit code, its output and a number in it.

The program comes from the inventory alone and runs without a shell, as the user that looks.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from typing import Any

from ..kind import Kind, Look, Option, Options
from ..model import FAIL, PASS, UNKNOWN, WARN, CannotTell, Finding, Limits, Observation
from ..thresholds import demand, judge
from ..units import words

# The codes of monitoring plugins (Monitoring Plugins Development Guidelines, "Plugin Return Codes"); 3 means unknown there too.
_CODES = {"0": PASS, "1": WARN, "2": FAIL}
_STATES = (PASS, WARN, FAIL, UNKNOWN)
_SHOWN = 200
_OPTIONS = (
    Option("argv", "list", "The program and its arguments, as a list. There is no shell: no pipes, no globs, no variables.", required=True),
    Option("codes", "dict", "What each exit code means: pass, warn, fail or unknown. Any other code is unknown.", default=_CODES),
    Option("output", "regex", "Pattern that the output has to contain; ^ and $ stand for the ends of a line.", default=""),
    Option("value", "regex", "Pattern whose first group is a number in the output, for maximum and minimum.", default=""),
    Option("maximum", "limits", "Limits of the value: worse the greater it is.", default=Limits()),
    Option("minimum", "limits", "Limits of the value: worse the smaller it is.", worse="below", default=Limits(worse="below")),
    Option("unit", "str", "The value's unit, for a person: s, bytes, %, or empty.", default="", choices=("", "s", "bytes", "%")),
    Option("stream", "str", "Where output and value are looked for.", default="out", choices=("out", "err", "both")),
    Option("env", "dict", "Variables that are set for the program.", default={}, secret=True),
    Option("cwd", "path", "Folder that the program starts in.", default="/"),
    Option("keep", "size", "How much of the output is looked at, from its beginning; the rest is dropped.", default=64 * 1024),
)


def refuse(options: Options) -> str | None:
    """Refuse a command line in one piece, codes that are none, and limits without a value."""
    return _refused_argv(options["argv"]) or _refused_codes(options["codes"]) or _refused_value(options)


def _refused_argv(argv: tuple[str, ...]) -> str | None:
    if not argv or not argv[0]:
        return "argv is empty, expected a program and its arguments as a list."
    if len(argv) == 1 and len(argv[0].split()) > 1:
        return f"argv is {argv[0]!r} in one piece; there is no shell: write it as a list, {argv[0].split()}."
    return "argv holds a NUL character, which no argument can have." if any("\0" in part for part in argv) else None


def _refused_codes(codes: Mapping[str, Any]) -> str | None:
    for code, state in codes.items():
        if not code.isdigit() or int(code) > 255:
            return f"codes: {code!r} was found, expected an exit code from 0 to 255."
        if state not in _STATES:
            return f"codes: {code}: {state!r} was found, expected one of {', '.join(_STATES)}."
    return None if codes else "codes is empty, expected at least the code that passes."


def _refused_value(options: Options) -> str | None:
    limited = any(limit is not None for name in ("maximum", "minimum") for limit in (options[name].warn, options[name].fail))
    if limited and not options["value"]:
        return "maximum and minimum need value, a pattern whose first group is the number."
    if options["value"] and re.compile(options["value"]).groups < 1:
        return f"value is {options['value']!r}, expected a pattern with a group around the number, such as 'queue: (\\d+)'."
    return None if 0 < options["keep"] <= 2**24 else f"keep is {options['keep']} bytes, expected 1 byte to 16 MiB."


def observe(options: Options, look: Look) -> Observation:
    """Run the program within the deadline; whatever keeps it from ending by itself is the checker's trouble, not the target's."""
    env = {name: str(value) for name, value in options["env"].items()}
    ended = look.system.bounded_run(options["argv"], look.timeout, env, options["cwd"], options["keep"])
    if ended.rc is None:
        raise CannotTell(ended.problem, _advice_for(ended.timed_out, options))
    text = {"out": ended.out, "err": ended.err, "both": f"{ended.out}\n{ended.err}"}[options["stream"]]
    found = re.search(options["value"], text, re.MULTILINE) if options["value"] else None
    return Observation({
        "code": ended.rc, "said": _first_line(ended.out) or _first_line(ended.err), "number": found.group(1) if found else None,
        "matches": re.search(options["output"], text, re.MULTILINE) is not None, "bytes": ended.out_bytes + ended.err_bytes,
    })


def _advice_for(timed_out: bool, options: Options) -> str:
    if timed_out:
        return f"Raise the check's timeout, or see what it waits for: {shlex.join(options['argv'])}"
    return "Install the program, or correct argv and cwd; the user that looks needs the right to run it."


def _first_line(text: str) -> str:
    return next((line.strip()[:_SHOWN] for line in text.splitlines() if line.strip()), "")


def decide(options: Options, values: Mapping[str, Any]) -> list[Finding]:
    """By the exit code first; where that says pass or warn, by the output and the value too."""
    advice = f"Run it by hand: {shlex.join(options['argv'])}"
    findings = [_code(options, values, advice)]
    if findings[0].state in (FAIL, UNKNOWN):
        return findings
    if options["output"]:
        found = values["matches"]
        sentence = f"{_name(options)} said {values['said']!r}" + ("" if found else f", and nowhere what matches {options['output']!r}")
        findings.append(demand("output", found, values["said"], f"output that matches {options['output']!r}", sentence, advice=advice))
    return findings + (_value(options, values, advice) if options["value"] else [])


def _name(options: Options) -> str:
    return str(options["argv"][0].rpartition("/")[2])


def _code(options: Options, values: Mapping[str, Any], advice: str) -> Finding:
    code = values["code"]
    state = options["codes"].get(str(code), UNKNOWN)
    passing = [known for known, meaning in options["codes"].items() if meaning == PASS]
    how = f"was killed by signal {-code}" if code < 0 else f"ended with code {code}"
    meaning = "" if str(code) in options["codes"] else ", which nobody expected"
    said = f": {values['said']}" if values["said"] else ""
    return Finding("code", state, code, f"code {' or '.join(passing)}", f"{_name(options)} {how}{meaning}{said}",
                   advice="" if state == PASS else advice)


def _value(options: Options, values: Mapping[str, Any], advice: str) -> list[Finding]:
    try:
        number = float(values["number"])
    except (TypeError, ValueError):
        found = "nothing" if values["number"] is None else repr(values["number"])
        sentence = f"{_name(options)} said {values['said']!r}: {options['value']!r} finds {found} in it, expected a number"
        return [Finding("value", UNKNOWN, values["number"], "a number", sentence, advice=advice)]
    name = f"the value of {_name(options)}"
    pairs = [("value", options["maximum"]), ("value", options["minimum"])]
    used = [(what, limits) for what, limits in pairs if limits.warn is not None or limits.fail is not None]
    if not used:
        return [Finding("value", PASS, number, "a number", f"{name} is {words(number, options['unit'])}", options["unit"])]
    return [judge(what, number, limits, options["unit"], name=name, advice=advice) for what, limits in used]


KIND = Kind(
    name="command",
    text="Runs a program, such as a monitoring plugin, and judges its exit code, its output, or a number in it. It runs without a shell, "
         "in a session of its own, and is killed with its children when the timeout is up; then the check is unknown.",
    options=_OPTIONS,
    observe=observe,
    decide=decide,
    refuse=refuse,
    example="""\
- name: mail queue
  kind: command
  argv: [/usr/bin/find, /var/spool/postfix/deferred, -type, f, -printf, 'x\\n']
  codes: {0: pass}
- name: raid
  kind: command
  argv: [/usr/lib/nagios/plugins/check_raid]
  timeout: 20s
  interval: 5m
- name: entropy
  kind: command
  argv: [cat, /proc/sys/kernel/random/entropy_avail]
  value: '(\\d+)'
  minimum: {warn: 200, fail: 100}
""",
)
