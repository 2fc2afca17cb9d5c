# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role, the actions, the filters and the lookup through a real ansible-playbook, with no host behind it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[3]
ALLOWED = {"vigil_options_allow": ["vigil_certificate_name"]}
INVENTORY = """
all:
  children:
    monitored: {hosts: {mon1: {ansible_host: 192.0.2.1}, app1: {ansible_host: 192.0.2.2}, "web 1": {vigil_address: 192.0.2.3}}}
    prometheus: {hosts: {mon1: }}
"""
PLAY = """
- hosts: monitored
  gather_facts: false
  roles: [vigil.monitoring.certificates]
  tasks:
    - ansible.builtin.set_fact:
        document: "{{ users | vigil.monitoring.web_config(host=inventory_hostname, role='prometheus', tls=vigil_tls) }}"
      vars:
        users: {admin: "{{ lookup('vigil.monitoring.password', 'prometheus/admin', dir=vigil_secrets_dir) }}", bob: "{{ secret }}"}
    - ansible.builtin.assert:
        that:
          - document.basic_auth_users.bob == expected
          - document.basic_auth_users.admin is match('[$]2b[$]10[$]')
          - vigil_tls_dir is directory
      vars:
        expected: "{{ ({'bob': 'geheim'} | vigil.monitoring.web_config(host=inventory_hostname, role='prometheus')).basic_auth_users.bob }}"
"""
# What is set wrong for the role, and words that the operator must read; none where the run must pass.
WRONG: list[tuple[dict[str, Any], str]] = [
    ({"vigil_secret_dir": "/x"}, "did you mean vigil_secrets_dir?"),
    ({"vigil_options_allow": []}, "vigil_certificate_name is no option of the role certificates; did you mean vigil_certificate_names?"),
    ({"vigil_secrets_dir": "x"}, "an absolute path on the controller is needed"),
    ({"vigil_ca_key": "x"}, "is given without vigil_ca_certificate"),
    ({"vigil_ca_certificate": "/no/such/file"}, "neither a PEM text nor the path of a file"),
    ({"vigil_ca_replace_before": "tomorrow"}, "a date is expected"),
    ({"vigil_ca_replace_before": "2999-01-01"}, "still to come"),
    ({"vigil_certificate_days": 10}, "must be at least 1 and less than the first"),
    ({"vigil_certificate_days": "soon"}, "vigil_certificate_days"),
    ({"vigil_certificates": {"app1": {"certificate": "x"}}}, "the keys certificate and key"),
    ({"vigil_certificate_hosts": ["nobody"]}, "is not in the inventory"),
    ({"vigil_tls": False}, ""),
]


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "hosts.yml").write_text(INVENTORY)
    (tmp_path / "site.yml").write_text(PLAY)
    (tmp_path / "password").write_text("pw")
    (tmp_path / "vars.yml").write_text("secret: geheim\n")
    return tmp_path


def run(project: Path, program: str, *arguments: str) -> str:
    environment = {
        **os.environ, "ANSIBLE_CONFIG": str(ROOT / "ansible.cfg"), "ANSIBLE_COLLECTIONS_PATH": str(ROOT / "collections"),
        "ANSIBLE_HOME": str(project / "home"), "ANSIBLE_NOCOLOR": "1", "ANSIBLE_VAULT_PASSWORD_FILE": str(project / "password"),
    }
    argv = [str(Path(sys.executable).parent / program), *arguments]
    done = subprocess.run(argv, capture_output=True, text=True, env=environment, cwd=project, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def play(project: Path, *arguments: str) -> str:
    return run(project, "ansible-playbook", "-i", "hosts.yml", "site.yml", "-e", "@vars.yml", *arguments)


def secrets_of(project: Path) -> list[str]:
    known = yaml.safe_load((project / ".vigil" / "passwords.yml").read_text())
    keys = [path.read_text().splitlines()[1] for path in (project / ".vigil").rglob("*.key")]
    return ["geheim", known["prometheus"]["admin"], *keys]


def test_first_run_then_nothing_to_do_and_no_secret_shows(project: Path) -> None:
    vaulted = run(project, "ansible-vault", "encrypt_string", "geheim")
    (project / "vars.yml").write_text(f"secret: {vaulted}\n")
    first = play(project, "-vvv")
    assert "There is no certificate yet." in first
    assert not [secret for secret in secrets_of(project) if secret in first]
    assert "changed=1" not in play(project)


def test_check_mode_with_a_limit_makes_the_whole_store_and_calls_nothing_changed(project: Path) -> None:
    words = play(project, "--check", "--limit", "app1", "-v")
    assert "Made in check mode too" in words
    assert "changed=1" not in words
    assert {path.name for path in (project / ".vigil" / "hosts").iterdir()} == {"mon1", "app1", "web%201"}
    assert "issued: []" in play(project, "-v")


def test_bad_input_is_refused_and_nothing_is_made(project: Path) -> None:
    (project / "host_vars").mkdir()
    (project / "host_vars" / "app1.yml").write_text("vigil_certificate_name: [x]\n")
    tasks = [
        {
            "block": [{"ansible.builtin.include_role": {"name": "vigil.monitoring.certificates"}, "vars": {**ALLOWED, **wrong}}],
            "rescue": [{"ansible.builtin.debug": {"msg": f"case {number}: {{{{ ansible_failed_result.msg }}}}"}, "run_once": True}],
        }
        for number, (wrong, _words) in enumerate(WRONG)
    ]
    (project / "site.yml").write_text(yaml.safe_dump([{"hosts": "monitored", "gather_facts": False, "tasks": tasks}]))
    found = dict(re.findall(r"case (\d+): (.*?)(?=\n\n|\Z)", play(project), re.DOTALL))
    told = {number: " ".join(found.get(str(number), "").split()) for number in range(len(WRONG))}
    assert {number: words for number, (_wrong, words) in enumerate(WRONG) if (words or "case") not in (told[number] or "case")} == {}
    assert not (project / ".vigil").exists()
