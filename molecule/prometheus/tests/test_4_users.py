# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Users and passwords: who gets in, and where a secret never shows."""

from __future__ import annotations

import subprocess

import bcrypt
import pytest

HOSTS = ("pkg12", "arc13")
SHOW = {"prometheus.service": "/etc/prometheus/prometheus.yml"}
PLAIN, HASHED, VAULTED, REMOTE = "Plain-Pa55-alice", "Hashed-Pa55-bob", "Vaulted-Pa55-carol", "Remote-Pa55-write"
VAULT_KEY = "the key of the vault"


@pytest.fixture(scope="module")
def variables(operator):
    """A file of variables as an operator keeps it, with an encrypted value in it, and the file of the vault's key."""
    key, file = operator.notes / "vault_key", operator.notes / "users.yml"
    key.write_text(VAULT_KEY, encoding="utf-8")
    encrypted = subprocess.run(
        ["ansible-vault", "encrypt_string", "--vault-password-file", str(key), "--stdin-name", "vault_carol"],
        input=VAULTED, text=True, capture_output=True, check=True,
    ).stdout  # fmt: skip
    bob = bcrypt.hashpw(HASHED.encode(), bcrypt.gensalt(4)).decode()
    users = f"{{alice: {PLAIN}, bob: '{bob}', carol: '{{{{ vault_carol }}}}'}}"
    write = f"[{{url: 'https://127.0.0.1:9/write', basic_auth: {{username: w, password: {REMOTE}}}}}]"
    file.write_text(
        f"{encrypted}\nprometheus_web_config: {{basic_auth_users: {users}}}\n"
        f"alertmanager_web_config: {{basic_auth_users: {users}}}\nprometheus_remote_write: {write}\n",
        encoding="utf-8",
    )
    return "-e", f"@{file}", "--vault-password-file", str(key)


@pytest.fixture(scope="module")
def ran(operator, variables):
    return operator.run("converge.yml", "--diff", "-vvv", *variables).changed(*HOSTS)


def test_no_secret_is_in_the_output(ran, at):
    book = (at["pkg12"].secrets / "passwords.yml").read_text(encoding="utf-8")
    generated = [line.rpartition(": ")[2].strip("'\"") for line in book.splitlines() if not line.endswith(":")]
    key = (at["pkg12"].secrets / "hosts/pkg12/host.key").read_text(encoding="utf-8").splitlines()[1]
    secrets = [PLAIN, HASHED, VAULTED, REMOTE, key, "$2b$", *(word for word in generated if len(word) > 12)]
    assert len(secrets) > 8
    assert [word for word in secrets if word in ran.said] == []
    assert "remote_write" in ran.said, "the difference of the configuration itself is shown"


@pytest.mark.parametrize(("user", "password"), [("alice", PLAIN), ("bob", HASHED), ("carol", VAULTED)])
@pytest.mark.parametrize("port", [9090, 9093])
def test_users_get_in_with_their_password_alone(ran, at, user, password, port):
    for name in HOSTS:
        assert at[name].ask(port, "/-/ready", user, password)[0] == 200
        assert at[name].ask(port, "/-/ready", user, password + "x")[0] == 401
        assert at[name].ask(port, "/-/ready")[0] == 401
        assert at[name].ask(port, "/-/ready", user, password, scheme="http")[0] == 400


def test_the_generated_user_has_gone(ran, at):
    assert at["pkg12"].ask(9090, "/-/ready", "admin", at["pkg12"].password("prometheus", "admin"))[0] == 401


def test_no_plain_password_is_on_the_hosts(ran, at):
    for name in HOSTS:
        found = at[name].sh(f"grep -rlE '{PLAIN}|{HASHED}|{VAULTED}' /etc /var/lib /opt /usr/local /tmp 2>/dev/null", check=False)
        assert found == ""
        holder = at[name].sh(f"grep -rl {REMOTE} /etc /var/lib | xargs stat -c '%n %a %G'")
        assert holder == "/etc/prometheus/prometheus.yml 640 prometheus\n"


def test_hashing_again_changes_nothing(ran, operator, variables):
    operator.run("converge.yml", *variables).unchanged()
