# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What tests of scenarios share: playbook runs as an operator makes them, hosts over SSH, questions over HTTPS, and words after a failure.

A test module may set ``SHOW``, a dict of unit -> configuration file: both are printed for each host when one of its tests fails.
"""

from __future__ import annotations

import base64
import json
import os
import shlex
import ssl
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import testinfra
import yaml

from tools import playbook

ROOT = Path(__file__).resolve().parents[1]
# What the machine itself writes at any time.
RESTLESS = ("/proc", "/sys", "/dev", "/run", "/tmp", "/root/.ansible", "/var/cache", "/var/lib/systemd", "/var/log", "/var/tmp")
LISTED = ("/etc", "/usr", "/opt", "/var", "/root", "/home", "/srv")


@dataclass(frozen=True)
class Ran:
    """A finished run of ansible-playbook: its exit status, all it printed, and the recap of each host."""

    status: int
    said: str
    hosts: Mapping[str, playbook.Host] = field(default_factory=dict)

    def succeeded(self) -> Ran:
        """Fail the test, with the run's words, unless it went well on every host."""
        assert self.status == 0, self.said[-6000:]
        return self

    def failed(self, *words: str) -> Ran:
        """Fail the test unless the run failed and said all of these words."""
        assert self.status != 0, f"the run was expected to fail:\n{self.said[-3000:]}"
        missing = [word for word in words if word not in self.said]
        assert not missing, f"the run did not say {missing}:\n{self.said[-6000:]}"
        return self

    def unchanged(self) -> Ran:
        """Fail the test unless the run succeeded and changed nothing anywhere."""
        self.succeeded()
        changed = {name: host.changed for name, host in self.hosts.items() if host.changed}
        assert not changed, f"changed: {changed}\n{self.said[-6000:]}"
        return self

    def changed(self, *names: str) -> Ran:
        """Fail the test unless the run succeeded and changed something on exactly these hosts."""
        self.succeeded()
        assert {name for name, host in self.hosts.items() if host.changed} == set(names), self.said[-6000:]
        return self


@dataclass
class Running:
    """A run of ansible-playbook that goes on."""

    process: subprocess.Popen[str]

    def finish(self, timeout: float = 600) -> Ran:
        """Wait for its end."""
        try:
            said = self.process.communicate(timeout=timeout)[0]
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        return Ran(self.process.returncode, said, playbook.recap(said))


@dataclass(frozen=True)
class Operator:
    """Somebody who runs playbooks on the scenario's inventory, from the scenario's folder."""

    scenario: Path
    inventory: Path
    notes: Path

    def start(self, name: str, *words: str, inventory: Path | None = None, **variables: Any) -> Running:
        """Begin a playbook of the scenario, or of ``playbooks/`` where it has none of that name."""
        own = self.scenario / name
        argv = ["ansible-playbook", "-i", str(inventory or self.inventory), str(own if own.exists() else ROOT / "playbooks" / name)]
        if variables:
            file = self.notes / f"variables-{time.monotonic_ns()}.json"
            file.write_text(json.dumps(variables), encoding="utf-8")
            argv += ["-e", f"@{file}"]
        return Running(subprocess.Popen(
            [*argv, *words], cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        ))  # fmt: skip

    def run(self, name: str, *words: str, inventory: Path | None = None, **variables: Any) -> Ran:
        """Run a playbook to its end."""
        return self.start(name, *words, inventory=inventory, **variables).finish()


