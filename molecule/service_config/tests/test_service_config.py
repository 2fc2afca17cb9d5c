# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host looks like after all that side_effect.yml did to it: as converged, and no trace of what failed."""

from __future__ import annotations

import json
from typing import Any

import pytest

SECRET = "correct-horse-battery"
FILES = [
    ("/etc/systemd/system/tiny.service", 0o644), ("/opt/tiny/tinyd.py", 0o644), ("/etc/tiny/tiny.json", 0o644),
    ("/etc/tiny/secrets/token", 0o640), ("/var/lib/vigil/service_config/tiny/manifest.json", 0o600),
]


def test_service_runs_the_converged_set(host: Any) -> None:
    unit = host.service("tiny")
    assert unit.is_running, host.run("journalctl -u tiny -n 50 --no-pager").stdout
    assert unit.is_enabled
    ask = "import urllib.request as u; print(u.urlopen('http://127.0.0.1:8099/').read().decode())"
    assert host.check_output(f'python3 -c "{ask}"') == "hello"


@pytest.mark.parametrize(("path", "mode"), FILES)
def test_modes_and_owners(host: Any, path: str, mode: int) -> None:
    file = host.file(path)
    assert (file.user, file.group, file.mode) == ("root", "root", mode)


def test_state_of_the_set_is_private(host: Any) -> None:
    assert host.file("/var/lib/vigil/service_config/tiny").mode == 0o700
    assert host.check_output("ls /var/lib/vigil/service_config/tiny") == "manifest.json"


def test_manifest_says_what_is_there(host: Any) -> None:
    manifest = json.loads(host.file("/var/lib/vigil/service_config/tiny/manifest.json").content_string)
    assert sorted(manifest["files"]) == sorted(path for path, _mode in FILES[:-1])
    for path, known in manifest["files"].items():
        assert host.file(path).sha256sum == known["sha256"]


def test_nothing_of_a_failed_change_is_left(host: Any) -> None:
    assert host.check_output("find / -xdev -name '.vigil-*' -not -path '/proc/*'") == ""
    assert host.check_output("find /tmp -maxdepth 1 -name 'vigil-stage-*'") == ""


def test_files_of_others_are_untouched(host: Any) -> None:
    assert host.file("/etc/tiny/rules/mine.txt").content_string == "x\n"


def test_secret_is_in_no_log(host: Any) -> None:
    found = host.run(f"journalctl --no-pager | grep -F {SECRET}")
    assert found.stdout == ""
    assert host.run(f"grep -rlF {SECRET} /var/log /tmp /root /run/vigil").stdout == ""
