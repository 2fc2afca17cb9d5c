# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Cases as promtool's documents: a rules file and a test file for each rule, all run by one promtool."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.alerts import overrides, render
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.alerts.model import Area, Rule

from .case import Case, look_back, samples, seconds, then

_CACHE = Path(os.environ.get("VIGIL_CACHE") or Path.home() / ".cache" / "vigil")
_RESULT = re.compile(r"^(?:Unit Testing|Processing test file):\s+(?P<file>\S+)$")


@dataclass(frozen=True)
class Trial:
    """One test file: its rules, and what is expected of them."""

    name: str
    groups: list[dict[str, Any]]
    tests: list[dict[str, Any]]
    interval: int


def promtool() -> str | None:
    """Return the path of promtool 3 or newer, or None."""
    built = _CACHE / "build" / "bin" / "promtool"
    found = shutil.which("promtool") or (str(built) if built.is_file() else None)
    if found is None:
        return None
    said = subprocess.run([found, "--version"], capture_output=True, text=True, check=False)
    version = re.search(r"version (\d+)\.", said.stdout + said.stderr)
    return found if version and int(version[1]) >= 3 else None


def groups_of(rule: Rule, areas: Iterable[Area], hosts: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
    """Return the groups of one rule alone, with overrides of hosts. Recorded series are given by the case, as those of exporters are."""
    area = next(area for area in areas if area.name == rule.area)
    merged = {host: overrides.merge([(host, {rule.id: given})], {rule.id: rule}) for host, given in (hosts or {}).items()}
    everywhere = merged.pop("all", {})
    groups = render.groups([Area(area.name, area.title, (rule,))], render.Settings(everywhere, merged))
    # One group, for within a group the order of evaluation is known.
    return [{"name": rule.id, "rules": [entry for group in groups for entry in group["rules"]]}]


def firing(case: Case, values: Mapping[str, list[str]], at: int, count: int) -> dict[str, Any]:
    """Return a test: at the step ``at`` so many instances of the alert fire."""
    series = [{"series": name, "values": " ".join(given)} for name, given in values.items()]
    alert = f'count(ALERTS{{alertname="{case.rule.id}",alertstate="firing"}})'
    expected = [{"labels": "{}", "value": count}] if count else []
    wanted = {"expr": alert, "eval_time": f"{at * case.interval}s", "exp_samples": expected}
    return {"interval": f"{case.interval}s", "input_series": series, "promql_expr_test": [wanted]}


def constant(case: Case, values: Mapping[str, str], more: int = 2) -> dict[str, list[str]]:
    """Return the samples of values that do not change their mind."""
    return {name: samples(value, case.steps + more) for name, value in values.items()}


def trials(case: Case, areas: Iterable[Area]) -> list[Trial]:
    """Return the tests of one rule as the case asks for them: with its defaults, and once for each override."""
    areas = list(areas)
    base = [firing(case, constant(case, case.fires), case.steps, 1)]
    base += [firing(case, constant(case, {**case.fires, **quiet}), case.steps, 0) for quiet in case.quiet]
    base.append(_missing(case))
    if case.ends:
        base.append(_resolved(case))
    plain = Trial(case.rule.id, groups_of(case.rule, areas), base, case.interval)
    return [plain, *(_override(case, areas, given, name) for name, given in _given(case))]


def _given(case: Case) -> list[tuple[str, dict[str, Any]]]:
    numbers = [(f"override-{name}", {"threshold": {name: value}}) for name, value in case.override.items()]
    return [*numbers, ("disabled", {"enabled": False})]


def _missing(case: Case) -> dict[str, Any]:
    """Nothing is there: silence, unless telling of that is the rule's job."""
    return firing(case, {"unrelated": ["1"] * (case.steps + 2)}, case.steps, case.alone)


def _resolved(case: Case) -> dict[str, Any]:
    keep = seconds(case.rule.keep_firing_for) + look_back(case.rule.expr)
    more = -(-keep // case.interval) + 4
    values = {name: then(value, case.ends.get(name, value), case.steps + 1, more) for name, value in case.fires.items()}
    for name, value in case.ends.items():
        values.setdefault(name, ["_"] * (case.steps + 1) + samples(value, more))
    return firing(case, values, case.steps + more - 1, 0)


def _override(case: Case, areas: list[Area], given: Mapping[str, Any], name: str) -> Trial:
    """One host is changed, another is not; a rule that is about no host is changed for all."""
    if not case.rule.per_host or not any('host="a"' in series for series in case.fires):
        return Trial(f"{case.rule.id}-{name}", groups_of(case.rule, areas, {"all": given}), [
            firing(case, constant(case, case.fires), case.steps, 0)], case.interval)
    both = {**case.fires, **{series.replace('host="a"', 'host="b"'): value for series, value in case.fires.items()}}
    up = {f'up{{host="{host}"}}': "1" for host in "ab" if not any(series.startswith("up{") for series in case.fires)}
    tests = [firing(case, constant(case, {**both, **up}), case.steps, 1)]
    return Trial(f"{case.rule.id}-{name}", groups_of(case.rule, areas, {"a": given}), tests, case.interval)


def run(tool: str, trials_: Iterable[Trial], folder: Path) -> dict[str, str]:
    """Write the trials and run them all; return what promtool says against each that fails, by its name."""
    names = []
    for trial in trials_:
        (folder / f"{trial.name}.rules.yml").write_text(yaml.safe_dump({"groups": trial.groups}, allow_unicode=True), encoding="utf-8")
        document = {"rule_files": [f"{trial.name}.rules.yml"], "evaluation_interval": f"{trial.interval}s", "tests": trial.tests}
        (folder / f"{trial.name}.test.yml").write_text(yaml.safe_dump(document), encoding="utf-8")
        names.append(f"{trial.name}.test.yml")
    if not names:
        return {}
    command = [tool, "test", "rules", *names]
    said = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    return verdicts(said.stdout)


def verdicts(output: str) -> dict[str, str]:
    """Return the complaints in promtool's output, by trial."""
    found: dict[str, list[str]] = {}
    current = ""
    for line in output.splitlines():
        match = _RESULT.match(line.strip())
        if match:
            current = match["file"].removesuffix(".test.yml")
        elif line.strip() and line.strip() != "SUCCESS":
            found.setdefault(current, []).append(line)
    return {name: "\n".join(lines) for name, lines in found.items()}
