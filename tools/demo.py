# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`make demo` and `make demo-down`: the lab, the stack on it, and where to look.

LAB_KEEP_ENGINE=1 leaves a Docker engine that the lab started running (for who raises and removes labs in turn).
"""

from __future__ import annotations

import itertools
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from tools import playbook
from tools.lab.spec import Lab, from_inventory

ROOT = Path(__file__).resolve().parents[1]
INVENTORY = Path("inventories/demo/hosts.yml")
STORE = Path("inventories/demo/.vigil")
# Services to watch first, then the stack that watches them.
DEPLOYED = ("tools/services/site.yml", "playbooks/site.yml")
# What has a page or an API to look at: group, title, port, path.
PLACES = (
    ("prometheus", "Prometheus", 9090, "/targets"),
    ("alertmanager", "Alertmanager", 9093, "/"),
    ("monitored", "health", 9890, "/health"),
)


def places(lab: Lab) -> list[tuple[str, str]]:
    """Title and URL of each service of the lab that a person can look at."""
    return [
        (title, f"https://{host.address}:{port}{path}")
        for group, title, port, path in PLACES
        for host in lab.hosts
        if group in host.groups
    ]


def where(lab: Lab) -> str:
    """Where to look, and with what; the password itself is not told."""
    found = places(lab)
    lines = [f"  {title:14}{url}" for title, url in found]
    api = found[0][1].rsplit("/", 1)[0] if found else ""
    return "\n".join([
        "Where to look:",
        *lines,
        f"  user          admin; the password is in {STORE}/passwords.yml",
        f"  authority     {STORE}/ca.crt (a browser asks for it, or warns)",
        f"  from a shell  curl --cacert {STORE}/ca.crt --user admin '{api}/api/v1/query?query=up'",
        "  again         make demo (changes nothing); make demo-down removes all of it",
    ])


def table(said: str) -> str:
    """The verdict in what verify.yml said: from its heading to the next empty line."""
    lines = said.splitlines()
    start = next((number for number, line in enumerate(lines) if line.startswith("HOST ")), len(lines))
    rows = list(itertools.takewhile(str.strip, lines[start:]))
    return "\n".join(rows or ["verify.yml printed no table (see above)"])


def health(said: str) -> str:
    """The health table in what health.yml said: from the heading of its last play to where the reports lie."""
    lines = said.splitlines()
    start = next((number for number, line in enumerate(lines) if line.startswith("PLAY [Tell what was found]")), len(lines))
    rows = [line.rstrip() for line in itertools.takewhile(lambda line: not line.startswith("TASK ["), lines[start + 1:])]
    return "\n".join(rows).strip() or "health.yml told nothing (see above)"


def up() -> int:
    """Raise the lab, deploy, verify, and tell. Returns the first exit code that is not 0."""
    start = time.monotonic()
    lab = from_inventory(ROOT / INVENTORY)
    status = subprocess.run([sys.executable, "-m", "tools.lab", "up", "--inventory", str(INVENTORY)], cwd=ROOT, check=False).returncode
    if status:
        return status
    said = ""
    for name in DEPLOYED:
        status, words = _play(name)
        said += words
        if status:
            print("\nThe deployment failed: the first fatal task above says why. `make demo` goes on from there.")
            return status
    deployed = time.monotonic() - start
    verdict, state = _play("playbooks/verify.yml"), _play("playbooks/health.yml", "-e", "health_detail=all")
    seconds = f"{deployed:.0f} s to raise and deploy, {time.monotonic() - start:.0f} s in all"
    print(f"\n{table(verdict[1])}\n\n{health(state[1])}")
    print(f"\nDemo: {playbook.changed(playbook.recap(said))}; {seconds}.\n\n{where(lab)}")
    bad = verdict[0] or state[0]
    if bad:
        print("\nNot all is well: see the tables above, and the words of the playbook that ended with an error.")
    return bad


def _play(*words: str) -> tuple[int, str]:
    return playbook.watch(["ansible-playbook", "-i", str(INVENTORY), *words], ROOT)


def down() -> int:
    """Remove the demo's hosts and what it wrote; stop the engine that the lab started where nothing else runs on it."""
    argv = [sys.executable, "-m", "tools.lab", "down", "--inventory", str(INVENTORY)]
    status = subprocess.run(argv, cwd=ROOT, check=False).returncode
    if status:
        return status
    shutil.rmtree(ROOT / STORE, ignore_errors=True)
    if os.environ.get("LAB_KEEP_ENGINE") or _engine_is_used():
        return 0
    return subprocess.run([*argv, "--engine"], cwd=ROOT, check=False).returncode


def _engine_is_used() -> bool:
    if not shutil.which("docker"):
        return False
    done = subprocess.run(["docker", "ps", "--quiet"], capture_output=True, text=True, check=False)
    return bool(done.stdout.strip())


def main(argv: list[str]) -> int:
    """Run `up` or `down`."""
    calls = {"up": up, "down": down}
    if len(argv) != 1 or argv[0] not in calls:
        print("expected: python3 -m tools.demo up|down", file=sys.stderr)
        return 2
    return calls[argv[0]]()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
