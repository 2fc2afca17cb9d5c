# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""site.yml with the oldest and the newest ansible-core, twice each: deployed, then nothing changed."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from . import tree
from .hosts import STACK, deploy_twice, lab

OLDEST = "2.16"
NEWEST = "2.21"
CONTROL = {"name": "control", "image": "debian13", "groups": []}
# What of the machine's way to packages a container can use: a name server for packages, not a folder of this machine.
PASSED = ("PIP_INDEX_URL", "PIP_EXTRA_INDEX_URL", "PIP_TRUSTED_HOST", "PIP_DEFAULT_TIMEOUT", "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY")

PREPARE = """
set -eu
export DEBIAN_FRONTEND=noninteractive
command -v ssh >/dev/null && python3 -c 'import ensurepip' 2>/dev/null || {{
    apt-get -qq update
    apt-get -qq -y install --no-install-recommends python3-venv openssh-client >/dev/null
}}
[ ! -e /lab/ca.crt ] || export PIP_CERT=/lab/ca.crt
python3 -m venv /opt/control
/opt/control/bin/pip install --quiet --disable-pip-version-check 'ansible-core~={version}.0' 'bcrypt>=3.2'
/opt/control/bin/ansible --version | head -n 1
"""


def _must(argv: Sequence[str], given: bytes = b"") -> None:
    """Run a program that has to succeed; what it says is in the log above the reason."""
    status = subprocess.run(argv, input=given, check=False).returncode
    if status:
        sys.exit(f"`{' '.join(argv[:1])} ... {argv[-1][:80]}` ended with status {status}")


def _python(cache: Path, version: str) -> Path:
    """An environment with an ansible-core of its own, kept in the cache."""
    place = cache / f"venv-core-{version}"
    if not (place / ".complete").exists():
        _must(["python3", "-m", "venv", "--clear", str(place)])
        wanted = [f"ansible-core~={version}.0", "bcrypt>=3.2"]
        _must([str(place / "bin/python3"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *wanted])
        (place / ".complete").touch()
    return place / "bin"


def oldest(folder: Path) -> None:
    """From this machine."""
    programs = _python(Path(os.environ.get("VIGIL_CACHE") or Path.home() / ".cache/vigil"), OLDEST)
    copy = tree.copy(folder / "vigil")
    with lab("site-oldest", STACK) as raised:
        _must([str(programs / "ansible"), "--version"])
        argv = [str(programs / "ansible-playbook"), "-i", _inventory(folder, raised), "playbooks/site.yml"]
        deploy_twice(argv, copy, [str(host["name"]) for host in STACK])


def _inventory(folder: Path, raised: dict[str, Any]) -> str:
    """The lab's inventory in a folder of its own, where the credentials may be kept beside it."""
    target = folder / "inventory" / "hosts.yml"
    target.parent.mkdir(exist_ok=True)
    target.write_text(Path(raised["inventory"]).read_text(encoding="utf-8"), encoding="utf-8")
    return str(target)


def newest(folder: Path) -> None:
    """From a Debian 13 host of the lab, which has a newer Python than this machine may have."""
    with lab("site-newest", [CONTROL, *STACK]) as raised:
        address = {host["name"]: host["address"] for host in raised["hosts"]}["control"]
        settings = (f"UserKnownHostsFile={raised['known_hosts']}", "IdentitiesOnly=yes", "BatchMode=yes")
        ssh = ["ssh", "-i", raised["key"], *(word for setting in settings for word in ("-o", setting)), f"root@{address}"]
        passed = "".join(f"export {name}={_quoted(os.environ[name])}\n" for name in PASSED if os.environ.get(name))
        _must([*ssh, "sh", "-s"], (passed + PREPARE.format(version=NEWEST)).encode())
        _send(ssh, folder, raised)
        argv = [*ssh, "cd /opt/vigil && /opt/control/bin/ansible-playbook -i /opt/site/hosts.yml playbooks/site.yml"]
        deploy_twice(argv, folder, [str(host["name"]) for host in STACK])


def _quoted(value: str) -> str:
    return "'" + value.replace("'", "'\\''") + "'"


def _send(ssh: list[str], folder: Path, raised: dict[str, Any]) -> None:
    """The tree, and what a control node has of its hosts: an inventory, a key, their public keys."""
    tree.copy(folder / "opt" / "vigil")
    site = folder / "opt" / "site"
    site.mkdir()
    inventory = Path(raised["inventory"]).read_text(encoding="utf-8")
    for name, place in (("key", raised["key"]), ("known_hosts", raised["known_hosts"])):
        (site / name).write_bytes(Path(place).read_bytes())
        (site / name).chmod(0o600)
        inventory = inventory.replace(place, f"/opt/site/{name}")
    (site / "hosts.yml").write_text(inventory, encoding="utf-8")
    packed = subprocess.run(["tar", "-C", str(folder / "opt"), "-cz", "vigil", "site"], capture_output=True, check=True).stdout
    _must([*ssh, "tar -C /opt -xz --no-same-owner"], packed)


def main(wanted: str) -> int:
    """Run one of the two."""
    with tempfile.TemporaryDirectory(prefix="vigil-site-") as folder:
        {"oldest": oldest, "newest": newest}[wanted](Path(folder))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
