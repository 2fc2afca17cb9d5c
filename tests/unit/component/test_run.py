# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The source archive from options to result, on a host in a temporary folder."""

from __future__ import annotations

import errno
import fcntl
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.component import download
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.component.host import Host
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.component.run import run
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.model import VigilError

from .conftest import program

Release = Callable[..., dict[str, Any]]


def tree(host: Host) -> dict[str, str]:
    """Every file and link of the host with its content, and every folder."""
    found = {}
    for folder, folders, files in os.walk(host.root):
        for name in (*folders, *files):
            path = Path(folder, name)
            value = os.readlink(path) if path.is_symlink() else path.read_bytes().hex() if path.is_file() else "folder"
            found[str(path)[len(host.root):]] = value
    return {path: value for path, value in found.items() if not path.startswith("/run")}


def kinds(result: dict[str, Any]) -> list[str]:
    return [step["kind"] for step in result["plan"]]


def test_a_first_run_installs_and_a_second_changes_nothing(host: Host, release: Release) -> None:
    first = run(release(), False, host)
    assert (first["changed"], first["version"], first["program"]) == (True, "1.0.0", "/usr/local/bin/tool")
    before = tree(host)
    assert before["/opt/vigil/tool/current"] == "1.0.0"
    assert before["/usr/local/bin/tool"] == "/opt/vigil/tool/current/tool"
    assert "/var/cache/vigil/tool" not in before
    second = run(release(), False, host)
    assert (second["changed"], second["plan"]) == (False, [])
    assert tree(host) == before


def test_no_program_keeps_setuid_or_a_group_that_writes(host: Host, release: Release) -> None:
    run(release(), False, host)
    assert os.stat(host.path("/opt/vigil/tool/1.0.0/tool")).st_mode & 0o7777 == 0o755


@pytest.mark.parametrize("state", ["present", "absent"])
def test_check_mode_changes_nothing_and_says_what_a_run_does(host: Host, release: Release, state: str) -> None:
    if state == "absent":
        run(release(), False, host)
    before = tree(host)
    planned = run({**release(), "state": state}, True, host)
    assert tree(host) == before
    assert planned["plan"] == run({**release(), "state": state}, False, host)["plan"] != []
    assert run({**release(), "state": state}, True, host)["changed"] is False


def test_going_back_reads_no_archive(host: Host, release: Release, tmp_path: Path) -> None:
    old = release("1.0.0")
    run(old, False, host)
    run(release("2.0.0"), False, host)
    for path in tmp_path.glob("*.tar.gz"):
        path.unlink()
    assert kinds(run(old, False, host)) == ["switch", "record"]


def test_the_last_used_versions_are_kept(host: Host, release: Release) -> None:
    for version in ("1.0.0", "2.0.0", "3.0.0", "4.0.0"):
        run(release(version), False, host)
    assert host.names("/opt/vigil/tool") == ["2.0.0", "3.0.0", "4.0.0", "current"]


@pytest.mark.parametrize("tamper", ["content", "gone", "mode", "stamp"])
def test_a_program_that_was_altered_is_repaired(host: Host, release: Release, tamper: str) -> None:
    run(release(), False, host)
    path = Path(host.path("/opt/vigil/tool/1.0.0/tool"))
    if tamper == "content":
        time = path.stat().st_mtime_ns
        path.write_bytes(path.read_bytes()[:-1] + b"!")
        os.utime(path, ns=(time, time))
    elif tamper == "mode":
        path.chmod(0o644)
    else:
        (path if tamper == "gone" else path.with_name(".vigil.json")).unlink()
    assert kinds(run(release(), False, host)) == ["download", "unpack", "switch", "record"]
    assert run(release(), False, host)["changed"] is False


def test_a_program_that_was_only_touched_is_left_alone(host: Host, release: Release) -> None:
    run(release(), False, host)
    os.utime(host.path("/opt/vigil/tool/1.0.0/tool"))
    assert run(release(), False, host)["changed"] is False


def fails(host: Host, params: dict[str, Any], words: str) -> None:
    """The run fails with those words and leaves the host as it was."""
    before = tree(host)
    with pytest.raises(VigilError, match=words):
        run(params, False, host)
    assert tree(host) == before


def test_a_wrong_checksum_leaves_the_old_version(host: Host, release: Release) -> None:
    run(release("1.0.0"), False, host)
    new = release("2.0.0")
    new["spec"]["archive"]["checksums"]["amd64"] = "0" * 64
    fails(host, new, f"has the sha256 [0-9a-f]+, expected {'0' * 64}")


