# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kind gpu: the real library without a driver, with a stub of the driver in C, and a stand-in for the library."""

from __future__ import annotations

import inspect
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.bounded import Ended
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.clients import nvml
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.kernel_log import from_journal, from_records, read_xids
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.kind import Look, Shared
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.kinds import KINDS
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.look import look_at
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.model import CannotTell, Result
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.health.spec import parse
from ansible_collections.vigil.monitoring.plugins.module_utils.vigil.system import System

pynvml = pytest.importorskip("pynvml")
ROOT = Path(__file__).resolve().parents[3]
CONSTANTS = {name: value for name, value in vars(pynvml).items() if re.match("NVML|nvmlClocks", name)}


class Driver(SimpleNamespace):
    """The library's own names, errors and constants; what the card says is ours. ``refused`` maps a function to the error it raises."""

    def __init__(self, **refused: int) -> None:
        super().__init__(**CONSTANTS)
        self.refused, self.open, self.ecc = refused, 0, 0

    def _say(self, function: str, answer: Any) -> Any:
        if function in self.refused:
            raise pynvml.NVMLError(self.refused[function])
        return answer

    def nvmlInit(self) -> None:
        self._say("nvmlInit", None)
        self.open += 1

    def nvmlShutdown(self) -> None:
        self.open -= 1

    def nvmlDeviceGetCount(self) -> int:
        return int(self._say("nvmlDeviceGetCount", 1))

    def nvmlDeviceGetHandleByIndex(self, index: int) -> str:
        return str(self._say("nvmlDeviceGetHandleByIndex", f"handle {index}"))

    def nvmlDeviceGetName(self, handle: str) -> Any:
        return self._say("nvmlDeviceGetName", b"NVIDIA H100")

    def nvmlDeviceGetUUID(self, handle: str) -> Any:
        return self._say("nvmlDeviceGetUUID", "GPU-1")

    def nvmlDeviceGetTemperature(self, handle: str, sensor: int) -> Any:
        return self._say("nvmlDeviceGetTemperature", 50)

    def nvmlDeviceGetMemoryInfo(self, handle: str, version: Any = None) -> Any:
        return self._say("nvmlDeviceGetMemoryInfo", SimpleNamespace(total=80 * 2**30, used=20 * 2**30, free=60 * 2**30))

    def nvmlDeviceGetUtilizationRates(self, handle: str) -> Any:
        return self._say("nvmlDeviceGetUtilizationRates", SimpleNamespace(gpu=7, memory=1))

    def nvmlDeviceGetTotalEccErrors(self, handle: str, errorType: int, counterType: int) -> Any:
        assert (errorType, counterType) == (pynvml.NVML_MEMORY_ERROR_TYPE_UNCORRECTED, pynvml.NVML_VOLATILE_ECC)
        return self._say("nvmlDeviceGetTotalEccErrors", self.ecc)

    def nvmlDeviceGetRemappedRows(self, device: str) -> Any:
        return self._say("nvmlDeviceGetRemappedRows", (1, 2, 0, 0))

    def nvmlDeviceGetRetiredPages(self, device: str, sourceFilter: int) -> Any:
        return self._say("nvmlDeviceGetRetiredPages", [4096] * (1 + sourceFilter))

    def nvmlDeviceGetRetiredPagesPendingStatus(self, device: str) -> Any:
        return self._say("nvmlDeviceGetRetiredPagesPendingStatus", 1)

    def nvmlDeviceGetCurrentClocksEventReasons(self, handle: str) -> Any:
        return self._say("nvmlDeviceGetCurrentClocksEventReasons", 0x4 | 0x40)

    def nvmlDeviceGetCurrentClocksThrottleReasons(self, handle: str) -> Any:
        return self._say("nvmlDeviceGetCurrentClocksThrottleReasons", 0x8)