@dataclass(frozen=True)
class Host:
    """A host as seen over SSH (``look``: testinfra) and over the network (``ask``)."""

    name: str
    address: str
    look: Any
    secrets: Path

    def sh(self, command: str, check: bool = True) -> str:
        """Run a shell command and return what it says."""
        try:
            done = self.look.run(command)
            status, said, wrong = done.rc, str(done.stdout), str(done.stderr)
        except RuntimeError as error:  # what testinfra raises where SSH itself fails
            status, said, wrong = 255, "", str(error)
        assert status == 0 or not check, f"{self.name}: {command}\n{said}{wrong}"
        return said

    def ask(
        self, port: int, path: str = "/", user: str = "", password: str = "", scheme: str = "https", token: str = "", **more: Any
    ) -> tuple[int, str]:
        """Ask over the network, trusting the scenario's authority alone; (0, error) where nothing answers."""
        headers = {"Authorization": "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()} if user else {}
        headers.update({"Authorization": f"Bearer {token}"} if token else {})
        context = ssl.create_default_context(cafile=str(self.secrets / "ca.crt")) if scheme == "https" else None
        request = urllib.request.Request(f"{scheme}://{self.address}:{port}{path}", headers=headers, **more)
        try:
            with urllib.request.urlopen(request, timeout=10, context=context) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()
        except OSError as error:
            return 0, str(error)

    def password(self, scope: str, user: str) -> str:
        """A generated password, from the file on the controller."""
        return str(yaml.safe_load((self.secrets / "passwords.yml").read_text(encoding="utf-8"))[scope][user])

    def api(self, path: str, port: int = 9090, service: str = "prometheus") -> Any:
        """The answer of a service's API, decoded."""
        status, body = self.ask(port, path, "admin", self.password(service, "admin"))
        assert status == 200, f"{self.name}: {path}: {status} {body}"
        return json.loads(body)

    def files(self, *roots: str) -> dict[str, str]:
        """Every file below ``roots`` with its type, mode, owner, group, target, and its content's sum where no package brought it."""
        prune = " -o ".join(f"-path {shlex.quote(path)}" for path in RESTLESS)
        find = f"find {' '.join(map(shlex.quote, roots or LISTED))} -xdev \\( {prune} \\) -prune -o"
        listed = self.sh(f"{find} -printf '%p\\t%y %m %u %g %l\\n' 2>/dev/null", check=False)
        summed = "-type f -size -4M -not -path '/usr/[!l]*' -not -path '/usr/lib*'"
        sums = self.sh(f"{find} {summed} -print0 2>/dev/null | xargs -0 -r sha256sum 2>/dev/null", check=False)
        found = dict(line.split("\t", 1) for line in listed.splitlines() if "\t" in line)
        for line in sums.splitlines():
            digest, _blanks, path = line.partition("  ")
            found[path] = f"{found.get(path, '')} {digest}"
        return found

    def unit(self, name: str) -> dict[str, str]:
        """What tells one life of a unit from the next."""
        lines = self.sh(f"systemctl show {name} -p MainPID -p ActiveState -p SubState -p UnitFileState").splitlines()
        return dict(line.partition("=")[::2] for line in lines)


def differences(before: Mapping[str, str], after: Mapping[str, str], leave: tuple[str, ...] = ()) -> dict[str, tuple[str, str]]:
    """Paths that came, went or changed; those that start with one of ``leave`` do not count."""
    paths = sorted(path for path in {*before, *after} if not path.startswith(leave))
    return {path: (before.get(path, ""), after.get(path, "")) for path in paths if before.get(path) != after.get(path)}


def wait_until(what: Callable[[], Any], timeout: float = 60, why: str = "") -> Any:
    """Ask until the answer is true and return it; fail the test with the last answer, or the last error, when the time is over."""
    deadline, last = time.monotonic() + timeout, None
    while time.monotonic() < deadline:
        try:
            last = what()
            if last:
                return last
        except (AssertionError, KeyError, IndexError, ValueError) as error:
            last = error
        time.sleep(0.3)
    raise AssertionError(f"{why or 'the condition'} did not come true within {timeout:g} s; last: {last}")


@pytest.fixture(scope="session")
def ephemeral() -> Path:
    """Molecule's folder of the scenario."""
    return Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"])


@pytest.fixture(scope="session")
def operator(ephemeral: Path, tmp_path_factory: pytest.TempPathFactory) -> Operator:
    """Runs playbooks."""
    return Operator(Path(os.environ["MOLECULE_SCENARIO_DIRECTORY"]), ephemeral / "inventory", tmp_path_factory.mktemp("operator"))


@pytest.fixture(scope="session")
def at(ephemeral: Path) -> dict[str, Host]:
    """Every host of the scenario by its name."""
    every = yaml.safe_load((ephemeral / "inventory/lab.yml").read_text(encoding="utf-8"))["all"]
    known = next(word.partition("=")[2] for word in shlex.split(every["vars"]["ansible_ssh_common_args"]) if "KnownHosts" in word)
    config = ephemeral / "ssh_config"
    config.write_text(
        f"Host *\n  User root\n  IdentityFile {every['vars']['ansible_ssh_private_key_file']}\n  IdentitiesOnly yes\n"
        f"  UserKnownHostsFile {known}\n  LogLevel ERROR\n  ControlMaster auto\n  ControlPersist 30\n  ControlPath /tmp/vigil-%C\n",
        encoding="utf-8",
    )
    return {
        name: Host(name, entry["ansible_host"], testinfra.get_host(f"ssh://{entry['ansible_host']}", ssh_config=str(config)),
                   ephemeral / "inventory/.vigil")
        for name, entry in every["hosts"].items()
    }  # fmt: skip


@pytest.fixture(scope="session", name="wait_until")
def _wait_until() -> Callable[..., Any]:
    """The function, since conftest files cannot be imported."""
    return wait_until


@pytest.fixture(scope="session", name="differences")
def _differences() -> Callable[..., dict[str, tuple[str, str]]]:
    """The function, since conftest files cannot be imported."""
    return differences


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """After a failure add each host's journal and configuration to the report."""
    report = yield
    show = getattr(getattr(item, "module", None), "SHOW", {})
    if report.when == "call" and report.failed and "at" in getattr(item, "funcargs", {}):
        for host in item.funcargs["at"].values():
            for unit, path in show.items():
                words = host.sh(f"journalctl -u {unit} -n 25 --no-pager -o short-precise; echo; cat {path}", check=False)
                report.sections.append((f"{unit} on {host.name}: its journal, {path}", words))
    return report
