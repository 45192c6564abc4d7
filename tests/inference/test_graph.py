"""The graph that plans are built from: the same function, with nothing in it that TensorRT cannot read."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest

from archivecolor.color import FloatArray
from archivecolor.errors import DependencyError, EngineError
from archivecolor.inference import catalog
from archivecolor.inference.catalog import EngineFolder
from archivecolor.inference.graph import plan_graph
from archivecolor.inference.onnx import OnnxEngine
from archivecolor.installation import install_line
from archivecolor.machine import comparison
from archivecolor.settings import EngineSettings, Precision
from tests.inference.conftest import record_digests


def run(model: bytes, luma: FloatArray) -> FloatArray:
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    return np.asarray(session.run(["chroma"], {"luma": luma})[0])


def test_in_fp32_it_computes_what_the_shipped_graph_computes(tiny: EngineFolder, real_lumas: list[FloatArray]) -> None:
    model = plan_graph(tiny, Precision.FP32)
    with OnnxEngine(tiny, EngineSettings(device="cpu")) as engine:
        for luma in real_lumas:
            np.testing.assert_allclose(run(model, luma), engine.colorize(luma), atol=2e-3)


def test_in_fp16_the_shipped_generators_colors_stay_within_a_tenth_of_ciede2000() -> None:
    folder = catalog.find()
    luma = comparison.probe(folder.short_px, folder.multiple)
    half, full = (
        OnnxEngine(folder, EngineSettings(device="cpu", precision=p)) for p in (Precision.FP16, Precision.FP32)
    )
    assert "fp16" in half.description
    with half, full:
        apart = comparison.difference(luma, half.colorize(luma), full.colorize(luma))
    assert 0 < apart.mean < 0.1
    assert apart.largest < 2


def test_in_fp16_all_but_the_input_the_head_and_the_output_is_fp16(tiny: EngineFolder) -> None:
    model = onnx.load_from_string(plan_graph(tiny, Precision.FP16))
    types = {v.name: v.type.tensor_type.elem_type for v in onnx.shape_inference.infer_shapes(model).graph.value_info}
    convolutions = [types.get(n.output[0]) for n in model.graph.node if n.op_type == "Conv"]
    assert convolutions.count(onnx.TensorProto.FLOAT16) == len(convolutions) - 1
    for value in (*model.graph.input, *model.graph.output):
        assert value.type.tensor_type.elem_type == onnx.TensorProto.FLOAT


@pytest.mark.parametrize("precision", [Precision.FP16, Precision.FP32])
def test_it_holds_its_weights_and_neither_norms_nor_casts_like_others(tiny: EngineFolder, precision: Precision) -> None:
    model = onnx.load_from_string(plan_graph(tiny, precision))
    kinds = {n.op_type for n in model.graph.node}
    assert not kinds & {"BatchNormalization", "CastLike", "Constant", "Expand"}
    assert not any(t.external_data for t in model.graph.initializer)


def test_it_is_the_same_every_time(tiny: EngineFolder) -> None:
    assert plan_graph(tiny, Precision.FP16) == plan_graph(tiny, Precision.FP16)


def test_a_corrupt_graph_is_an_engine_error(copied_engine: Path) -> None:
    (copied_engine / catalog.GRAPH).write_bytes(b"\x08\x0a corrupt")
    record_digests(copied_engine)
    with pytest.raises(EngineError, match=r"generator\.onnx: no plan can be made of it: ") as told:
        plan_graph(catalog.read(copied_engine), Precision.FP16)
    assert "\n" not in told.value.message


def test_a_graph_with_another_sha256_is_an_engine_error(copied_engine: Path) -> None:
    path = copied_engine / catalog.GRAPH
    path.write_bytes(path.read_bytes() + b"\0")
    with pytest.raises(EngineError, match=r"generator\.onnx: is damaged"):
        plan_graph(catalog.read(copied_engine), Precision.FP32)


def test_without_onnx_the_error_says_what_to_install(tiny: EngineFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "onnx", None)
    with pytest.raises(DependencyError, match=re.escape(f"package onnx ({install_line('cuda')})")):
        plan_graph(tiny, Precision.FP16)
