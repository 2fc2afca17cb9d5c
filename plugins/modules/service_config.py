# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bring a set of configuration files, and the unit that reads them, to a proven state."""

from __future__ import annotations

DOCUMENTATION = r"""
module: service_config
short_description: Land a set of configuration files proven, or not at all
version_added: 0.1.0
author:
  - The Vigil team (@vigil)
description:
  - Renders a whole set of files on the controller and hands it to the host in one remote call.
  - The host stages the set, validates the stage, swaps it in, reloads, restarts or starts the unit, waits until it is ready and
    stays up, and checks a proof. Where any of it fails the old set is put back and the unit takes it up again.
  - Files that left the set are removed; files it never owned are not touched.
  - A run that was killed at any moment leaves the old set or the new one, and the next run repairs what it finds.
attributes:
  check_mode:
    description: Stages, validates and diffs, and changes nothing. A set that the validator refuses fails here too.
    support: full
  diff_mode:
    description: Secret files and the values of I(secrets) never show.
    support: full
options:
  name:
    description: Names the set. Its list of owned files is kept on the host under this name.
    type: str
    required: true
  state:
    description: V(absent) stops and disables the unit and removes the files and the empty folders that the set made.
    type: str
    choices: [present, absent]
    default: present
  unit:
    description: The systemd unit that reads the set, with its type, such as V(prometheus.service). Without it files are all there is.
    type: str
  files:
    description: The files of the set.
    type: list
    elements: dict
    default: []
    suboptions:
      dest:
        description: The absolute path on the host. A folder or a symbolic link in its place is refused. Missing folders are made (0755).
        type: str
        required: true
      content:
        description: The content as text. Give exactly one of O(files[].content), O(files[].template) and O(files[].src).
        type: raw
      template:
        description: A Jinja template of the role or playbook, rendered on the controller.
        type: str
      template_vars:
        description: Variables for this template only.
        type: dict
        default: {}
      src:
        description: A file on the controller, sent byte for byte; one that is encrypted with Ansible Vault is decrypted.
        type: str
      mode:
        description: Octal permissions in quotes. The default is V(0644), or V(0640) for a secret file.
        type: str
      owner:
        description: The user who owns the file.
        type: str
        default: root
      group:
        description: The group of the file.
        type: str
        default: root
      secret:
        description: Never shown in a diff, and refused with a mode wider than 0640.
        type: bool
        default: false
      on_change:
        description:
          - What the unit needs when this file changed; the strongest of all changed files is done, once.
          - The default is V(restart) for files below C(/etc/systemd/system) and V(reload) for all others. A unit that cannot
            reload is restarted instead.
        type: str
        choices: [restart, reload, none]
      validate_only:
        description: The file is staged for the validators and never installed.
        type: bool
        default: false
  trees:
    description: Whole folders of the controller, each file of which becomes a file of the set.
    type: list
    elements: dict
    default: []
    suboptions:
      src:
        description: The folder on the controller.
        type: str
        required: true
      dest:
        description: The folder on the host.
        type: str
        required: true
      mode:
        description: Octal permissions of its files, in quotes.
        type: str
      owner:
        description: The user who owns its files.
        type: str
        default: root
      group:
        description: The group of its files.
        type: str
        default: root
      secret:
        description: As for a file.
        type: bool
        default: false
      on_change:
        description: As for a file.
        type: str
        choices: [restart, reload, none]
      exclude:
        description: Shell patterns of names (files and folders) that are left out.
        type: list
        elements: str
        default: ["__pycache__", "*.pyc"]
  purge:
    description:
      - Patterns of files that the set claims beyond those it installed, such as V(/etc/prometheus/rules/*.yml). What matches and is
        not in the set is removed. Wildcards are allowed in the last part of the path only.
    type: list
    elements: str
    default: []
  secrets:
    description: Texts that are hidden in every diff, validator's word, journal's word and error.
    type: list
    elements: str
    default: []
  validate:
    description: Programs that read the stage; any exit status but 0 refuses the set. They run when a file changes.
    type: list
    elements: dict
    default: []
    suboptions:
      argv:
        description: Program and arguments, no shell. V({stage}) becomes the folder that mirrors C(/) with the whole set.
        type: list
        elements: str
        required: true
      timeout:
        description: Seconds the program may take.
        type: float
        default: 60
  ready:
    description: The unit serves when this URL answers. It is asked from the host itself.
    type: dict
    suboptions:
      url:
        description: The URL, http or https.
        type: str
      status:
        description: HTTP status codes that mean ready.
        type: list
        elements: int
        default: [200]
      timeout:
        description: Seconds the unit may take to become ready; while it is active any other answer means that it still starts.
        type: float
        default: 60
      ca:
        description: A file on the host with the certificates of the authorities to trust.
        type: path
      cert:
        description: A file on the host with a client certificate.
        type: path
      key:
        description: A file on the host with the key of O(ready.cert).
        type: path
      username:
        description: User for basic authentication.
        type: str
      password:
        description: Password for basic authentication.
        type: str
      token:
        description: Bearer token, in place of a user and a password.
        type: str
      verify:
        description: Whether the server's certificate is verified.
        type: bool
        default: true
  proof:
    description: Metrics in Prometheus' text format that show what the unit runs.
    type: list
    elements: dict
    default: []
    suboptions:
      url:
        description: Where the metrics are. The default is C(/metrics) on the server of O(ready.url).
        type: str
      metric:
        description: The name of the metric.
        type: str
        required: true
      labels:
        description: Labels that a series must carry to count. All series that do must hold.
        type: dict
        default: {}
      value:
        description: The exact value.
        type: float
      moved:
        description: The value is a time in seconds since the epoch and must be later than the swap. Asked after a reload or (re)start only.
        type: bool
        default: false
      timeout:
        description: Seconds the proof may take, since a reload may be done later than it is asked for.
        type: float
        default: 30
      ca:
        description: As for O(ready.ca). Where none of these is given those of O(ready) are used.
        type: path
      cert:
        description: As for O(ready.cert).
        type: path
      key:
        description: As for O(ready.key).
        type: path
      username:
        description: As for O(ready.username).
        type: str
      password:
        description: As for O(ready.password).
        type: str
      token:
        description: As for O(ready.token).
        type: str
      verify:
        description: As for O(ready.verify).
        type: bool
  program:
    description: The unit is restarted where its main process does not run the file that this path resolves to (a new version is installed).
    type: path
  enabled:
    description: Whether the unit starts at boot. A static, generated or masked unit is left as it is.
    type: bool
    default: true
  unit_state:
    description: What the unit shall be. A stopped unit is not waited for and proves nothing.
    type: str
    choices: [started, stopped]
    default: started
  stable_for:
    description: Seconds the unit must stay up, with the same process, after it was started, restarted or reloaded.
    type: float
    default: 5
  hand_edits:
    description: What happens to a file of the set that was edited on the host since the last run.
    type: str
    choices: [replace, keep, refuse]
    default: replace
  lock_timeout:
    description: Seconds to wait for another run on the same set or unit.
    type: float
    default: 10
  payload:
    description: The set as the action plugin hands it over. Not for tasks.
    type: str
notes:
  - Runs as root, on a host with systemd and Python 3.9 or newer.
"""

