"""Luma of real pictures, as engines take it."""

from __future__ import annotations

import hashlib
import re
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import numpy.typing as npt
import onnx
import pytest

from archivecolor.color import FloatArray, luma_of
from archivecolor.inference import catalog, device
from archivecolor.inference.catalog import EngineFolder
from tests.fakes.nvidia import FakeDriver, FakeTensorRT

Picture = npt.NDArray[np.uint8]


@pytest.fixture(scope="session")
def real_lumas(color_photographs: dict[str, Picture]) -> list[FloatArray]:
    """``[n, 1, h, w]`` of several n, h and w."""
    pictures = list(color_photographs.values())
    made = []
    for count, (height, width) in ((1, (96, 96)), (3, (64, 128)), (2, (160, 96))):
        scaled = [cv2.resize(luma_of(p), (width, height), interpolation=cv2.INTER_AREA) for p in pictures[:count]]
        made.append(np.stack(scaled).astype(np.float32)[:, None] / np.float32(255))
    return made


@pytest.fixture
def copied_engine(tiny_engine: Path, tmp_path: Path) -> Path:
    """A tiny engine's folder of one's own, to be spoilt."""
    return Path(shutil.copytree(tiny_engine, tmp_path / "tiny"))


@pytest.fixture
def tiny(tiny_engine: Path) -> EngineFolder:
    return catalog.read(tiny_engine)


def record_digests(folder: Path) -> None:
    """Let ``folder``'s description call the files good that lie there now."""
    path = folder / "engine.toml"
    text = path.read_text(encoding="utf-8")
    for name in (catalog.GRAPH, catalog.WEIGHTS):
        digest = hashlib.sha256((folder / name).read_bytes()).hexdigest()
        text = re.sub(rf'"{re.escape(name)}" = "\w+"', f'"{name}" = "{digest}"', text)
    path.write_text(text, encoding="utf-8")


def drop_spread(folder: Path) -> None:
    """Make the graph one that tells chroma alone, as they were exported before they told spread and features."""
    model = onnx.load(folder / catalog.GRAPH, load_external_data=False)
    del model.graph.output[1:]
    toml = folder / "engine.toml"
    toml.write_text(re.sub(r"(?m)^features = .*\n", "", toml.read_text(encoding="utf-8")), encoding="utf-8")
    onnx.save(model, folder / catalog.GRAPH)
    record_digests(folder)


def flip_a_byte(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0x10
    path.write_bytes(bytes(content))


PutGpus = Callable[..., None]
"""Give the machine these GPUs, each a name and the two numbers of its compute capability; none: just a driver."""


@pytest.fixture
def put_gpus(monkeypatch: pytest.MonkeyPatch) -> Iterator[PutGpus]:
    """Replace the NVIDIA driver by one with other GPUs."""

    def put(*gpus: tuple[str, int, int]) -> None:
        monkeypatch.setattr(device, "_open_driver", lambda: FakeDriver(*gpus))
        device.nvidia_driver.cache_clear()

    yield put
    device.nvidia_driver.cache_clear()


@pytest.fixture(autouse=True)
def _own_plans(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Let no test see the plans of another."""
    monkeypatch.setenv("ARCHIVECOLOR_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def fake_rtx(monkeypatch: pytest.MonkeyPatch) -> FakeTensorRT:
    """A ``tensorrt_rtx`` of our own."""
    return put_tensorrt(monkeypatch, FakeTensorRT("tensorrt_rtx"))


def put_tensorrt(monkeypatch: pytest.MonkeyPatch, module: FakeTensorRT) -> FakeTensorRT:
    """Let ``import tensorrt`` or ``import tensorrt_rtx`` find ``module``."""
    module.__spec__ = ModuleSpec(module.__name__, None)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    return module


@pytest.fixture
def host_memory_as_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let PyTorch's CUDA be host memory, with stream 7 as the current one."""
    import torch

    from archivecolor.inference import torch as torch_engine

    monkeypatch.setattr(torch_engine, "torch_device", lambda settings, need_cuda=False: torch.device("cpu"))
    monkeypatch.setattr(torch.cuda, "device", lambda _: nullcontext())
    monkeypatch.setattr(torch.cuda, "current_stream", lambda _: SimpleNamespace(cuda_stream=7))
