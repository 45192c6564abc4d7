"""Generators that take hints: every runtime follows them alike, and none takes what its generator does not."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from archivecolor.color import HINT_PLANES, FloatArray
from archivecolor.errors import EngineError
from archivecolor.inference import build as building
from archivecolor.inference import catalog
from archivecolor.inference.build import Request
from archivecolor.inference.catalog import EngineFolder
from archivecolor.inference.engine import Engine
from archivecolor.inference.onnx import OnnxEngine
from archivecolor.inference.tensorrt import TensorRTEngine
from archivecolor.inference.thorough import ThoroughEngine
from archivecolor.inference.torch import TorchEngine, load_generator
from archivecolor.settings import EngineSettings, Precision
from tests.fakes.engines import FakeEngine, fake_folder, warm
from tests.fakes.nvidia import FakeTensorRT
from tests.inference.conftest import PutGpus

ON_CPU = EngineSettings(device="cpu", threads=1)

Open = Callable[[EngineFolder], Engine]


@pytest.fixture(params=[OnnxEngine, TorchEngine], ids=["onnx", "torch"])
def opened(request: pytest.FixtureRequest) -> Open:
    return lambda folder: request.param(folder, ON_CPU)


@pytest.fixture
def hinted(hinted_engine: Path) -> EngineFolder:
    return catalog.read(hinted_engine)


def hints_for(luma: FloatArray, *dots: tuple[int, int, float, float]) -> FloatArray:
    """Dots ``(y, x, a*, b*)`` on the first picture of a batch."""
    hints = np.zeros((len(luma), HINT_PLANES, luma.shape[2] // 4, luma.shape[3] // 4), np.float32)
    for y, x, a, b in dots:
        hints[0, :, y, x] = a, b, 1
    return hints


def test_engines_agree_on_what_hints_do(hinted: EngineFolder, real_lumas: list[FloatArray]) -> None:
    generator = load_generator(hinted)
    with OnnxEngine(hinted, ON_CPU) as onnx, TorchEngine(hinted, ON_CPU) as torched:
        for luma in real_lumas:
            hints = hints_for(luma, (3, 4, 60, -20), (9, 12, -30, 40))
            with torch.inference_mode():
                expected = generator(torch.from_numpy(luma), torch.from_numpy(hints)).chroma.numpy()
            assert np.abs(expected - onnx.colorize(luma)).max() > 1
            for engine in (onnx, torched):
                np.testing.assert_allclose(engine.colorize(luma, hints), expected, atol=2e-3)
                np.testing.assert_allclose(engine.estimate(luma, hints).chroma, expected, atol=2e-3)


def test_none_are_the_same_as_an_empty_mask(opened: Open, hinted: EngineFolder, real_lumas: list[FloatArray]) -> None:
    with opened(hinted) as engine:
        luma = real_lumas[1]
        np.testing.assert_allclose(engine.colorize(luma), engine.colorize(luma, hints_for(luma)), atol=1e-5)


def test_each_picture_of_a_batch_follows_its_own_hints(
    opened: Open, hinted: EngineFolder, real_lumas: list[FloatArray]
) -> None:
    luma = real_lumas[1]
    with opened(hinted) as engine:
        made = engine.colorize(luma, hints_for(luma, (3, 4, 60, -20)))
        plain = engine.colorize(luma)
    assert np.abs(made[0] - plain[0]).max() > 1
    np.testing.assert_allclose(made[1:], plain[1:], atol=1e-3)


def test_a_generator_that_takes_none_says_so(opened: Open, tiny: EngineFolder, real_lumas: list[FloatArray]) -> None:
    luma = real_lumas[0]
    with opened(tiny) as engine, pytest.raises(EngineError, match="engine 'tiny' takes no hints"):
        engine.colorize(luma, hints_for(luma))


@pytest.mark.parametrize(
    ("spoil", "message"),
    [
        (lambda h: h[:, :2], r"float32 hints \[1, 3, 24, 24\] beside this luma, got float32 \[1, 2, 24, 24\]"),
        (lambda h: h[..., :-1], r"got float32 \[1, 3, 24, 23\]"),
        (lambda h: h.astype(np.float64), "got float64"),
        (lambda h: h + np.float32(np.nan), "hints that are no numbers"),
    ],
    ids=["planes", "width", "type", "nan"],
)
def test_what_are_no_hints_is_refused(
    opened: Open,
    hinted: EngineFolder,
    real_lumas: list[FloatArray],
    spoil: Callable[[FloatArray], FloatArray],
    message: str,
) -> None:
    with opened(hinted) as engine, pytest.raises(EngineError, match=message):
        engine.colorize(real_lumas[0], spoil(hints_for(real_lumas[0])))


def lying(folder: Path, copy: Path, *, hints: bool) -> EngineFolder:
    """A copy of an engine's folder whose description says the contrary of what its graph takes."""
    copy.mkdir()
    for path in folder.iterdir():
        (copy / path.name).write_bytes(path.read_bytes())
    toml = copy / "engine.toml"
    said, told = (f"hints = {str(v).lower()}" for v in (not hints, hints))
    text = toml.read_text(encoding="utf-8")
    assert said in text
    toml.write_text(text.replace(said, told), encoding="utf-8")
    return catalog.read(copy)


