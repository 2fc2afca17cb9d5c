# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ask every health agent of the inventory from the controller, and report. Makes no remote call."""

from __future__ import annotations

import os
import shutil
import ssl
import time
from collections.abc import Mapping
from typing import Any

from ansible import constants
from ansible.module_utils.parsing.convert_bool import boolean
from ansible.plugins.action import ActionBase
from ansible.utils.display import Display
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.certificates.store import Store
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.files import write_atomic
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.model import InvalidInput, VigilError
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.plain import plain
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.sweep import ask, decide, draft, keep, parse, render_table
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.sweep.client import Question, trust
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.sweep.model import Memory, Report, Told, worst
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.users.book import password
from ansible_collections.vigil.monitoring.plugins.modules.health_sweep import OPTIONS

GROUP, REGISTERED = "monitored", "__health_ssh"


class ActionModule(ActionBase):
    """The controller's side of vigil.monitoring.health_sweep, which is all of it."""

    TRANSFERS_FILES = False
    _requires_connection = False
    _supports_check_mode = True

    def run(self, tmp: Any = None, task_vars: dict[str, Any] | None = None) -> dict[str, Any]:
        """Return the result of the step."""
        result: dict[str, Any] = super().run(tmp, task_vars)
        variables = task_vars or {}
        self._task.args = {**self._set_as_variables(variables), **self._task.args}
        _checked, params = self.validate_argument_spec(argument_spec=OPTIONS)
        try:
            parse.check(params)
            parse.refuse_mistyped(variables, OPTIONS, plain(self._variable(variables, "vigil_options_allow", [])))
            step = self._ask if params["step"] == "ask" else self._tell
            result.update(step(plain(params), variables))
        except VigilError as error:
            result.update(failed=True, msg=str(error), **error.details)
        return result

    def _variable(self, variables: dict[str, Any], name: str, default: Any) -> Any:
        return self._templar.template(variables[name]) if name in variables else default

    def _set_as_variables(self, variables: dict[str, Any]) -> dict[str, Any]:
        return {name: self._variable(variables, f"health_{name}", None) for name in OPTIONS if f"health_{name}" in variables}

    def _ask(self, params: dict[str, Any], variables: dict[str, Any]) -> dict[str, Any]:
        at, began = time.time(), time.monotonic()
        hosts = [plain(name) for name in variables["ansible_play_hosts_all"]]
        targets = parse.targets(hosts, lambda name: _read(variables["hostvars"], name))
        question = self._question(params, variables)
        manner = ask.Manner(params["concurrency"], params["retries"], full=params["detail"] == "all")
        answers = ask.ask_all(targets, question, manner, _progress)
        text = draft.dump(targets, answers, at, time.monotonic() - began)
        write_atomic(_draft(), text.encode(), 0o600)
        silent = decide.silent(answers)
        return {"changed": False, "silent": silent, "over_ssh": silent[: params["ssh_max"]] if params["ssh"] else []}

    def _question(self, params: dict[str, Any], variables: dict[str, Any]) -> Question:
        secrets = plain(self._variable(variables, "vigil_secrets_dir", os.path.join(_inventory_dir(variables), ".vigil")))
        secure = boolean(self._variable(variables, "vigil_tls", True))
        context = _trust(os.path.join(secrets, "ca.crt")) if secure else None
        # Over an open line no token is sent: whoever listens would have it.
        token = password(Store(secrets), "machine", "agent") if secure else ""
        return Question(token=token, context=context, timeout=params["timeout"], limit=params["answer_limit"])

    def _tell(self, params: dict[str, Any], variables: dict[str, Any]) -> dict[str, Any]:
        full = params["detail"] == "all"
        folder = params["report_dir"] or os.path.join(_inventory_dir(variables), ".vigil", "health")
        memory = keep.read_memory(folder)
        report = _report(variables, memory, full)
        known = [plain(name) for name in variables["groups"].get(GROUP, [])]
        files = {}
        if not self._task.check_mode:
            files = keep.write(folder, report, memory, forms=params["reports"], known=known, detail=full)
        shown = render_table.table(report, shutil.get_terminal_size((render_table.WIDTH, 0)).columns, params["lines"], full)
        Display().display("\n".join(["", shown, *(f"{form}: {path}" for form, path in files.items()), ""]))
        return _result(report, files, decide.failure(report, params["fail_on"]))


def _read(hostvars: Any, name: str) -> dict[str, Any]:
    """A host's addresses. Only what holds a template is templated: of thousands of hosts that would take longer than to ask them."""
    raw = hostvars.raw_get(name)
    given = {key: raw[key] for key in parse.VARIABLES if raw.get(key) is not None}
    if any("{{" in str(value) or "{%" in str(value) for value in given.values()):
        known = hostvars[name]
        given = {key: known[key] for key in given}
    return {key: plain(value) for key, value in given.items()}


def _inventory_dir(variables: dict[str, Any]) -> str:
    folder = plain(variables.get("inventory_dir"))
    if not folder:
        raise InvalidInput("The inventory has no folder, so health_report_dir and vigil_secrets_dir have no default. Set both.")
    return str(folder)


def _trust(path: str) -> ssl.SSLContext:
    try:
        return trust(path)
    except (OSError, ssl.SSLError) as error:
        raise VigilError(
            f"The authority that signs the agents' certificates cannot be read from {path}: {error.strerror or error}. Nobody was asked. "
            "Run playbooks/site.yml first; or set vigil_secrets_dir to the folder that it used, or vigil_tls to false where no TLS is."
        ) from None


def _draft() -> str:
    # Ansible's folder of this very run: made by its main process, known to all that it starts, removed at the end.
    return os.path.join(constants.DEFAULT_LOCAL_TMP, "vigil-health-sweep.json")


def _progress(progress: ask.Progress) -> None:
    Display().display(f"{progress.done:,} of {progress.total:,} agents asked, {progress.silent:,} silent, {progress.seconds:.0f} s")


def _report(variables: dict[str, Any], memory: Memory, full: bool) -> Report:
    try:
        with open(_draft(), encoding="utf-8") as handle:
            targets, answers, at, seconds = draft.load(handle.read())
    except OSError:
        raise VigilError("There is nothing to tell: no task with step ask ran before in this run. Use playbooks/health.yml.") from None
    groups = {plain(name): plain(hosts) for name, hosts in variables["groups"].items() if not str(name).startswith("__")}
    told = {name: _told(variables["hostvars"], name, full) for name in decide.silent(answers)}
    asked = decide.Asked(at, time.time() - at if told else seconds, targets, answers, told, groups, groups.get(GROUP, []))
    return decide.decide(asked, memory)


def _told(hostvars: Any, name: str, full: bool) -> Told:
    registered: Mapping[str, Any] = hostvars.raw_get(name)
    return parse.told(plain(registered.get(REGISTERED)), full)


def _result(report: Report, files: dict[str, str], failure: str) -> dict[str, Any]:
    return {
        "changed": False, "state": worst(host.state for host in report.hosts), "states": dict(report.states), "files": files,
        **({"failed": True, "msg": failure} if failure else {}),
    }
