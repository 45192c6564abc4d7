"""Devices: their names, and what the NVIDIA driver says of them."""

from __future__ import annotations

import pytest

from archivecolor.errors import DependencyError, UsageError
from archivecolor.inference.device import Device, DeviceKind, ask_driver, nvidia_driver, nvidia_gpu
from tests.fakes.nvidia import FakeDriver
from tests.inference.conftest import PutGpus

RTX_4090 = ("NVIDIA GeForce RTX 4090", 8, 9)
H100 = ("NVIDIA H100 80GB HBM3", 9, 0)


@pytest.mark.parametrize(
    ("name", "kind", "index"),
    [("auto", "auto", 0), ("cpu", "cpu", 0), ("cuda", "cuda", 0), ("CUDA:1", "cuda", 1), ("directml:2", "directml", 2)],
)
def test_devices_are_named_by_kind_and_number(name: str, kind: str, index: int) -> None:
    assert Device.parse(name) == Device(DeviceKind(kind), index)


@pytest.mark.parametrize("name", ["", "gpu", "cuda:", "cuda:x", "cuda:-1", "cpu:1", "auto:0", "cuda:1:2", "cuda 1"])
def test_what_is_no_device_is_a_usage_error_that_lists_the_kinds(name: str) -> None:
    with pytest.raises(UsageError, match="there is no device") as told:
        Device.parse(name)
    assert "cuda" in (told.value.hint or "")


def test_the_driver_tells_names_capabilities_and_the_newest_cuda() -> None:
    driver = ask_driver(lambda: FakeDriver(RTX_4090, H100))
    assert driver is not None
    assert driver.cuda == "13.1"
    assert [(g.index, g.name, g.target) for g in driver.gpus] == [(0, RTX_4090[0], "sm_89"), (1, H100[0], "sm_90")]
    assert driver.gpus[0].memory_bytes == 24 << 30


def test_without_the_drivers_library_there_is_no_driver() -> None:
    def missing() -> FakeDriver:
        raise OSError("libcuda.so.1: cannot open shared object file")

    assert ask_driver(missing) is None


def test_a_driver_that_does_not_come_up_is_none() -> None:
    assert ask_driver(lambda: FakeDriver(RTX_4090, status=100)) is None


def test_a_gpu_that_is_not_here_is_a_dependency_error(put_gpus: PutGpus) -> None:
    put_gpus()
    with pytest.raises(DependencyError, match="no NVIDIA GPU was found"):
        nvidia_gpu()
    put_gpus(RTX_4090)
    assert nvidia_driver() is not None
    assert nvidia_gpu().target == "sm_89"
    with pytest.raises(DependencyError, match=r"there is no GPU 1 \(GPUs here: 0\)"):
        nvidia_gpu(1)
