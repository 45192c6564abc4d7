"""Devices: the names that people give them, and the NVIDIA GPUs that are here.

The GPUs are asked for through the driver's own library, so no runtime has to be installed, let alone loaded, to know
that there is none. Nothing here can crash without a driver, unlike TensorRT's runtime.
"""

from __future__ import annotations

import ctypes
import functools
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self

from archivecolor.errors import DependencyError, UsageError

_NAME_BYTES = 256
_MAJOR, _MINOR = 75, 76  # CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR, _MINOR


class DeviceKind(StrEnum):
    """What can compute."""

    AUTO = "auto"
    CPU = "cpu"
    CUDA = "cuda"
    COREML = "coreml"
    DIRECTML = "directml"


@dataclass(frozen=True, slots=True)
class Device:
    """One of the kind, counted from 0."""

    kind: DeviceKind
    index: int = 0

    @classmethod
    def parse(cls, name: str) -> Self:
        """``cpu``, ``cuda``, ``cuda:1``; raises `UsageError`."""
        found = re.fullmatch(r"([a-z]+)(?::(\d{1,3}))?", name.lower())
        if found is None or found[1] not in set(DeviceKind) or (found[2] and found[1] in ("auto", "cpu", "coreml")):
            raise UsageError(f"there is no device '{name}'", hint=f"one of {', '.join(DeviceKind)}, cuda:1, directml:1")
        return cls(DeviceKind(found[1]), int(found[2] or 0))

    def __str__(self) -> str:
        return f"{self.kind}:{self.index}" if self.index else str(self.kind)


@dataclass(frozen=True, slots=True)
class Gpu:
    """An NVIDIA GPU."""

    index: int
    name: str
    target: str
    """Compute capability as compilers name it: ``sm_89``."""
    memory_bytes: int


@dataclass(frozen=True, slots=True)
class Driver:
    """What the NVIDIA driver says."""

    cuda: str
    """The newest CUDA version that it runs: ``13.0``."""
    gpus: tuple[Gpu, ...]


@functools.cache
def nvidia_driver() -> Driver | None:
    """Driver and GPUs, or None without a driver that works. Asked once a process."""
    return ask_driver(_open_driver)


def nvidia_gpu(index: int = 0) -> Gpu:
    """One of the GPUs that are here; raises `DependencyError` when it is not."""
    driver = nvidia_driver()
    gpus = driver.gpus if driver else ()
    if not gpus:
        raise DependencyError(
            "no NVIDIA GPU was found, or no driver for it", hint="'archivecolor doctor' lists what is here"
        )
    if index >= len(gpus):
        raise DependencyError(f"there is no GPU {index}", hint=f"GPUs here: {', '.join(str(g.index) for g in gpus)}")
    return gpus[index]


def ask_driver(open_library: Callable[[], Any]) -> Driver | None:
    """Query the CUDA driver API of the library that ``open_library`` returns; `OSError` from it means: no driver."""
    try:
        cuda = open_library()
    except OSError:
        return None
    version, count = ctypes.c_int(), ctypes.c_int()
    if cuda.cuInit(0) or cuda.cuDriverGetVersion(ctypes.byref(version)) or cuda.cuDeviceGetCount(ctypes.byref(count)):
        return None
    found = [_ask_gpu(cuda, i) for i in range(count.value)]
    return Driver(f"{version.value // 1000}.{version.value % 1000 // 10}", tuple(g for g in found if g))


def _ask_gpu(cuda: Any, index: int) -> Gpu | None:
    device, major, minor = ctypes.c_int(), ctypes.c_int(), ctypes.c_int()
    name, memory = ctypes.create_string_buffer(_NAME_BYTES), ctypes.c_size_t()
    failed = (
        cuda.cuDeviceGet(ctypes.byref(device), index)
        or cuda.cuDeviceGetName(name, _NAME_BYTES, device)
        or cuda.cuDeviceGetAttribute(ctypes.byref(major), _MAJOR, device)
        or cuda.cuDeviceGetAttribute(ctypes.byref(minor), _MINOR, device)
        or cuda.cuDeviceTotalMem_v2(ctypes.byref(memory), device)
    )
    if failed:
        return None
    return Gpu(index, name.value.decode(errors="replace"), f"sm_{major.value}{minor.value}", memory.value)


def _open_driver() -> Any:
    return ctypes.CDLL("nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1")
