# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""File systems of this machine beside df, tables of mounts, and a file system that does not answer."""

from __future__ import annotations

import os
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.kind import Look
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.kinds import disk
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.look import look_at
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.model import Result
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.mounts import holder, parse_fstab, parse_mounts, real
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.spec import parse
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.stuck import Stuck, within
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.system import System

TABLE = r"""
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw,errors=remount-ro
23 22 0:5 / /proc rw - proc proc rw
24 22 0:24 / /run rw,nosuid - tmpfs tmpfs rw,size=1000k
25 22 8:2 / /srv/old\040data rw,relatime - xfs /dev/sdb1 ro
26 22 8:1 /var/lib/x /var/lib/x ro,relatime - ext4 /dev/sda1 rw
27 22 0:50 / /nfs rw - nfs4 server:/export rw,hard
28 22 7:0 / /snap/core ro - squashfs /dev/loop0 ro
29 22 8:3 / /data rw - ext4 /dev/sdc1 rw
30 22 8:4 / /data rw - btrfs /dev/sdd1 rw
garbage
"""
FSTAB = r"""
# a comment
UUID=1 / ext4 errors=remount-ro 0 1
LABEL=x /srv/old\040data xfs defaults 0 2
/dev/sde1 /gone ext4 defaults,nofail 0 2
/dev/sdf1 /lost ext4 defaults 0 2
/dev/sdg1 /by-hand ext4 noauto,ro 0 0
/dev/sda2 none swap sw 0 0
tmpfs /scratch tmpfs size=1m 0 0
"""


class Host(System):
    """This machine with files of another one."""

    def __init__(self, files: Mapping[str, str]) -> None:
        self.files = files

    def read(self, path: str) -> bytes | None:
        return self.files[path].encode() if path in self.files else None


@pytest.fixture
def release() -> Iterator[threading.Event]:
    event = threading.Event()
    yield event
    event.set()


def look(options: dict[str, Any], system: System | None = None, timeout: float = 5.0) -> Result:
    check = parse([{"name": "x", "kind": "disk", **options}], {"disk": disk.KIND})[0]
    return look_at(check, disk.KIND, Look(system or System(), timeout))[0]


def df(path: Path, column: str) -> str:
    return subprocess.run(["df", f"--output={column}", path], capture_output=True, text=True, check=True).stdout.split()[-1]


def test_the_figures_of_df(tmp_path: Path) -> None:
    result = look({"paths": [str(tmp_path)], "used": "100.1%", "inodes": "100.1%", "read_only": "never"})
    seen = {finding.what: finding.value for finding in result.findings}
    assert float(df(tmp_path, "pcent").rstrip("%")) == pytest.approx(seen["used"], abs=1.01)
    assert float(df(tmp_path, "ipcent").rstrip("%-") or 0) == pytest.approx(seen.get("inodes", 0), abs=1.01)
    assert float(df(tmp_path, "avail")) * 1024 == pytest.approx(seen["free"], rel=0.01)


def test_a_path_that_is_not_there_fails(tmp_path: Path) -> None:
    result = look({"paths": [str(tmp_path / "none")]})
    assert (result.state, "No such file" in result.summary) == ("fail", True)


def test_a_folder_is_no_mount_point_but_proc_is(tmp_path: Path) -> None:
    assert look({"paths": [str(tmp_path)], "mounted": True}).summary == f"nothing is mounted at {tmp_path}"
    assert "mounted" not in look({"paths": ["/proc"], "mounted": True}).summary


