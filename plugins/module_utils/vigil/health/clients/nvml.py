# Copyright (c) The Vigil team
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""pynvml (the package nvidia-ml-py): what NVIDIA's driver says about its GPUs. No distribution packages it.

Written by the library's own signatures and NVML's documentation; it was not run on a machine with a GPU.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ..kind import Package
from ..model import CannotTell
from .library import load

PYNVML = Package("pynvml", "")
# What a card, a mode (MIG, a virtual GPU) or an older driver does not tell.
_SILENT = ("NotSupported", "FunctionNotFound", "NoPermission", "NoData", "InvalidArgument", "VgpuEccNotSupported")
# The card itself is gone or stuck: the target fails, not the checker.
_BROKEN = {"GpuIsLost": "has fallen off the bus", "ResetRequired": "needs a reset"}
_ADVICE = "See whether the driver is loaded and answers: nvidia-smi; lsmod | grep nvidia; dmesg | grep -i nvrm"


def read_gpus(library: Any = None) -> list[dict[str, Any]]:
    """Return one mapping for each GPU. What is not told is None; ``broken`` says in words why a GPU tells nothing.

    Raises CannotTell where the library or the driver is missing, or answers what nobody expected. ``library`` is for tests.
    """
    nvml = library or _load()
    try:
        nvml.nvmlInit()
    except nvml.NVMLError as error:
        raise CannotTell(f"NVIDIA's driver cannot be asked: {error}", _ADVICE)
    try:
        return [_gpu(nvml, index) for index in range(nvml.nvmlDeviceGetCount())]
    except nvml.NVMLError as error:
        raise CannotTell(f"NVIDIA's driver answered what nobody expected: {error}", _ADVICE)
    finally:
        nvml.nvmlShutdown()


def _load() -> Any:
    """The package on PyPI is not named as the library is; one that is named so is another."""
    try:
        return load(PYNVML)
    except CannotTell as error:
        raise CannotTell(str(error), "Install nvidia-ml-py by pip on this host, for the Python that runs the watcher.")


def _gpu(nvml: Any, index: int) -> dict[str, Any]:
    gpu: dict[str, Any] = {"index": index, "name": "", "uuid": str(index), "broken": ""}
    try:
        handle = nvml.nvmlDeviceGetHandleByIndex(index)
        for name, ask in _QUESTIONS.items():
            gpu[name] = _asked(nvml, ask, handle)
    except nvml.NVMLError as error:
        broken = _kind_of(nvml, error, _BROKEN)
        if not broken:
            raise
        gpu["broken"] = _BROKEN[broken]
    return gpu


def _asked(nvml: Any, ask: Callable[[Any, Any], Any], handle: Any) -> Any:
    try:
        return ask(nvml, handle)
    except nvml.NVMLError as error:
        if _kind_of(nvml, error, _SILENT):
            return None
        raise


def _kind_of(nvml: Any, error: Exception, names: Any) -> str:
    """Return the name of the error among ``names``; an older library does not know all."""
    return next((name for name in names if isinstance(error, getattr(nvml, f"NVMLError_{name}", ()))), "")


def _text(value: Any) -> str:
    """Older libraries return bytes."""
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def _memory(nvml: Any, handle: Any) -> float:
    found = nvml.nvmlDeviceGetMemoryInfo(handle)
    return 100.0 * float(found.used) / float(found.total) if found.total else 0.0


def _ecc(nvml: Any, handle: Any) -> int:
    return int(nvml.nvmlDeviceGetTotalEccErrors(handle, nvml.NVML_MEMORY_ERROR_TYPE_UNCORRECTED, nvml.NVML_VOLATILE_ECC))


def _rows(nvml: Any, handle: Any) -> dict[str, int]:
    """Ampere and later replace rows; ``pending`` waits for a reset, ``failure`` means that none are left to replace with."""
    corrected, uncorrected, pending, failure = nvml.nvmlDeviceGetRemappedRows(handle)
    return {"replaced": corrected + uncorrected, "pending": pending, "failure": failure}


def _pages(nvml: Any, handle: Any) -> dict[str, int]:
    """Before Ampere pages are retired instead."""
    causes = (nvml.NVML_PAGE_RETIREMENT_CAUSE_MULTIPLE_SINGLE_BIT_ECC_ERRORS, nvml.NVML_PAGE_RETIREMENT_CAUSE_DOUBLE_BIT_ECC_ERROR)
    retired = sum(len(nvml.nvmlDeviceGetRetiredPages(handle, cause)) for cause in causes)
    return {"replaced": retired, "pending": int(nvml.nvmlDeviceGetRetiredPagesPendingStatus(handle)), "failure": 0}


def _slowed(nvml: Any, handle: Any) -> list[str]:
    """Name why the clocks are held back. The call was renamed with driver 535; the bits are the same."""
    ask = getattr(nvml, "nvmlDeviceGetCurrentClocksEventReasons", None)
    bits = _asked(nvml, lambda _nvml, device: ask(device), handle) if ask else None
    if bits is None:
        bits = nvml.nvmlDeviceGetCurrentClocksThrottleReasons(handle)
    names = {
        "thermal": nvml.nvmlClocksThrottleReasonHwThermalSlowdown | nvml.nvmlClocksThrottleReasonSwThermalSlowdown,
        "power_brake": nvml.nvmlClocksThrottleReasonHwPowerBrakeSlowdown, "power_cap": nvml.nvmlClocksThrottleReasonSwPowerCap,
        "hardware": nvml.nvmlClocksThrottleReasonHwSlowdown,
    }
    return [name for name, mask in names.items() if bits & mask]


_QUESTIONS: dict[str, Callable[[Any, Any], Any]] = {
    "name": lambda nvml, handle: _text(nvml.nvmlDeviceGetName(handle)),
    "uuid": lambda nvml, handle: _text(nvml.nvmlDeviceGetUUID(handle)),
    "temperature": lambda nvml, handle: int(nvml.nvmlDeviceGetTemperature(handle, nvml.NVML_TEMPERATURE_GPU)),
    "memory": _memory,
    "utilisation": lambda nvml, handle: float(nvml.nvmlDeviceGetUtilizationRates(handle).gpu),
    "ecc": _ecc,
    "rows": _rows,
    "pages": _pages,
    "slowed": _slowed,
}
