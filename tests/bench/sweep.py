# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How long a sweep takes and what it needs, at 200 and at 2,000 agents, and beside ansible.builtin.uri on 50 of them.

The agents are simulated on loopback by one asyncio server with real certificates: 1 % hang, 1 % refuse, 1 % have a bad certificate.
Each sweep runs in a process of its own. A target that is missed is told; only a run that fails ends with status 1.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "plugins" / "module_utils"))

from vigil.sweep import ask, decide
from vigil.sweep.client import Question, trust
from vigil.sweep.model import Memory, Target
from vigil.sweep.render_html import as_html
from vigil.sweep.render_json import as_json
from vigil.sweep.render_junit import as_junit
from vigil.sweep.render_table import table

from tests.bench.fleet import GOOD, TOKEN
from tests.bench.report import table as columns

ROOT = Path(__file__).resolve().parents[2]
SIZES, FEW = (200, 2000), 50
SECONDS, MEGABYTES = 12.0, 250.0
# Growth beside that of the fleet; 1 is linear. The hanging ones cost the same five seconds at any size and are left out of it.
GROWTH = 1.5
PLAY = [{
    "hosts": "monitored", "gather_facts": False, "tasks": [{
        "ansible.builtin.uri": {
            "url": "https://{{ vigil_address }}:{{ port }}/health", "ca_path": "{{ ca }}", "timeout": 5, "return_content": True,
            "status_code": [200, 503], "headers": {"Authorization": f"Bearer {TOKEN}"},
        },
        "delegate_to": "localhost",
    }],
}]


@contextmanager
def serving(agents: int, share: float, folder: Path) -> Iterator[dict[str, Any]]:
    """A fleet in a process of its own."""
    argv = [sys.executable, str(ROOT / "tests" / "bench" / "fleet.py"), "--agents", str(agents), "--share", str(share), str(folder)]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None and process.stdout is not None
        try:
            yield json.loads(process.stdout.readline())
        finally:
            process.stdin.close()


def sweep(found: dict[str, Any]) -> dict[str, Any]:
    """Ask a fleet, decide, and render every form; return what it took."""
    began = time.monotonic()
    targets = [Target(agent["host"], agent["address"], agent["port"]) for agent in found["agents"]]
    answers = ask.ask_all(targets, Question(token=TOKEN, context=trust(found["authority"])), ask.Manner())
    asked = time.monotonic() - began
    names = [target.host for target in targets]
    report = decide.decide(decide.Asked(time.time(), asked, targets, answers, {}, {"monitored": names}, names), Memory())
    for render in (table, as_json, as_junit, as_html):
        render(report)
    usage = resource.getrusage(resource.RUSAGE_SELF)
    good = {agent["host"] for agent in found["agents"] if agent["behaviour"] == GOOD}
    seen = {answer.host for answer in answers if answer.seen}
    return {
        "agents": len(targets), "wall": time.monotonic() - began, "asked": asked, "cpu": usage.ru_utime + usage.ru_stime,
        "rss": usage.ru_maxrss / 1024, "right": seen == good,
    }


def apart(found: dict[str, Any]) -> dict[str, Any]:
    """The same in a process of its own, whose memory is nobody else's."""
    argv = [sys.executable, __file__, "--worker"]
    done = subprocess.run(argv, input=json.dumps(found), stdout=subprocess.PIPE, text=True, check=True)
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def measure(agents: int, share: float) -> dict[str, Any]:
    """One sweep over a fresh fleet."""
    with tempfile.TemporaryDirectory() as folder, serving(agents, share, Path(folder)) as found:
        return apart(found)


def through_ansible(agents: int) -> tuple[float, float]:
    """Seconds of playbooks/health.yml, and of a task with ansible.builtin.uri, over the same fleet."""
    with tempfile.TemporaryDirectory() as place, serving(agents, 0, Path(place) / "fleet") as found:
        folder = Path(place)
        (folder / "uri.yml").write_text(json.dumps(PLAY))
        (folder / "hosts.json").write_text(json.dumps(inventory(found, folder)))
        secrets = Path(found["authority"]).parent / "passwords.yml"
        secrets.touch(0o600)
        secrets.write_text(json.dumps({"machine": {"agent": TOKEN}}))
        return played(folder, str(ROOT / "playbooks" / "health.yml")), played(folder, "uri.yml")


def inventory(found: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The fleet as an inventory."""
    hosts = {
        agent["host"]: {"vigil_address": agent["address"], "health_agent_web_listen_address": f":{agent['port']}", "port": agent["port"]}
        for agent in found["agents"]
    }
    common = {
        "vigil_secrets_dir": str(Path(found["authority"]).parent), "ca": found["authority"], "health_report_dir": str(folder / "report"),
        "health_fail_on": "never", "ansible_python_interpreter": sys.executable,
    }
    return {"all": {"vars": common, "children": {"monitored": {"hosts": hosts}}}}


def played(folder: Path, playbook: str) -> float:
    """Run a playbook and return its seconds."""
    environment = {**os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_COLLECTIONS_PATH": str(ROOT / "collections")}
    program = str(Path(sys.executable).parent / "ansible-playbook")
    began = time.monotonic()
    done = subprocess.run([program, "-i", "hosts.json", playbook], cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{playbook} ended with {done.returncode}:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return time.monotonic() - began


def verdicts(small: dict[str, Any], large: dict[str, Any]) -> list[tuple[bool, str]]:
    """Each target: whether it is met, and the figures."""
    growth = (large["cpu"] / small["cpu"]) / (large["agents"] / small["agents"])
    return [
        (small["right"] and large["right"], "every good agent seen, no other"),
        (large["wall"] <= SECONDS, f"{large['agents']} agents in {large['wall']:.1f} s, at most {SECONDS:g} wanted"),
        (large["rss"] <= MEGABYTES, f"{large['rss']:.0f} MB, at most {MEGABYTES:g} wanted"),
        (growth <= GROWTH, f"CPU grows {growth:.2f} x as the fleet does, at most {GROWTH:g} wanted (1 is linear)"),
    ]


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--share", type=float, default=0.01, help="hang, refuse, have a bad certificate, each (default: 0.01)")
    options = parser.parse_args(argv)
    if options.worker:
        print(json.dumps(sweep(json.load(sys.stdin))))
        return 0
    print(f"{os.cpu_count()} processors, load before: {os.getloadavg()[0]:.1f}\n", flush=True)
    runs = [measure(agents, options.share) for agents in SIZES]
    rows = [["sweep", "wall s", "of it asking s", "CPU s", "RSS MB"]]
    rows += [[f"{run['agents']} agents", *(f"{run[key]:.2f}" for key in ("wall", "asked", "cpu")), f"{run['rss']:.0f}"] for run in runs]
    print(columns(rows) + "\n", flush=True)
    ours, uri = through_ansible(FEW)
    print(f"{FEW} agents, all well: playbooks/health.yml {ours:.2f} s, ansible.builtin.uri {uri:.2f} s, ratio {uri / ours:.1f}\n")
    for met, words in verdicts(*runs):
        print(f"  {'met   ' if met else 'MISSED'}  {words}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
