"""The belt to the GPU and back: its copies, streams and waits, counted without a GPU."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from archivecolor.color import FloatArray
from archivecolor.errors import EngineError
from archivecolor.inference import torch as torch_engine
from archivecolor.inference.batching import DeviceMemoryError
from archivecolor.inference.catalog import EngineFolder
from archivecolor.inference.torch import Belt, TorchEngine
from archivecolor.settings import EngineSettings

LUMA = np.random.default_rng(1).random((5, 1, 32, 32), np.float32)


class Recorder:
    """Streams, events and copies of a GPU that does not exist; ``log`` is what happened, in order."""

    def __init__(self) -> None:
        self.log: list[str] = []
        self.streams: list[Stream] = []
        self.current = "default"
        self.events = 0

    @contextmanager
    def on(self, stream: Stream) -> Iterator[None]:
        before, self.current = self.current, stream.name
        yield
        self.current = before

    def install(self, patch: pytest.MonkeyPatch) -> None:
        moved, copied = Tensor.to, Tensor.copy_

        def to(tensor: Tensor, *args: Any, non_blocking: bool = False, **kwargs: Any) -> Tensor:
            if args and isinstance(args[0], torch.device):
                assert non_blocking
                self.log.append(f"host to device on {self.current}")
                return tensor.clone()
            return moved(tensor, *args, **kwargs)

        def copy_(tensor: Tensor, source: Tensor, non_blocking: bool = False) -> Tensor:
            assert non_blocking
            self.log.append(f"device to host on {self.current}")
            return copied(tensor, source)

        def pinned_like(made: Tensor) -> Tensor:
            return torch.empty(made.shape, dtype=made.dtype)

        patch.setattr(torch.cuda, "Stream", lambda _: Stream(self))
        patch.setattr(torch.cuda, "stream", self.on)
        patch.setattr(torch.cuda, "Event", lambda: Event(self))
        patch.setattr(Tensor, "pin_memory", lambda tensor: tensor)
        patch.setattr(Tensor, "to", to)
        patch.setattr(Tensor, "copy_", copy_)
        patch.setattr(torch_engine, "_pinned_like", pinned_like)


class Stream:
    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self.name = ("up", "main", "down")[len(recorder.streams)]
        recorder.streams.append(self)

    def wait_stream(self, other: Stream) -> None:
        self._recorder.log.append(f"{self.name} waits for {other.name}")


class Event:
    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._number = recorder.events
        recorder.events += 1

    def record(self, stream: Stream) -> None:
        assert stream.name == "down"

    def synchronize(self) -> None:
        self._recorder.log.append(f"host waits for batch {self._number}")


def quarter(luma: Tensor) -> dict[str, Tensor]:
    """Something that depends on every picture: its quarter-size mean, twice, and its mean over places, once."""
    small = torch.nn.functional.avg_pool2d(luma, 4)
    return {"chroma": torch.cat((small, small), dim=1), "features": torch.nn.functional.avg_pool2d(luma, 16)}


def check(made: Mapping[str, FloatArray]) -> None:
    """Whether all of `LUMA` came back, under its names."""
    for name, wanted in quarter(torch.from_numpy(LUMA)).items():
        np.testing.assert_array_equal(made[name], wanted.numpy())


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch) -> Recorder:
    made = Recorder()
    made.install(monkeypatch)
    return made


def test_each_batch_is_copied_once_up_and_once_down_and_waited_for_once(recorder: Recorder) -> None:
    check(Belt(torch.device("cuda", 0)).run((LUMA,), 2, quarter))
    assert recorder.log.count("host to device on up") == 3
    assert recorder.log.count("device to host on down") == 2 * 3
    assert [x for x in recorder.log if x.startswith("host waits")] == [f"host waits for batch {i}" for i in range(3)]


def test_the_host_waits_for_a_batch_only_when_the_next_is_under_way(recorder: Recorder) -> None:
    Belt(torch.device("cuda", 0)).run((LUMA,), 1, quarter)
    started, waits = 0, 0
    for entry in recorder.log:
        if entry == "down waits for main":
            started += 1
        elif entry.startswith("host waits"):
            waits += 1
            assert started >= min(5, int(entry.split()[-1]) + 2)
    assert waits == 5


def test_streams_wait_for_one_another_and_never_the_host_for_them(recorder: Recorder) -> None:
    Belt(torch.device("cuda", 0)).run((LUMA[:1],), 1, quarter)
    assert recorder.log == [
        "host to device on up",
        "main waits for up",
        "down waits for main",
        "device to host on down",
        "device to host on down",
        "host waits for batch 0",
    ]


def test_computing_happens_on_the_stream_between(recorder: Recorder) -> None:
    seen: list[str] = []

    def compute(luma: Tensor) -> dict[str, Tensor]:
        seen.append(recorder.current)
        return quarter(luma)

    Belt(torch.device("cuda", 0)).run((LUMA,), 3, compute)
    assert seen == ["main", "main"]


@pytest.mark.parametrize("batch", [1, 2, 5, 9])
def test_on_a_cpu_the_batch_changes_nothing(batch: int) -> None:
    check(Belt(torch.device("cpu")).run((LUMA,), batch, quarter))


def test_a_gpu_that_runs_out_of_memory_gets_smaller_batches(
    tiny: EngineFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried: list[int] = []
    right = Belt.run

    def small_memory(self: Belt, given: Any, batch: int, compute: Any) -> Any:
        tried.append(batch)
        if batch > 1:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 1.00 GiB")
        return right(self, given, batch, compute)

    monkeypatch.setattr(Belt, "run", small_memory)
    with TorchEngine(tiny, EngineSettings(device="cpu", batch=4)) as engine:
        assert engine.colorize(LUMA).shape == (5, 2, 8, 8)
        assert tried == [4, 2, 1]
        assert engine.batch == 1


def test_a_lost_device_is_no_memory_error() -> None:
    assert not isinstance(torch_engine.device_error(RuntimeError("the device is lost"), "x"), DeviceMemoryError)
    assert isinstance(torch_engine.device_error(torch.OutOfMemoryError("CUDA"), "x"), EngineError)


def test_fp16_on_a_cpu_stays_near_fp32(tiny: EngineFolder) -> None:
    half, full = (TorchEngine(tiny, EngineSettings(device="cpu", precision=p)) for p in ("fp16", "fp32"))  # type: ignore[arg-type]
    with half, full:
        assert np.abs(half.colorize(LUMA[:1]) - full.colorize(LUMA[:1])).mean() < 1
    assert half.description.endswith(", fp16")