def test_a_graph_with_other_inputs_than_its_description_says_is_told(
    hinted_engine: Path, tiny_engine: Path, tmp_path: Path
) -> None:
    with pytest.raises(EngineError, match=r"onnx: takes hints and luma, but engine\.toml says luma .*export it again"):
        OnnxEngine(lying(hinted_engine, tmp_path / "fewer", hints=False), ON_CPU)
    with pytest.raises(EngineError, match=r"onnx: takes luma, but engine\.toml says luma and hints"):
        OnnxEngine(lying(tiny_engine, tmp_path / "more", hints=True), ON_CPU)


@pytest.mark.parametrize("hints", [True, False])
def test_torch_tells_weights_of_a_network_with_other_inputs(
    hinted_engine: Path, tiny_engine: Path, tmp_path: Path, hints: bool
) -> None:
    folder = lying(tiny_engine if hints else hinted_engine, tmp_path / "lying", hints=hints)
    with pytest.raises(EngineError, match=r"does not fit the generator that engine\.toml describes"):
        TorchEngine(folder, ON_CPU)


@pytest.mark.usefixtures("host_memory_as_gpu")
@pytest.mark.parametrize("precision", Precision)
def test_a_plan_takes_hints_of_every_size_of_picture(
    hinted: EngineFolder,
    fake_rtx: FakeTensorRT,
    put_gpus: PutGpus,
    real_lumas: list[FloatArray],
    tmp_path: Path,
    precision: Precision,
) -> None:
    put_gpus(("RTX 4090", 8, 9))
    plan = building.build(Request(hinted, precision=precision, batch=(1, 2, 4)), tmp_path)
    assert fake_rtx.profile["hints"] == ((1, 3, 8, 8), (2, 3, 24, 32), (4, 3, 96, 96))
    luma = real_lumas[1]
    hints = hints_for(luma, (3, 4, 60, -20))
    with TensorRTEngine(hinted, plan) as engine, OnnxEngine(hinted, ON_CPU) as onnx:
        atol = 2e-3 if precision is Precision.FP32 else 3
        np.testing.assert_allclose(engine.colorize(luma, hints), onnx.colorize(luma, hints), atol=atol)
        np.testing.assert_allclose(engine.colorize(luma), onnx.colorize(luma), atol=atol)


@pytest.mark.usefixtures("fake_rtx")
def test_no_plan_is_built_of_a_graph_with_other_inputs(hinted_engine: Path, put_gpus: PutGpus, tmp_path: Path) -> None:
    put_gpus(("RTX 4090", 8, 9))
    folder = lying(hinted_engine, tmp_path / "fewer", hints=False)
    with pytest.raises(EngineError, match=r"takes hints and luma, but engine\.toml says luma"):
        building.build(Request(folder), tmp_path)


def test_three_views_follow_a_hint_where_it_lies() -> None:
    luma = np.full((1, 1, 64, 128), 0.5, np.float32)
    hints = hints_for(luma, *((y, x, -40, 10) for y in range(4, 8) for x in range(20, 24)))
    made = ThoroughEngine(FakeEngine(warm, fake_folder(hints=True))).colorize(luma, hints)
    np.testing.assert_allclose(made[0, :, 5, 21], (-40, 10), atol=8)
    np.testing.assert_allclose(made[0, :, 5, 10], (12, 20), atol=1)
