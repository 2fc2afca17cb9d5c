# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Rules with one thing wrong: a test that does not see the difference would not see the mistake either."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.alerts.model import Area, Rule

from .case import Case
from .trial import Trial, groups_of, run, trials

_STRICTER = {"<": "<=", "<=": "<", ">": ">=", ">=": ">", "==": "!=", "!=": "=="}
_TURNED = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}
_STRING = r'"[^"]*"'
_COMPARISON = re.compile(rf"{_STRING}|\{{[^}}]*\}}|(<=|>=|==|!=|<|>)")


def mutants(rule: Rule) -> Iterator[tuple[str, Rule]]:
    """Each comparison made stricter and turned round, each threshold a quarter more and a fifth less (a small whole one: one)."""
    for number, match in enumerate(_COMPARISON.finditer(rule.expr)):
        for kind, table in (("strict", _STRICTER), ("turned", _TURNED)):
            if match[1] and match[1] in table:
                expr = f"{rule.expr[:match.start()]}{table[match[1]]}{rule.expr[match.end():]}"
                yield f"{kind}{number}", replace(rule, expr=expr)
    for name, value in rule.thresholds.items():
        more, less = (value + 1, value - 1) if value.is_integer() and value < 10 else (value * 1.25, value * 0.8)
        for kind, other in (("more", more), ("less", less)):
            yield f"{kind}-{name}", replace(rule, thresholds={**rule.thresholds, name: other})


def mutated(case: Case, areas: Iterable[Area]) -> Iterator[Trial]:
    """The tests of a case, on each mutant of its rule."""
    areas = list(areas)
    plain = trials(case, areas)[0]
    for name, rule in mutants(case.rule):
        yield Trial(f"{case.rule.id}--{name}", groups_of(rule, areas), plain.tests, plain.interval)


def survivors(tool: str, cases: Iterable[Case], areas: Iterable[Area]) -> tuple[list[str], int]:
    """Return the mutants that no test caught, and how many there were."""
    areas = list(areas)
    everyone = [trial for case in cases for trial in mutated(case, areas)]
    with tempfile.TemporaryDirectory() as folder:
        caught = run(tool, everyone, Path(folder))
    return [trial.name for trial in everyone if trial.name not in caught], len(everyone)