EXAMPLES = r"""
- name: Configure Prometheus
  vigil.monitoring.service_config:
    name: prometheus
    unit: prometheus.service
    files:
      - dest: /etc/prometheus/prometheus.yml
        template: prometheus.yml.j2
        group: prometheus
        mode: "0640"
      - dest: /etc/prometheus/web.yml
        template: web.yml.j2
        group: prometheus
        secret: true
        on_change: none
    purge: [/etc/prometheus/rules/*.yml]
    validate:
      - argv: [promtool, check, config, "{stage}/etc/prometheus/prometheus.yml"]
    ready:
      url: https://localhost:9090/-/ready
      ca: /etc/prometheus/tls/ca.crt
      username: vigil
      password: "{{ prometheus_password }}"
    proof:
      - metric: prometheus_config_last_reload_successful
        value: 1
      - metric: prometheus_config_last_reload_success_timestamp_seconds
        moved: true

- name: Take the set away again
  vigil.monitoring.service_config:
    name: prometheus
    unit: prometheus.service
    state: absent
"""

RETURN = r"""
files:
  description: Paths that were (in check mode would be) added, changed and removed, edited by hand since the last run, and kept as edited.
  returned: always
  type: dict
  sample: {added: [], changed: [/etc/prometheus/prometheus.yml], removed: [], hand_edited: [], kept: []}
action:
  description: What was done to the unit, one of none, reload, restart, start and stop.
  returned: always
  type: str
reason:
  description: Why that, in a sentence.
  returned: always
  type: str
enable:
  description: Whether the unit was enabled or disabled; null where nothing had to be.
  returned: success
  type: bool
validated:
  description: Each validator with its verdict and words. Empty where no file changed.
  returned: always
  type: list
  elements: dict
proof:
  description: Each proof with what was read.
  returned: always
  type: list
  elements: dict
repaired:
  description: What was repaired after a run that was cut off; empty where nothing was.
  returned: success
  type: str
rolled_back:
  description: Whether the old set was put back after a failure.
  returned: always
  type: bool
words:
  description: After a failure, the validator's words or the last lines of the unit's journal, secrets hidden.
  returned: failure
  type: str
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.vigil.monitoring.plugins.module_utils.ansible_io import run_module
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.model import InvalidInput
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.service_config.engine import run
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.service_config.host import Host
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.service_config.payload import decode
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.service_config.spec import parse

_ON_CHANGE = {"type": "str", "choices": ["restart", "reload", "none"]}
_OWNED = {
    "mode": {"type": "str"}, "owner": {"type": "str", "default": "root"}, "group": {"type": "str", "default": "root"},
    "secret": {"type": "bool", "default": False}, "on_change": _ON_CHANGE,
}
_CLIENT = {
    "ca": {"type": "path"}, "cert": {"type": "path"}, "key": {"type": "path", "no_log": False}, "username": {"type": "str"},
    "password": {"type": "str", "no_log": True}, "token": {"type": "str", "no_log": True},
}
_FILE = {
    "dest": {"type": "str", "required": True}, "content": {"type": "raw"}, "template": {"type": "str"},
    "template_vars": {"type": "dict", "default": {}}, "src": {"type": "str"}, "validate_only": {"type": "bool", "default": False}, **_OWNED,
}
_TREE = {
    "src": {"type": "str", "required": True}, "dest": {"type": "str", "required": True},
    "exclude": {"type": "list", "elements": "str", "default": ["__pycache__", "*.pyc"]}, **_OWNED,
}
_READY = {
    "url": {"type": "str"}, "status": {"type": "list", "elements": "int", "default": [200]}, "timeout": {"type": "float", "default": 60},
    "verify": {"type": "bool", "default": True}, **_CLIENT,
}
_PROOF = {
    "url": {"type": "str"}, "metric": {"type": "str", "required": True}, "labels": {"type": "dict", "default": {}},
    "value": {"type": "float"}, "moved": {"type": "bool", "default": False}, "timeout": {"type": "float", "default": 30},
    "verify": {"type": "bool"}, **_CLIENT,
}
_VALIDATE = {"argv": {"type": "list", "elements": "str", "required": True}, "timeout": {"type": "float", "default": 60}}

ARGUMENT_SPEC = {
    "name": {"type": "str", "required": True},
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "unit": {"type": "str"},
    "files": {"type": "list", "elements": "dict", "default": [], "options": _FILE},
    "trees": {"type": "list", "elements": "dict", "default": [], "options": _TREE},
    "purge": {"type": "list", "elements": "str", "default": []},
    "secrets": {"type": "list", "elements": "str", "default": [], "no_log": True},
    "validate": {"type": "list", "elements": "dict", "default": [], "options": _VALIDATE},
    "ready": {"type": "dict", "options": _READY},
    "proof": {"type": "list", "elements": "dict", "default": [], "options": _PROOF},
    "program": {"type": "path"},
    "enabled": {"type": "bool", "default": True},
    "unit_state": {"type": "str", "choices": ["started", "stopped"], "default": "started"},
    "stable_for": {"type": "float", "default": 5},
    "hand_edits": {"type": "str", "choices": ["replace", "keep", "refuse"], "default": "replace"},
    "lock_timeout": {"type": "float", "default": 10},
    "payload": {"type": "str", "no_log": True},
}


def work(params, check):
    """Carry out the payload. Raises InvalidInput where the module was called past its action plugin."""
    if not params["payload"]:
        raise InvalidInput("service_config needs its action plugin, which renders the files on the controller; call it as a task.")
    return run(parse(decode(params["payload"])), Host(), check)


def main():
    """Run as a module."""
    run_module(AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True), work)


if __name__ == "__main__":
    main()