def test_a_program_for_another_machine_leaves_the_old_version(host: Host, release: Release) -> None:
    run(release("1.0.0"), False, host)
    fails(host, release("2.0.0", program(183)), "is built for aarch64, this host is x86_64. Expected an archive for amd64")


def test_what_is_no_program_is_refused(host: Host, release: Release) -> None:
    fails(host, release("1.0.0", b"hello"), "neither an ELF program nor a script")


def test_an_archive_without_the_program_is_refused(host: Host, release: Release) -> None:
    fails(host, release("1.0.0", programs=["toool"]), "holds no toool \\(found: LICENSE, tool\\)")


def test_no_checksum_for_the_architecture(host: Host, release: Release) -> None:
    params = release()
    params["spec"]["archive"]["checksums"] = {"arm64": "0" * 64}
    fails(host, params, "checksums are given only for arm64")


def test_a_program_of_somebody_else_stays(host: Host, release: Release) -> None:
    Path(host.path("/usr/local/bin/tool")).write_text("mine")
    fails(host, release(), "found a file at /usr/local/bin/tool")


def test_a_file_of_checksums(host: Host, release: Release, tmp_path: Path) -> None:
    params = release()
    sums = tmp_path / "sums.txt"
    sums.write_text(f"{'0' * 64}  other.tar.gz\n{params['spec']['archive']['checksums']['amd64']} *tool-1.0.0.linux-amd64.tar.gz\n")
    params["spec"]["archive"] = {"url": params["spec"]["archive"]["url"], "checksums_url": f"file://{sums}"}
    assert run(params, False, host)["changed"] is True
    sums.unlink()
    assert run(params, False, host)["changed"] is False


def test_what_an_interrupted_run_left_is_cleaned(host: Host, release: Release) -> None:
    run(release(), False, host)
    clean = tree(host)
    for path in ("/opt/vigil/tool/.new-abc/tool", "/opt/vigil/tool/.old-1.0.0/tool", "/var/cache/vigil/tool/2.0.0-x.part"):
        Path(host.path(path)).parent.mkdir(parents=True, exist_ok=True)
        Path(host.path(path)).write_text("half")
    assert kinds(run(release(), False, host)) == ["clean", "clean", "record"]
    assert {path for path in tree(host) if "cache" not in path} == {path for path in clean if "cache" not in path}
    assert run(release(), False, host)["changed"] is False


def test_a_second_run_at_once_is_told_who_is_first(host: Host, release: Release) -> None:
    host.folder("/run/vigil/component")
    with open(host.path("/run/vigil/component/tool.lock"), "w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        other.write("4711")
        other.flush()
        fails(host, {**release(), "lock_timeout": 3}, "process 4711 on this host\\) works on component tool and did not end within 3 s")


def test_nothing_is_left_but_data(host: Host, release: Release) -> None:
    before = tree(host)
    data = {"path": "/var/lib/tool/data", "owner": "root", "group": "root", "data": True}
    if os.geteuid() != 0:
        data |= {"owner": os.environ["USER"], "group": os.environ["USER"]}
    params = release(directories=[data], config_dir="/etc/tool")
    run(params, False, host)
    Path(host.path("/etc/tool")).mkdir()
    Path(host.path("/var/lib/tool/data/points")).write_text("1")
    result = run({**params, "state": "absent"}, False, host)
    assert result["kept"] == ["/var/lib/tool/data is kept: it holds data, and purge is not set."]
    left = set(tree(host)) - set(before)
    assert left == {"/var/lib/tool", "/var/lib/tool/data", "/var/lib/tool/data/points"}
    run({**params, "state": "absent", "purge": True}, False, host)
    assert set(tree(host)) - set(before) == {"/var/lib/tool"}


def test_a_full_disk_says_so() -> None:
    with pytest.raises(VigilError, match="The file system of /opt/vigil/x is full"), download.disk_full("/opt/vigil/x/y"):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_the_controller_is_asked_for_what_it_shall_bring(host: Host, release: Release, tmp_path: Path) -> None:
    params = {**release(), "via": "controller"}
    before = tree(host)
    asked = run(params, False, host)
    assert (asked["changed"], asked["fetch"]["archive"]["sha256"]) == (False, params["spec"]["archive"]["checksums"]["amd64"])
    assert tree(host) == before
    local = tmp_path / "tool-1.0.0.linux-amd64.tar.gz"
    assert run({**params, "archive_path": str(local)}, False, host)["changed"] is True


def test_what_the_controller_brought_is_verified_again(host: Host, release: Release, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.tar.gz"
    damaged.write_bytes(b"x")
    fails(host, {**release(), "via": "controller", "archive_path": str(damaged)}, "has the sha256")
