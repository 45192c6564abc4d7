"""ONNX Runtime against PyTorch, the reference, and its own ways to fail."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from archivecolor.color import FloatArray
from archivecolor.errors import EngineError
from archivecolor.inference import catalog
from archivecolor.inference.catalog import EngineFolder
from archivecolor.inference.onnx import OnnxEngine
from archivecolor.settings import EngineSettings
from tests.inference.conftest import record_digests

ON_CPU = EngineSettings(device="cpu", threads=1)


def difference_to_torch(folder: EngineFolder, lumas: list[FloatArray]) -> float:
    """The largest difference in a*, b* over some batches."""
    pytest.importorskip("safetensors", reason="the reference needs safetensors")
    pytest.importorskip("torch", reason="the reference is PyTorch")
    from archivecolor.inference.torch import TorchEngine

    with OnnxEngine(folder, ON_CPU) as onnx, TorchEngine(folder, ON_CPU) as torch:
        return max(float(np.abs(onnx.colorize(x) - torch.colorize(x)).max()) for x in lumas)


def test_the_tiny_generator_gets_the_chroma_that_torch_computes(
    tiny: EngineFolder, real_lumas: list[FloatArray]
) -> None:
    assert difference_to_torch(tiny, real_lumas) < 1e-3


def test_the_generator_that_ships_gets_the_chroma_that_torch_computes(real_lumas: list[FloatArray]) -> None:
    assert difference_to_torch(catalog.find(), real_lumas) < 1e-3


def test_the_generator_that_ships_colors_real_pictures(real_lumas: list[FloatArray]) -> None:
    with OnnxEngine(catalog.find(), ON_CPU) as engine:
        for luma in real_lumas:
            chroma = engine.colorize(luma)
            assert np.hypot(chroma[:, 0], chroma[:, 1]).mean() > 3
            assert np.abs(chroma).max() < 128


def test_one_thread_or_two_give_the_same_chroma(tiny: EngineFolder, real_lumas: list[FloatArray]) -> None:
    made = []
    for threads in (1, 2):
        with OnnxEngine(tiny, EngineSettings(device="cpu", threads=threads)) as engine:
            made.append(engine.colorize(real_lumas[1]))
    np.testing.assert_allclose(made[0], made[1], atol=1e-4)


def test_a_file_that_is_no_graph_is_an_engine_error(copied_engine: Path) -> None:
    (copied_engine / catalog.GRAPH).write_bytes(b"no graph")
    record_digests(copied_engine)
    with pytest.raises(EngineError, match=r"generator\.onnx: ONNX Runtime cannot load it: ") as told:
        OnnxEngine(catalog.read(copied_engine), ON_CPU)
    assert "\n" not in told.value.message


def test_weights_that_are_too_short_are_an_engine_error(copied_engine: Path) -> None:
    weights = copied_engine / catalog.WEIGHTS
    weights.write_bytes(weights.read_bytes()[:-1000])
    record_digests(copied_engine)
    with pytest.raises(EngineError, match="ONNX Runtime cannot load it"):
        OnnxEngine(catalog.read(copied_engine), ON_CPU)


def test_a_failure_while_computing_is_an_engine_error(
    tiny: EngineFolder, real_lumas: list[FloatArray], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise ValueError("the device is lost\nat some place of the source")

    monkeypatch.setattr(onnxruntime.InferenceSession, "run", fails)
    with OnnxEngine(tiny, ON_CPU) as engine, pytest.raises(EngineError) as told:
        engine.colorize(real_lumas[0])
    assert told.value.message == "engine 'tiny' failed: the device is lost"