def test_every_name_that_is_used_is_one_of_the_real_library() -> None:
    source = inspect.getsource(nvml)
    used = set(re.findall(r"(?:nvml\.|\")((?:NVML_|nvml)[A-Za-z_]\w+)", source))
    assert len(used) > 20
    assert [name for name in sorted(used) if not hasattr(pynvml, name)] == []
    errors = [*nvml._SILENT, *nvml._BROKEN]
    assert [name for name in errors if not hasattr(pynvml, f"NVMLError_{name}")] == []


@pytest.mark.parametrize("name", [name for name in vars(Driver) if name.startswith("nvml")])
def test_the_stand_in_is_called_as_the_real_library(name: str) -> None:
    real, ours = inspect.signature(getattr(pynvml, name)), inspect.signature(getattr(Driver(), name))
    assert list(real.parameters) == list(ours.parameters)


def test_what_a_card_says() -> None:
    driver = Driver()
    assert nvml.read_gpus(driver) == [{
        "index": 0, "name": "NVIDIA H100", "uuid": "GPU-1", "broken": "", "temperature": 50, "memory": 25.0, "utilisation": 7.0, "ecc": 0,
        "rows": {"replaced": 3, "pending": 0, "failure": 0}, "pages": {"replaced": 3, "pending": 1, "failure": 0},
        "slowed": ["thermal", "power_cap"],
    }]
    assert driver.open == 0


def test_what_a_card_does_not_tell_is_nothing() -> None:
    silent = {name: pynvml.NVML_ERROR_NOT_SUPPORTED for name in vars(Driver) if re.match("nvmlDeviceGet(?!Count|Handle|Name|UUID)", name)}
    gpu = nvml.read_gpus(Driver(**silent))[0]
    assert {gpu[name] for name in ("temperature", "memory", "utilisation", "ecc", "rows", "pages", "slowed")} == {None}


def test_an_older_driver_knows_the_older_call() -> None:
    driver = Driver(nvmlDeviceGetCurrentClocksEventReasons=pynvml.NVML_ERROR_FUNCTION_NOT_FOUND)
    assert nvml.read_gpus(driver)[0]["slowed"] == ["hardware"]


@pytest.mark.parametrize("function", ["nvmlDeviceGetHandleByIndex", "nvmlDeviceGetTemperature"])
def test_a_lost_card_is_broken(function: str) -> None:
    assert nvml.read_gpus(Driver(**{function: pynvml.NVML_ERROR_GPU_IS_LOST}))[0]["broken"] == "has fallen off the bus"


@pytest.mark.parametrize("function", ["nvmlInit", "nvmlDeviceGetCount", "nvmlDeviceGetTemperature"])
def test_an_error_that_nobody_expected_is_unknown(function: str) -> None:
    driver = Driver(**{function: pynvml.NVML_ERROR_UNKNOWN})
    with pytest.raises(CannotTell, match="driver"):
        nvml.read_gpus(driver)
    assert driver.open == 0


class Quiet(System):
    """A host whose kernel's log says nothing."""

    def bounded_run(
        self, argv: Sequence[str], timeout: float, env: Mapping[str, str] | None = None, cwd: str | None = None, keep: int = 0
    ) -> Ended:
        return Ended(tuple(argv), 1, "-- No entries --\n")


def looked(shared: Shared, remembered: Mapping[str, Any] | None = None, **options: Any) -> tuple[Result, Any]:
    check = parse([{"name": "check", "kind": "gpu", **options}], KINDS)[0]
    return look_at(check, KINDS["gpu"], Look(Quiet(), 5.0, remembered or {}, shared))


@pytest.mark.parametrize(("before", "after", "seen"), [(0, 0, 0), (1, 3, 2), (3, 1, 1)])
def test_memory_errors_since_the_last_look(before: int, after: int, seen: int) -> None:
    driver, shared = Driver(), Shared(lambda: 0.0)
    driver.ecc = before
    shared.get("gpus", 1.0, lambda: nvml.read_gpus(driver))
    first, memory = looked(shared)
    assert first.values["gpus"][0]["ecc_new"] is None and memory == {"ecc": {"GPU-1": before}}
    driver.ecc = after
    shared.get("gpus", 0.0, lambda: nvml.read_gpus(driver))
    assert looked(shared, memory)[0].values["gpus"][0]["ecc_new"] == seen


