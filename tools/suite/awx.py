# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""site.yml through ansible-runner, in the folders and with the variables that AWX gives a job.

Each job of AWX has a private folder of its own: `project` is the checked-out repository, `inventory/hosts` a script that prints JSON,
`env/extravars` the template's variables, `env/ssh_key` the machine credential, which an agent holds. What must outlive a job, such as the
credentials' store, lies outside. The search path of collections comes from the environment, so that of ansible.cfg does not count.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from tools import playbook

from . import tree
from .hosts import STACK, complaint, lab

SCRIPT = "#!/usr/bin/env python3\nimport json\nprint(json.dumps({0}))\n"


def inventory(static: Mapping[str, Any]) -> dict[str, Any]:
    """A lab's inventory as AWX's script prints it: groups, and host variables under `_meta`. The key stays out: an agent holds it."""
    everything = static["all"]
    groups: dict[str, Any] = {name: {"hosts": sorted(group["hosts"])} for name, group in everything["children"].items()}
    hosts = {name: {"ansible_host": values["ansible_host"], "ansible_user": "root"} for name, values in everything["hosts"].items()}
    return {"all": {"hosts": sorted(hosts), "children": sorted(groups)}, **groups, "_meta": {"hostvars": hosts}}


def job(folder: Path, raised: Mapping[str, Any], secrets: Path) -> Path:
    """A job's private folder, as AWX lays it."""
    tree.copy(folder / "project")
    for name in ("inventory", "env", "cp"):
        (folder / name).mkdir(parents=True)
    static = yaml.safe_load(Path(raised["inventory"]).read_text(encoding="utf-8"))
    script = folder / "inventory" / "hosts"
    script.write_text(SCRIPT.format(repr(inventory(static))), encoding="utf-8")
    script.chmod(0o700)
    paths = f"{folder}/requirements_collections:~/.ansible/collections:/usr/share/ansible/collections"
    variables = {
        "ANSIBLE_COLLECTIONS_PATH": paths,
        "ANSIBLE_HOST_KEY_CHECKING": "False",
        "ANSIBLE_RETRY_FILES_ENABLED": "False",
        "ANSIBLE_SSH_CONTROL_PATH_DIR": str(folder / "cp"),
        "AWX_JOB_ID": "1",
    }
    extra = {"vigil_secrets_dir": str(secrets), "awx_job_id": 1, "tower_job_id": 1, "awx_user_name": "admin"}
    (folder / "env" / "envvars").write_text(json.dumps(variables), encoding="utf-8")
    (folder / "env" / "extravars").write_text(json.dumps(extra), encoding="utf-8")
    (folder / "env" / "ssh_key").write_text(Path(raised["key"]).read_text(encoding="utf-8"), encoding="utf-8")
    (folder / "env" / "ssh_key").chmod(0o600)
    return folder


def main() -> int:
    """Two jobs, each in a fresh folder: the first deploys, the second changes nothing."""
    names = [str(host["name"]) for host in STACK]
    with tempfile.TemporaryDirectory(prefix="vigil-awx-") as place, lab("awx", STACK) as raised:
        for number, may_change in ((1, True), (2, False)):
            folder = job(Path(place, f"job{number}"), raised, Path(place, "secrets"))
            status, said = playbook.watch(["ansible-runner", "run", str(folder), "-p", "playbooks/site.yml"], Path(place))
            reason = f"ended with status {status}" if status else complaint(said, names, may_change)
            if reason:
                print(f"job {number}: {reason}")
                return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
