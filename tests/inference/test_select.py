"""Choosing the engine: the one that is named, or the best that works, and an error that helps where there is none."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from archivecolor.errors import EngineError, UsageError
from archivecolor.inference import catalog
from archivecolor.inference.onnx import OnnxEngine
from archivecolor.inference.select import EngineKind, candidates, open_engine
from archivecolor.inference.torch import TorchEngine
from archivecolor.settings import DEFAULT_GENERATOR, EngineSettings
from tests.inference.conftest import PutGpus, flip_a_byte


def test_a_named_engine_is_the_one_that_comes(tiny_engine: Path) -> None:
    with open_engine(EngineSettings("onnx", device="cpu"), str(tiny_engine)) as engine:
        assert isinstance(engine, OnnxEngine)
        assert engine.folder.name == "tiny"
    with open_engine(EngineSettings("torch", device="cpu"), str(tiny_engine)) as engine:
        assert isinstance(engine, TorchEngine)


def test_on_a_cpu_auto_is_onnx_runtime(tiny_engine: Path) -> None:
    with open_engine(EngineSettings("auto", device="cpu"), str(tiny_engine)) as engine:
        assert isinstance(engine, OnnxEngine)
        assert "CPU" in engine.description


def test_without_a_name_the_generator_is_the_one_that_ships() -> None:
    with open_engine(EngineSettings("onnx", device="cpu")) as engine:
        assert engine.folder.name == DEFAULT_GENERATOR


def test_an_unknown_engine_is_a_usage_error_that_lists_the_known_ones(tiny_engine: Path) -> None:
    with pytest.raises(UsageError, match="there is no engine 'abacus'") as told:
        open_engine("abacus", str(tiny_engine))
    assert all(kind in (told.value.hint or "") for kind in EngineKind)


def test_an_unknown_generator_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match=r"no generator 'archvie' \(did you mean 'archive'\?\)"):
        open_engine("onnx", "archvie")


@pytest.mark.parametrize("kind", ["auto", "onnx", "torch"])
def test_a_damaged_generator_is_an_error_and_not_a_reason_to_take_another_engine(
    copied_engine: Path, kind: str
) -> None:
    flip_a_byte(copied_engine / catalog.WEIGHTS)
    with pytest.raises(EngineError, match=r"weights\.safetensors: is damaged"):
        open_engine(EngineSettings(kind, device="cpu"), str(copied_engine))


def test_without_a_driver_auto_loads_no_pytorch_and_says_why_it_takes_the_cpu() -> None:
    program = """
import logging, sys
logging.basicConfig(stream=sys.stdout, format="%(message)s")
logging.getLogger("archivecolor").setLevel(logging.DEBUG)
from archivecolor.inference import device, select
device.nvidia_driver.__wrapped__.__globals__["_open_driver"] = lambda: (_ for _ in ()).throw(OSError())
with select.open_engine() as engine:
    print(engine.description)
assert "torch" not in sys.modules and "tensorrt_rtx" not in sys.modules
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    told, description = done.stdout.splitlines()
    assert told == f"engine: {description}; not tensorrt, tensorrt-rtx, torch on cuda: no NVIDIA driver"


def test_engines_for_cuda_that_are_not_installed_are_passed_by(
    put_gpus: PutGpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_gpus(("NVIDIA GeForce RTX 4090", 8, 9))
    monkeypatch.setattr("archivecolor.inference.select.importlib.util.find_spec", lambda _: None)
    reasons = {c.name: c.reason for c in candidates(EngineSettings(device="cuda"))}
    assert reasons["tensorrt"] == reasons["tensorrt-rtx"] == reasons["torch on cuda"] == "not installed"
    assert list(reasons) == ["tensorrt", "tensorrt-rtx", "torch on cuda", "onnx on cuda"]


def test_a_bad_device_is_a_usage_error_before_anything_is_loaded() -> None:
    with pytest.raises(UsageError, match="there is no device 'quantum'"):
        open_engine(EngineSettings("auto", device="quantum"), "no such generator")


@pytest.mark.parametrize("batch", [0, -1, 257])
def test_batches_beyond_what_the_graph_takes_are_usage_errors(batch: int) -> None:
    with pytest.raises(UsageError, match=f"the batch is {batch} pictures"):
        EngineSettings(batch=batch)