def test_the_real_library_without_a_driver_is_unknown() -> None:
    if Path("/dev/nvidiactl").exists():
        pytest.skip("this machine has a GPU")
    result, _memory = looked(Shared(lambda: 0.0))
    assert result.state == "unknown" and "NVIDIA's driver cannot be asked: NVML Shared Library Not Found" in result.summary
    assert "nvidia-smi" in result.advice


def test_without_the_library_it_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pynvml", None)
    result, _memory = looked(Shared(lambda: 0.0))
    assert result.state == "unknown" and "Install nvidia-ml-py by pip" in result.advice


SCRIPT = "import json; from vigil.health.clients import nvml; print(json.dumps(nvml.read_gpus()))"


def test_the_real_library_with_a_stub_of_the_driver(tmp_path: Path) -> None:
    compiler = shutil.which("cc") or shutil.which("gcc")
    if not compiler:
        pytest.skip("no C compiler")
    source = Path(__file__).with_name("nvml_stub.c")
    subprocess.run([compiler, "-shared", "-fPIC", "-w", "-o", str(tmp_path / "libnvidia-ml.so.1"), str(source)], check=True)
    environment = {**os.environ, "LD_LIBRARY_PATH": str(tmp_path), "PYTHONPATH": str(ROOT / "plugins" / "module_utils")}
    done = subprocess.run([sys.executable, "-c", SCRIPT], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    well, lost = json.loads(done.stdout)
    assert well == {
        "index": 0, "name": "Stub 9000", "uuid": "GPU-0001", "broken": "", "temperature": 91, "memory": 25.0, "utilisation": 42.0, "ecc": 7,
        "rows": {"replaced": 3, "pending": 1, "failure": 0}, "pages": None, "slowed": ["thermal", "power_cap"],
    }
    assert lost["broken"] == "has fallen off the bus"


RECORDS = [
    "6,1,5000000,-;nvidia: loading out-of-tree module",
    "3,2,90000000,-;NVRM: Xid (PCI:0000:3b:00): 79, pid='<unknown>', name=<unknown>, GPU has fallen off the bus.",
    "3,3,95000000,-;NVRM: Xid (0000:5e:00): 31",
]


def test_errors_in_the_kernels_records() -> None:
    found = from_records(RECORDS, 100.0)
    assert [(xid["bus"], xid["code"], xid["age"]) for xid in found] == [("0000:3b:00", 79, 10.0), ("0000:5e:00", 31, 5.0)]
    assert found[0]["text"].endswith("GPU has fallen off the bus.")


def test_errors_in_the_journal() -> None:
    text = "1000.500000 gpu1 kernel: NVRM: Xid (PCI:0000:3b:00): 48, pid=1, DBE\n-- No entries --\n"
    assert from_journal(text, 1010.5) == [{"bus": "0000:3b:00", "code": 48, "text": "pid=1, DBE", "age": 10.0}]


class Journal(Quiet):
    """A journal that answers as it is told."""

    def __init__(self, ended: Ended) -> None:
        self.ended = ended

    def bounded_run(self, *_args: Any, **_more: Any) -> Ended:
        return self.ended


@pytest.mark.parametrize(
    ("ended", "found"),
    [
        (Ended((), 1, "-- No entries --\n"), []),
        (Ended((), 1, "-- No entries --\n", "No journal files were opened due to insufficient permissions.\n"), None),
        (Ended((), 0, "", "Hint: You are currently not seeing messages from other users and the system.\n"), None),
        (Ended((), None, problem="journalctl could not be started", missing="journalctl"), None),
        (Ended((), 1, "", ""), None),
    ],
)
def test_a_log_that_may_not_be_read_says_nothing(ended: Ended, found: Any) -> None:
    assert read_xids(Journal(ended), 60.0, 1.0, "/no/such/kmsg") == found
