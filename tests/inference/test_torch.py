"""PyTorch as an engine: the reference for the others, and its own ways to fail."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.torch import load_file, save_file

from archivecolor.color import FloatArray
from archivecolor.errors import EngineError
from archivecolor.inference import catalog
from archivecolor.inference.catalog import EngineFolder
from archivecolor.inference.torch import TorchEngine
from archivecolor.inference.torch_generator import Generator
from archivecolor.installation import install_line
from archivecolor.settings import EngineSettings
from tests.fakes.generators import tiny_generator
from tests.inference.conftest import record_digests

ON_CPU = EngineSettings(device="cpu")


def test_chroma_is_the_generators_but_for_the_rounding_of_its_weights(
    tiny: EngineFolder, real_lumas: list[FloatArray]
) -> None:
    import torch

    generator = tiny_generator()
    with TorchEngine(tiny, ON_CPU) as engine, torch.inference_mode():
        for luma in real_lumas:
            expected = generator(torch.from_numpy(luma)).chroma.numpy()
            assert np.abs(engine.colorize(luma) - expected).mean() < 0.1


def test_the_weights_are_loaded_for_evaluation_and_as_float32(tiny: EngineFolder, real_lumas: list[FloatArray]) -> None:
    with TorchEngine(tiny, ON_CPU) as engine:
        once, again = (engine.colorize(real_lumas[0]) for _ in range(2))
    np.testing.assert_array_equal(once, again)


@pytest.mark.parametrize(
    "change", [{"context": 64}, {"decoder": (16, 16, 16)}, {"palette": 8}], ids=lambda c: next(iter(c))
)
def test_a_description_of_another_network_is_an_engine_error(tiny: EngineFolder, change: dict[str, object]) -> None:
    other = dataclasses.replace(tiny, **change)  # type: ignore[arg-type]
    with pytest.raises(EngineError, match=r"weights\.safetensors: does not fit the generator that engine\.toml"):
        TorchEngine(other, ON_CPU)


def test_weights_that_lack_a_tensor_are_an_engine_error(copied_engine: Path) -> None:
    weights = load_file(copied_engine / catalog.WEIGHTS)
    del weights["palette"]
    save_file(weights, copied_engine / catalog.WEIGHTS)
    record_digests(copied_engine)
    with pytest.raises(EngineError, match="does not fit the generator"):
        TorchEngine(catalog.read(copied_engine), ON_CPU)


def test_a_file_that_holds_no_weights_is_an_engine_error(copied_engine: Path) -> None:
    (copied_engine / catalog.WEIGHTS).write_bytes(b"no weights")
    record_digests(copied_engine)
    with pytest.raises(EngineError, match=r"weights\.safetensors: does not fit"):
        TorchEngine(catalog.read(copied_engine), ON_CPU)


def test_a_failure_of_the_device_is_an_engine_error(
    tiny: EngineFolder, real_lumas: list[FloatArray], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise RuntimeError("the device is lost\nat some place of the source")

    monkeypatch.setattr(Generator, "scores_of", fails)
    with TorchEngine(tiny, ON_CPU) as engine, pytest.raises(EngineError) as told:
        engine.colorize(real_lumas[0])
    assert told.value.message == "engine 'tiny' failed: the device is lost"


def test_without_torch_the_error_says_what_to_install() -> None:
    program = """
import sys
sys.modules["torch"] = None
from archivecolor.errors import DependencyError
try:
    import archivecolor.inference.torch
except DependencyError as e:
    assert e.exit_code == 4
    print(e)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == f"the torch engine needs PyTorch ({install_line('cuda')})\n"


def test_coloring_with_onnx_never_loads_torch() -> None:
    program = """
import sys
import numpy as np
from archivecolor.chroma.still import Colorizer
with Colorizer.load("onnx") as colorizer:
    colorizer.color(np.zeros((40, 40), np.uint8))
assert "torch" not in sys.modules, "torch was loaded"
assert "train" not in sys.modules, "train was loaded"
"""
    subprocess.run([sys.executable, "-c", program], check=True)
