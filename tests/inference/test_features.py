"""What a generator tells of a picture's places: every runtime the same, at no price for those who do not ask."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest

from archivecolor.color import FloatArray
from archivecolor.errors import ConfigurationError, EngineError
from archivecolor.inference import build as building
from archivecolor.inference import catalog
from archivecolor.inference.build import Request
from archivecolor.inference.catalog import EngineFolder
from archivecolor.inference.onnx import OnnxEngine
from archivecolor.inference.tensorrt import TensorRTEngine
from archivecolor.inference.thorough import ThoroughEngine
from archivecolor.inference.torch import TorchEngine
from archivecolor.settings import EngineSettings, Precision
from tests.inference.conftest import PutGpus, drop_spread, record_digests

ON_CPU = EngineSettings(device="cpu", threads=1)


@pytest.fixture
def hinted(hinted_engine: Path) -> EngineFolder:
    return catalog.read(hinted_engine)


def features_of(engine: OnnxEngine | TorchEngine | TensorRTEngine | ThoroughEngine, luma: FloatArray) -> FloatArray:
    features = engine.estimate(luma, features=True).features
    assert features is not None
    return features


@pytest.mark.parametrize("hints", [True, False])
def test_engines_agree_on_what_they_see_in_each_place(
    hinted: EngineFolder, tiny: EngineFolder, real_lumas: list[FloatArray], hints: bool
) -> None:
    folder = hinted if hints else tiny
    with OnnxEngine(folder, ON_CPU) as onnx, TorchEngine(folder, ON_CPU) as torched:
        for luma in real_lumas:
            n, _, height, width = luma.shape
            found = features_of(onnx, luma)
            assert found.shape == (n, folder.features, height // 16, width // 16)
            np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-5)
            np.testing.assert_allclose(features_of(torched, luma), found, atol=1e-4)
            np.testing.assert_allclose(features_of(ThoroughEngine(onnx), luma), found, atol=1e-6)
            told, plain = onnx.estimate(luma, features=True), onnx.estimate(luma)
            np.testing.assert_array_equal(told.chroma, plain.chroma)
            assert plain.features is None


def test_a_place_is_more_like_itself_in_a_mirrored_picture_than_like_any_other(
    tiny: EngineFolder, real_lumas: list[FloatArray]
) -> None:
    with OnnxEngine(tiny, ON_CPU) as engine:
        luma = real_lumas[2][:1]
        plain, mirrored = (features_of(engine, np.ascontiguousarray(x))[0] for x in (luma, luma[..., ::-1]))
    back = mirrored[..., ::-1].reshape(len(plain), -1)
    nearest = (back.T @ plain.reshape(len(plain), -1)).argmax(axis=0)
    assert (nearest == np.arange(len(nearest))).mean() > 0.8


@pytest.mark.usefixtures("host_memory_as_gpu", "fake_rtx")
@pytest.mark.parametrize("precision", [Precision.FP16, Precision.FP32])
def test_a_plan_tells_features_as_float32(
    hinted: EngineFolder, put_gpus: PutGpus, real_lumas: list[FloatArray], tmp_path: Path, precision: Precision
) -> None:
    put_gpus(("RTX 4090", 8, 9))
    plan = building.build(Request(hinted, precision=precision, batch=(1, 2, 4)), tmp_path)
    with TensorRTEngine(hinted, plan) as engine, OnnxEngine(hinted, ON_CPU) as onnx:
        for luma in real_lumas:
            likeness = (features_of(engine, luma) * features_of(onnx, luma)).sum(axis=1)
            np.testing.assert_allclose(likeness, 1, atol=1e-4 if precision is Precision.FP32 else 5e-3)


def test_a_generator_that_tells_none_says_so(copied_engine: Path, real_lumas: list[FloatArray]) -> None:
    drop_spread(copied_engine)
    with OnnxEngine(catalog.read(copied_engine), ON_CPU) as old:
        old.estimate(real_lumas[0])
        with pytest.raises(
            EngineError, match=r"'tiny' does not tell what it sees, .* anew with 'python -m train.export'"
        ):
            old.estimate(real_lumas[0], features=True)


def test_a_graph_without_what_its_description_says_it_tells_is_refused(copied_engine: Path) -> None:
    model = onnx.load(copied_engine / catalog.GRAPH, load_external_data=False)
    del model.graph.output[2]
    onnx.save(model, copied_engine / catalog.GRAPH)
    record_digests(copied_engine)
    with pytest.raises(EngineError, match=r"onnx: tells no features, but engine\.toml says that it does"):
        OnnxEngine(catalog.read(copied_engine), ON_CPU)


def test_a_number_of_features_that_cannot_be_is_refused(copied_engine: Path) -> None:
    toml = copied_engine / "engine.toml"
    toml.write_text(toml.read_text(encoding="utf-8").replace("features = 432", "features = -1"), encoding="utf-8")
    with pytest.raises(ConfigurationError, match="'features' is -1"):
        catalog.read(copied_engine)
