# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Memory and pressure of this machine, and of machines written down: control groups of both versions, kills, a kernel without PSI."""

from __future__ import annotations

import errno
from collections.abc import Mapping
from typing import Any

import pytest
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.kind import Kind, Look
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.kinds import memory, pressure
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.look import look_at
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.model import Result
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.spec import parse
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.system import System

FILES = {"/proc/meminfo": "MemTotal: 1000 kB\nMemAvailable: 500 kB\nSwapTotal: 0 kB\nSwapFree: 0 kB\n",
         "/proc/vmstat": "pgfault 1\noom_kill 3\n"}


class Host(System):
    """A machine of files, and a clock."""

    def __init__(self, files: Mapping[str, str | OSError], now: float = 100.0) -> None:
        self.files, self.clock = files, now

    def read(self, path: str) -> bytes | None:
        text = self.files.get(path)
        if isinstance(text, OSError):
            raise text
        return None if text is None else text.encode()

    def monotonic(self) -> float:
        return self.clock


def look(kind: Kind, system: System, options: dict[str, Any] | None = None, kept: Mapping[str, Any] | None = None) -> tuple[Result, Any]:
    check = parse([{"name": "x", "kind": kind.name, **(options or {})}], {kind.name: kind})[0]
    return look_at(check, kind, Look(system, 5.0, kept or {}))


def test_this_machine() -> None:
    result, kept = look(memory.KIND, System(), {"available": "0%", "oom_kills": 10**6})
    assert (result.state, "count" in kept) == ("pass", True)
    assert 0 < result.values["available"] <= result.values["total"]


def test_kills_count_from_the_first_look_on_and_for_a_while() -> None:
    counts, kept = [], None
    for at, total in ((0, 3), (10, 4), (20, 6), (69, 6), (71, 6), (81, 6), (90, 1), (91, 2)):
        result, kept = look(memory.KIND, Host({**FILES, "/proc/vmstat": f"oom_kill {total}"}, at), {"oom_window": "1m"}, kept)
        counts.append(result.values["kills"])
    assert counts == [0, 1, 3, 3, 2, 0, 0, 1]


def test_kills_since_the_last_look() -> None:
    first, kept = look(memory.KIND, Host(FILES), {"oom_window": 0})
    second, kept = look(memory.KIND, Host({**FILES, "/proc/vmstat": "oom_kill 5"}), {"oom_window": 0}, kept)
    third, kept = look(memory.KIND, Host({**FILES, "/proc/vmstat": "oom_kill 5"}), {"oom_window": 0}, kept)
    assert [one.values["kills"] for one in (first, second, third)] == [0, 2, 0]


def test_an_old_kernel_does_not_count_kills() -> None:
    assert look(memory.KIND, Host({**FILES, "/proc/vmstat": "pgfault 1"}))[0].state == "pass"


def test_a_control_group_of_version_two() -> None:
    base = "/sys/fs/cgroup/a.slice"
    files = {**FILES, f"{base}/memory.max": "1000\n", f"{base}/memory.current": "950\n",
             f"{base}/memory.stat": "anon 5\ninactive_file 450\n",
             f"{base}/memory.events": "oom 1\noom_kill 7\n", "/proc/self/cgroup": "0::/a.slice\n"}
    for name in ("/a.slice", "self"):
        result, kept = look(memory.KIND, Host(files), {"cgroup": name})
        assert (result.values["group_used"], result.values["group_limit"], kept["count"]) == (500, 1000.0, 7)
    files[f"{base}/memory.max"] = "max\n"
    assert look(memory.KIND, Host(files), {"cgroup": "/a.slice"})[0].values["group_limit"] is None


def test_a_control_group_of_version_one() -> None:
    base = "/sys/fs/cgroup/memory/a.slice"
    files = {**FILES, f"{base}/memory.limit_in_bytes": "1000\n", f"{base}/memory.usage_in_bytes": "950\n",
             f"{base}/memory.stat": "inactive_file 1\ntotal_inactive_file 450\n",
             f"{base}/memory.oom_control": "oom_kill_disable 0\noom_kill 7\n",
             "/proc/self/cgroup": "4:memory:/a.slice\n3:cpu,cpuacct:/\n0::/\n"}
    for name in ("/a.slice", "self"):
        result, kept = look(memory.KIND, Host(files), {"cgroup": name})
        assert (result.values["group_used"], result.values["group_limit"], kept["count"]) == (500, 1000.0, 7)
    files[f"{base}/memory.limit_in_bytes"] = "9223372036854771712\n"
    assert look(memory.KIND, Host(files), {"cgroup": "/a.slice"})[0].values["group_limit"] is None


def test_a_control_group_that_is_not_there_is_unknown() -> None:
    result, _kept = look(memory.KIND, Host(FILES), {"cgroup": "/gone.slice"})
    assert (result.state, "/gone.slice" in result.summary, "systemctl show" in result.advice) == ("unknown", True, True)


@pytest.mark.parametrize(("over", "value"), [("10s", 1.5), ("1m", 2.5), ("5m", 3.5)])
def test_pressure_over_each_time(over: str, value: float) -> None:
    line = "avg10=1.50 avg60=2.50 avg300=3.50 total=12\n"
    files = {f"/proc/pressure/{name}": f"some {line}full {line}" for name in ("cpu", "memory", "io")}
    result, _kept = look(pressure.KIND, Host(files), {"over": over})
    assert result.values == {f"{name}_{share}": value for name in ("cpu", "memory", "io") for share in ("some", "full")}


@pytest.mark.parametrize("said", [None, "", OSError(errno.EOPNOTSUPP, "Operation not supported")])
def test_a_kernel_without_psi_is_unknown(said: str | OSError | None) -> None:
    files = {} if said is None else {"/proc/pressure/cpu": said}
    result, _kept = look(pressure.KIND, Host(files))
    assert (result.state, "psi=1" in result.advice) == ("unknown", True)


def test_no_right_to_read_the_pressure_is_unknown() -> None:
    result, _kept = look(pressure.KIND, Host({"/proc/pressure/cpu": PermissionError(errno.EACCES, "Permission denied")}))
    assert (result.state, "may not be read" in result.summary) == ("unknown", True)