def test_a_link_is_followed_to_its_file_system(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/proc")
    table = parse_mounts(Path("/proc/self/mountinfo").read_text(encoding="utf-8"))
    assert disk._ask(str(tmp_path / "link"), table, 2)["point"] == "/proc"


def test_all_of_this_machine() -> None:
    result = look({"used": "100.1%", "inodes": "100.1%", "read_only": "never"})
    assert any(one["path"] == "/" for one in result.values["file_systems"])
    assert not any(one["path"].startswith("/proc") for one in result.values["file_systems"])


def test_the_table_of_mounts() -> None:
    mounts = {mount.point: mount for mount in parse_mounts(TABLE)}
    assert len(mounts) == 8
    assert (mounts["/srv/old data"].frozen, mounts["/srv/old data"].read_only) == (True, False)
    assert mounts["/data"].fstype == "btrfs"
    assert [mount.point for mount in real(mounts.values(), (), ())] == ["/", "/srv/old data", "/nfs", "/data"]
    assert [mount.point for mount in real(mounts.values(), (), ("/srv/*", "/nfs"))] == ["/", "/data"]
    assert [mount.point for mount in real(mounts.values(), ("squashfs",), ())] == ["/snap/core"]
    inside = {path: holder(path, mounts.values()) for path in ("/nfs", "/nfs/a", "/nfsx", "/")}
    assert {path: mount.point for path, mount in inside.items() if mount} == {"/nfs": "/nfs", "/nfs/a": "/nfs", "/nfsx": "/", "/": "/"}


def test_the_root_counts_even_on_an_overlay() -> None:
    assert [mount.point for mount in real(parse_mounts("1 0 0:9 / / rw - overlay overlay rw"), (), ())] == ["/"]


def test_fstab() -> None:
    wanted = parse_fstab(FSTAB)
    assert sorted(wanted) == ["/", "/by-hand", "/gone", "/lost", "/scratch", "/srv/old data"]
    assert (wanted["/gone"].needed, wanted["/lost"].needed) == (False, True)
    assert (wanted["/by-hand"].automatic, wanted["/by-hand"].read_only) == (False, True)


def test_mounts_that_fstab_wants_are_missed() -> None:
    result = look({"read_only": "never", "used": "100.1%", "inodes": "100.1%", "exclude": ["/nfs", "/data", "/srv/*"]},
                  Host({"/proc/self/mountinfo": TABLE, "/etc/fstab": FSTAB}))
    assert {finding.sentence: finding.state for finding in result.findings if finding.what == "mounted"} == {
        "nothing is mounted at /lost": "fail", "nothing is mounted at /gone": "warn"}


def test_read_only_by_the_kernel_and_by_the_mount() -> None:
    mounts = {mount.point: mount for mount in parse_mounts(TABLE)}
    srv, lib = mounts["/srv/old data"], mounts["/var/lib/x"]
    assert disk._flags(srv, {}, {}) == {"read_only": True, "unexpected": "the kernel made it so, as it does after errors"}
    # The mount's own flag is that of a hardened service, unless process 1 sees it too.
    assert disk._flags(lib, {}, {})["read_only"] is False
    assert disk._flags(lib, mounts, {"/var/lib/x": parse_fstab("/dev/x /var/lib/x ext4 rw")["/var/lib/x"]}) == {
        "read_only": True, "unexpected": "fstab wants it writable"}


def test_a_file_system_that_does_not_answer_fails_in_time_and_is_not_asked_twice(tmp_path: Path, release: threading.Event) -> None:
    def hang(path: str) -> os.statvfs_result:
        release.wait()
        return os.statvfs(path)

    start = time.monotonic()
    first = disk._ask(str(tmp_path), [], 0.1, hang)
    second = disk._ask(str(tmp_path), [], 0.1, hang)
    assert time.monotonic() - start < 2
    assert ("did not answer" in first["error"], "earlier look" in second["error"]) == (True, True)
    waiting = [thread for thread in threading.enumerate() if thread.name == f"asks {tmp_path}"]
    assert len(waiting) == 1
    release.set()
    waiting[0].join(5)
    assert "error" not in disk._ask(str(tmp_path), [], 5)


def test_what_the_work_raises_is_raised() -> None:
    with pytest.raises(ZeroDivisionError):
        within("x", 1, lambda: 1 // 0)
    with pytest.raises(Stuck):
        within("y", 0, lambda: time.sleep(0.05))


def test_many_findings_are_cut_and_the_worst_come_first() -> None:
    one = {"mounted": True, "asked": False, "needed": True, "point": "/", "size": 100, "free": 1, "inodes": 0, "inodes_free": 0,
           "read_only": False, "unexpected": ""}
    values = {"left_out": 0, "file_systems": [{**one, "path": f"/{n}", "left": 1 if n == 40 else 60} for n in range(50)]}
    options = parse([{"name": "x", "kind": "disk"}], {"disk": disk.KIND})[0].options
    findings = disk.decide(options, values)
    assert (len(findings), findings[0].sentence[:23], findings[-1].what) == (20, "used space of /40 is 99", "more")
