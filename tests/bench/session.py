# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A lab for one size of the benchmark, and Ansible run against it with every remote call noted."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.bench.counting import Run, by_role, parse_calls, parse_tasks, seconds_by_role
from tools import playbook

ROOT = Path(__file__).resolve().parents[2]
HERE = ROOT / "tests" / "bench"
MIRROR = "mirror"
PROGRAMS = ("ssh", "sftp", "scp")
# What upstream's archive can be made of here; the other exporters stay with the distribution's package.
ARCHIVES = ("node_exporter", "alertmanager", "prometheus")


class BenchError(Exception):
    """A run that did not end as it must, in words for a person."""


@dataclass(frozen=True)
class Lab:
    """A lab that is up: its inventory, its monitored hosts by address, the first of which runs the servers."""

    inventory: Path
    names: dict[str, str]
    first: str
    mirror: str = ""


def specification(name: str, count: int, image: str, archives: bool) -> dict[str, Any]:
    """Hosts of a lab: the first one runs Prometheus, Alertmanager and the blackbox exporter, all are monitored."""
    hosts: list[dict[str, Any]] = [{"name": f"{name}{number}", "image": image, "groups": ["monitored"]} for number in range(1, count + 1)]
    hosts[0]["groups"] += ["prometheus", "alertmanager", "blackbox_exporter"]
    if archives:
        hosts.append({"name": MIRROR, "image": "debian13", "lab_mirror": True})
    return {"name": name, "hosts": hosts}


def raise_lab(spec: dict[str, Any]) -> Lab:
    """Raise a lab of bare hosts."""
    lower_lab(spec["name"])
    argv = [sys.executable, "-m", "tools.lab", "up", "--spec", "-", "--json"]
    done = subprocess.run(argv, cwd=ROOT, input=json.dumps(spec), stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise BenchError(f"The lab did not come up (status {done.returncode}, see above).")
    data = json.loads(done.stdout)
    addresses = {host["address"]: str(host["name"]) for host in data["hosts"]}
    mirror = next((address for address, name in addresses.items() if name == MIRROR), "")
    return Lab(Path(data["inventory"]), addresses, str(spec["hosts"][0]["name"]), mirror)


def lower_lab(name: str) -> None:
    """Remove a lab, if there is one."""
    subprocess.run([sys.executable, "-m", "tools.lab", "down", "--name", name], cwd=ROOT, stderr=subprocess.DEVNULL, check=False)


def source_options(lab: Lab) -> list[str]:
    """Options of a playbook's command line for the archives of the lab's mirror; none where packages are used."""
    if not lab.mirror:
        return []
    argv = [sys.executable, "-m", "tools.lab", "programs", "--list", "--json"]
    rows = json.loads(subprocess.run(argv, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True).stdout)
    # The first of each name is what the lab builds by default; the others are older, or of another architecture.
    ready = [row for row in reversed(rows) if row["name"] in ARCHIVES and row["state"] == "ready"]
    versions = {f"{row['name']}_version": row["version"] for row in ready}
    sources = {f"{role}_install_source": "archive" for role in ARCHIVES if f"{role}_version" in versions}
    return ["-e", json.dumps({**sources, **versions, "vigil_mirror_url": f"http://{lab.mirror}:8080"})]


@dataclass(frozen=True)
class Runner:
    """Runs Ansible's programs on a lab; ``place`` is the folder for what they say and for the notes."""

    lab: Lab
    place: Path

    def site(self, name: str, *options: str) -> Run:
        """Run site.yml. Raises BenchError where it fails."""
        argv = ["ansible-playbook", "-i", str(self.lab.inventory), "playbooks/site.yml", *source_options(self.lab), *options]
        return self._run(name, argv)

    def module(self, name: str, module: str) -> Run:
        """Run a module of Ansible's on all monitored hosts."""
        return self._run(name, ["ansible", "monitored", "-i", str(self.lab.inventory), "-m", module])

    def recap(self, name: str) -> dict[str, playbook.Host]:
        """What a run of a playbook said at its end."""
        return playbook.recap(self._file(name, "log").read_text(encoding="utf-8"))

    def _run(self, name: str, argv: Sequence[str]) -> Run:
        files = {kind: self._file(name, kind) for kind in ("log", "calls", "tasks")}
        for path in files.values():
            path.write_text("", encoding="utf-8")
        start = time.monotonic()
        with files["log"].open("w", encoding="utf-8") as log:
            process = subprocess.Popen(argv, cwd=ROOT, env=self._environment(files), stdin=subprocess.DEVNULL, stdout=log, stderr=log)
            _pid, status, used = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        wall = time.monotonic() - start
        if process.returncode:
            end = files["log"].read_text(encoding="utf-8")[-3000:]
            raise BenchError(f"{' '.join(argv)} ended with status {process.returncode}. Its last words ({files['log']}):\n{end}")
        tasks = parse_tasks(files["tasks"].read_text(encoding="utf-8"))
        calls = by_role(parse_calls(files["calls"].read_text(encoding="utf-8")), tasks, self.lab.names)
        return Run(name, wall, used.ru_utime + used.ru_stime, calls, seconds_by_role(tasks))

    def _file(self, name: str, kind: str) -> Path:
        return self.place / f"{name.replace(' ', '-').replace(',', '')}.{kind}"

    def _environment(self, files: dict[str, Path]) -> dict[str, str]:
        wrappers = {f"ANSIBLE_{program.upper()}_EXECUTABLE": str(self.place / program) for program in PROGRAMS}
        for program in PROGRAMS:
            link = self.place / program
            if not link.is_symlink():
                link.symlink_to(HERE / "count.sh")
        return {
            **os.environ, **wrappers,
            "ANSIBLE_CALLBACK_PLUGINS": str(HERE / "callback"), "ANSIBLE_CALLBACKS_ENABLED": "bench_tasks",
            "ANSIBLE_NOCOLOR": "1", "ANSIBLE_PIPELINING": "1",
            "VIGIL_BENCH_CALLS": str(files["calls"]), "VIGIL_BENCH_TASKS": str(files["tasks"]),
        }  # fmt: skip
