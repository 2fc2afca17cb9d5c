# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long a run of site.yml takes and how many remote calls it makes, beside Ansible's own ping and setup in the same minutes.

For each size a lab of bare hosts is raised, deployed, measured and removed. It is a benchmark: a target that is missed is told,
and only a run that fails ends it with status 1.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.bench import report
from tests.bench.counting import Run
from tests.bench.session import ROOT, BenchError, Runner, lower_lab, raise_lab, specification

NAME = "bench"
OUTPUT = ROOT / "tests" / "output" / "bench"
# A changed option each; the third one changes a file, and so restarts a service, on every host.
TARGET = {"prometheus_targets": {"bench": [{"targets": ["192.0.2.1:9100"], "labels": {"env": "bench"}}]}}
RULE = {"prometheus_alert_rules": [{"alert": "Bench", "expr": "vector(0) > 1", "labels": {"severity": "none"}}]}
EVERYWHERE = {"process_exporter_groups": [{"name": "bench", "comm": ["sshd"]}]}


def main(argv: Sequence[str] | None = None) -> int:
    """Measure every size asked for."""
    options = _parser().parse_args(argv)
    OUTPUT.mkdir(parents=True, exist_ok=True)
    core = version("ansible-core")
    print(f"{os.cpu_count()} processors, ansible-core {core}, {options.image}, source: {options.package_source}; notes in {OUTPUT}\n")
    sessions = []
    for hosts in options.hosts:
        try:
            sessions.append(_measured(hosts, options))
        except BenchError as error:
            print(f"bench: {error}", file=sys.stderr)
            return 1
        print(report.told(sessions[-1]), flush=True)
    (OUTPUT / "result.json").write_text(json.dumps([report.data(one) for one in sessions], indent=1), encoding="utf-8")
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--hosts", type=_sizes, default=[2, 8, 20], help="sizes of the lab (default: 2,8,20)")
    parser.add_argument("--repeat", type=int, default=3, help="runs of ping, setup and nothing to do; the median counts (default: 3)")
    parser.add_argument("--keep", action="store_true", help="leave the last lab running")
    parser.add_argument("--image", default="debian12", help="debian12 (default) or debian13")
    sources = ("package", "archive")
    parser.add_argument("--package-source", choices=sources, default="package", help="where programs come from (default: package)")
    return parser


def _sizes(text: str) -> list[int]:
    sizes = [int(part) for part in text.split(",")]
    if min(sizes) < 1:
        raise argparse.ArgumentTypeError(f"{text}: expected numbers of hosts, 1 or more, with commas between them")
    return sizes


def _measured(hosts: int, options: argparse.Namespace) -> report.Session:
    archives = options.package_source == "archive"
    last = hosts == options.hosts[-1]
    try:
        lab = raise_lab(specification(NAME, hosts, options.image, archives))
        place = OUTPUT / f"{hosts}-hosts"
        place.mkdir(exist_ok=True)
        print(f"load before {hosts} hosts: {os.getloadavg()[0]:.1f}", flush=True)
        return _session(hosts, Runner(lab, place), options.repeat)
    finally:
        if not (options.keep and last):
            lower_lab(NAME)


def _session(hosts: int, runner: Runner, repeat: int) -> report.Session:
    first = runner.site("site.yml, first run")
    _check(runner, first.name, changes=True)
    # Interleaved, so that a busy minute of the machine falls on all three.
    rounds = [_round(runner) for _number in range(repeat)]
    ping, setup, nothing = (_median(column) for column in zip(*rounds))
    target = _changed(runner, "Prometheus, a target", TARGET, "--tags", "prometheus")
    rule = _changed(runner, "Prometheus, a rule file", {**TARGET, **RULE}, "--tags", "prometheus")
    everywhere = _changed(runner, "site.yml, a file on each host", {**TARGET, **RULE, **EVERYWHERE})
    return report.Session(hosts, runner.lab.first, ping, setup, nothing, (first, target, rule, everywhere), target)


def _round(runner: Runner) -> tuple[Run, Run, Run]:
    ping = runner.module("ping", "ansible.builtin.ping")
    setup = runner.module("setup", "ansible.builtin.setup")
    nothing = runner.site("site.yml, nothing to do")
    _check(runner, nothing.name, changes=False)
    return ping, setup, nothing


def _changed(runner: Runner, name: str, variables: object, *options: str) -> Run:
    run = runner.site(name, "-e", json.dumps(variables), *options)
    _check(runner, name, changes=True)
    return run


def _check(runner: Runner, name: str, changes: bool) -> None:
    changed = sum(host.changed for host in runner.recap(name).values())
    if bool(changed) != changes:
        wanted = "at least 1" if changes else "none"
        raise BenchError(f"{name}: {changed} tasks changed something, {wanted} was expected. See {runner.place}.")


def _median(runs: Sequence[Run]) -> Run:
    wall: Callable[[Run], float] = lambda run: run.wall  # noqa: E731
    middle = statistics.median_low([run.wall for run in runs])
    return next(run for run in sorted(runs, key=wall) if run.wall == middle)


if __name__ == "__main__":
    sys.exit(main())
