"""Running plans, on a TensorRT whose GPU is ONNX Runtime on host memory."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from archivecolor.color import FloatArray
from archivecolor.errors import DependencyError, EngineError
from archivecolor.inference import build, catalog, plans, select
from archivecolor.inference.build import Request
from archivecolor.inference.catalog import WEIGHTS, EngineFolder
from archivecolor.inference.onnx import OnnxEngine
from archivecolor.inference.plans import Plan
from archivecolor.inference.tensorrt import TensorRTEngine
from archivecolor.machine import comparison
from archivecolor.machine.comparison import check_plan as check
from archivecolor.settings import EngineSettings, Precision
from tests.fakes.nvidia import FakeTensorRT
from tests.inference.conftest import PutGpus, drop_spread, flip_a_byte, put_tensorrt

ADA = ("NVIDIA GeForce RTX 4090", 8, 9)
AMPERE = ("NVIDIA GeForce RTX 3060", 8, 6)


@pytest.fixture
def plan(tiny: EngineFolder, fake_rtx: FakeTensorRT, put_gpus: PutGpus, host_memory_as_gpu: None) -> Plan:
    """A plan for the GPU that is here."""
    put_gpus(ADA)
    made = build.build(Request(tiny, gpus=("auto",), precision=Precision.FP32, batch=(1, 2, 4)))
    fake_rtx.calls.clear()
    return made


def test_a_plan_gives_the_chroma_that_onnx_runtime_gives(
    tiny: EngineFolder, plan: Plan, real_lumas: list[FloatArray]
) -> None:
    with OnnxEngine(tiny) as onnx, TensorRTEngine(tiny, plan) as engine:
        for luma in real_lumas:
            np.testing.assert_allclose(engine.colorize(luma), onnx.colorize(luma), atol=2e-3)
            theirs, ours = onnx.estimate(luma), engine.estimate(luma)
            assert theirs.spread is not None
            assert ours.spread is not None
            np.testing.assert_allclose(ours.chroma, theirs.chroma, atol=2e-3)
            np.testing.assert_allclose(ours.spread, theirs.spread, atol=2e-3)


def test_a_plan_of_a_graph_without_spread_tells_none(
    copied_engine: Path,
    fake_rtx: FakeTensorRT,
    put_gpus: PutGpus,
    host_memory_as_gpu: None,
    real_lumas: list[FloatArray],
) -> None:
    drop_spread(copied_engine)
    folder = catalog.read(copied_engine)
    put_gpus(ADA)
    plan = build.build(Request(folder, gpus=("auto",), precision=Precision.FP32))
    with OnnxEngine(folder) as onnx, TensorRTEngine(folder, plan) as engine:
        estimate = engine.estimate(real_lumas[0])
        assert estimate.spread is None
        np.testing.assert_allclose(estimate.chroma, onnx.colorize(real_lumas[0]), atol=2e-3)


def test_its_calls_come_in_the_order_that_tensorrt_asks_for(
    tiny: EngineFolder, plan: Plan, fake_rtx: FakeTensorRT
) -> None:
    with TensorRTEngine(tiny, plan) as engine:
        engine.colorize(np.full((3, 1, 64, 96), 0.5, np.float32))
    opening = ["Runtime", "deserialize_cuda_engine", "set_runtime_cache", "create_execution_context"]
    batch = [
        "set_tensor_address luma",
        "set_tensor_address chroma",
        "set_tensor_address spread",
        "set_tensor_address features",
        "execute_async_v3",
    ]
    first, second = "set_input_shape [2, 1, 64, 96]", "set_input_shape [1, 1, 64, 96]"
    assert fake_rtx.calls == [*opening, first, *batch, second, *batch]
    assert fake_rtx.streams == [7, 7]  # torch's current stream, never the default one


def test_compiled_kernels_are_kept_for_the_next_run(tiny: EngineFolder, plan: Plan) -> None:
    with TensorRTEngine(tiny, plan):
        assert not plan.path.with_suffix(".kernels").exists()
    assert plan.path.with_suffix(".kernels").read_bytes() == b"kernels"
    with TensorRTEngine(tiny, plan):
        pass


def test_the_engine_tells_runtime_gpu_and_precision(tiny: EngineFolder, plan: Plan) -> None:
    with TensorRTEngine(tiny, plan) as engine:
        assert engine.description == "TensorRT-RTX 11.4.0, NVIDIA GeForce RTX 4090, fp32"
        assert engine.batch == 2


def test_batches_that_do_not_fit_are_halved(
    tiny: EngineFolder, plan: Plan, fake_rtx: FakeTensorRT, real_lumas: list[FloatArray]
) -> None:
    fake_rtx.most = 1
    with OnnxEngine(tiny) as onnx, TensorRTEngine(tiny, plan, EngineSettings(batch=4)) as engine:
        np.testing.assert_allclose(engine.colorize(real_lumas[1]), onnx.colorize(real_lumas[1]), atol=2e-3)
        assert engine.batch == 1


def test_a_picture_that_does_not_fit_is_an_engine_error(
    tiny: EngineFolder, plan: Plan, fake_rtx: FakeTensorRT, real_lumas: list[FloatArray]
) -> None:
    fake_rtx.most = 0
    with TensorRTEngine(tiny, plan) as engine, pytest.raises(EngineError, match="not even one picture of 96 x 96"):
        engine.colorize(real_lumas[0])


def test_a_picture_beyond_the_profile_is_an_engine_error_that_says_how_to_build(tiny: EngineFolder, plan: Plan) -> None:
    luma = np.zeros((1, 1, 32, plan.profile.most_px + 32), np.float32)
    with TensorRTEngine(tiny, plan) as engine, pytest.raises(EngineError, match="takes sides up to") as told:
        engine.colorize(luma)
    assert (told.value.hint or "").startswith("archivecolor build-engine tiny --backend tensorrt-rtx")


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"weights_sha256": "0" * 64}, "was built from other weights"),
        ({"graph_sha256": "0" * 64}, "was built from another graph"),
        ({"version": "10.9.0"}, "was built by TensorRT-RTX 10.9.0, installed is 11.4.0"),
        ({"targets": ("sm_86",)}, r"was built for sm_86, this GPU \(NVIDIA GeForce RTX 4090\) is sm_89"),
        ({"gpu": "NVIDIA L4"}, "was built on NVIDIA L4, this GPU is NVIDIA GeForce RTX 4090"),
    ],
    ids=["weights", "graph", "version", "target", "gpu"],
)
def test_a_stale_or_foreign_plan_never_reaches_the_runtime(
    tiny: EngineFolder, plan: Plan, fake_rtx: FakeTensorRT, change: dict[str, object], reason: str
) -> None:
    with pytest.raises(EngineError, match=reason) as told:
        TensorRTEngine(tiny, replace(plan, **change))  # type: ignore[arg-type]
    assert told.value.hint == "archivecolor build-engine tiny --backend tensorrt-rtx --precision fp32"
    assert not fake_rtx.calls


def test_a_damaged_plan_never_reaches_the_runtime(tiny: EngineFolder, plan: Plan, fake_rtx: FakeTensorRT) -> None:
    flip_a_byte(plan.path)
    with pytest.raises(EngineError, match="is damaged, its sha256 is not the recorded one"):
        TensorRTEngine(tiny, plan)
    assert not fake_rtx.calls


def test_a_plan_that_the_runtime_cannot_load_is_an_engine_error_with_its_reason(
    tiny: EngineFolder, plan: Plan, fake_rtx: FakeTensorRT
) -> None:
    fake_rtx.broken = True
    with pytest.raises(EngineError, match=r"\.plan: cannot be loaded: the plan is of another kind"):
        TensorRTEngine(tiny, plan)


def test_without_a_driver_the_runtime_is_never_touched(
    tiny: EngineFolder, plan: Plan, fake_rtx: FakeTensorRT, put_gpus: PutGpus
) -> None:
    put_gpus()
    with pytest.raises(DependencyError, match="no NVIDIA GPU"):
        TensorRTEngine(tiny, plan)
    assert not fake_rtx.calls


def test_where_pytorch_has_no_cuda_the_runtime_is_never_touched(
    tiny: EngineFolder, fake_rtx: FakeTensorRT, put_gpus: PutGpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    import torch

    put_gpus(ADA)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    built = build.build(Request(tiny, gpus=("sm_89",)))
    fake_rtx.calls.clear()
    with pytest.raises(DependencyError, match="PyTorch"):
        TensorRTEngine(tiny, built)
    assert not fake_rtx.calls


def test_the_cache_gives_the_plan_that_fits_and_says_why_the_others_do_not(
    tiny: EngineFolder, plan: Plan, put_gpus: PutGpus, tiny_engine: Path
) -> None:
    named = EngineSettings("tensorrt-rtx", precision=Precision.FP32)
    with select.open_engine(named, str(tiny_engine)) as engine:
        assert engine.description.startswith("TensorRT-RTX")
    with pytest.raises(EngineError, match="is fp32, asked for was fp16"):
        select.open_engine("tensorrt-rtx", str(tiny_engine))
    with pytest.raises(EngineError, match="takes 4 pictures at a time, asked for were 8") as told:
        select.open_engine(replace(named, batch=8), str(tiny_engine))
    assert told.value.hint == ("archivecolor build-engine tiny --backend tensorrt-rtx --precision fp32 --batch 1,8,8")
    put_gpus(AMPERE)
    with pytest.raises(EngineError, match=r"was built for sm_89, this GPU \(NVIDIA GeForce RTX 3060\) is sm_86"):
        select.open_engine(named, str(tiny_engine))
    plans.remove(plan)
    with pytest.raises(EngineError, match="none has been built yet"):
        select.open_engine(named, str(tiny_engine))


def test_a_plan_is_opened_by_its_path(plan: Plan, tiny_engine: Path) -> None:
    with select.open_engine(str(plan.path), str(tiny_engine)) as engine:
        assert engine.description.startswith("TensorRT-RTX")


def test_a_plan_without_its_json_file_is_an_engine_error(plan: Plan, tiny_engine: Path) -> None:
    plans.sidecar(plan.path).unlink()
    with pytest.raises(EngineError, match="has no JSON file"):
        select.open_engine(str(plan.path), str(tiny_engine))
    with pytest.raises(EngineError, match="there is no such plan"):
        select.open_engine(str(plan.path.with_name("other.plan")), str(tiny_engine))


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": 99}', '{"format": 1, "profile": {}}'])
def test_a_json_file_that_describes_no_plan_is_an_engine_error(plan: Plan, text: str) -> None:
    plans.sidecar(plan.path).write_text(text)
    with pytest.raises(EngineError):
        plans.load(plan.path)
    assert not list(plans.stored())


def test_another_generator_does_not_take_the_plan(tiny: EngineFolder, plan: Plan) -> None:
    other = replace(tiny, digests={**tiny.digests, WEIGHTS: "1" * 64})
    with pytest.raises(EngineError, match="from other weights than those of 'tiny'"):
        TensorRTEngine(other, plan)


def test_tensorrt_has_no_kernels_to_keep(
    tiny: EngineFolder, put_gpus: PutGpus, host_memory_as_gpu: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    from archivecolor.inference.plans import Backend

    fake = put_tensorrt(monkeypatch, FakeTensorRT("tensorrt"))
    put_gpus(ADA)
    made = build.build(Request(tiny, Backend.TENSORRT))
    with TensorRTEngine(tiny, made) as engine:
        engine.colorize(np.full((1, 1, 64, 64), 0.5, np.float32))
    assert "set_runtime_cache" not in fake.calls
    assert not made.path.with_suffix(".kernels").exists()


def test_a_closed_engine_says_so_and_closes_twice(tiny: EngineFolder, plan: Plan) -> None:
    engine = TensorRTEngine(tiny, plan)
    engine.close()
    engine.close()
    with pytest.raises(EngineError, match="engine 'tiny' is closed"):
        engine.colorize(np.zeros((1, 1, 32, 32), np.float32))


def test_a_new_plan_is_compared_with_onnx_runtime_and_the_difference_is_recorded(
    tiny: EngineFolder, plan: Plan
) -> None:
    told = check(tiny, plan)
    assert "colors differ from ONNX Runtime's by CIEDE2000 0.0" in told
    recorded = plans.load(plan.path).ciede2000
    assert recorded is not None
    assert recorded[0] < 0.01
    assert check(tiny, replace(plan, targets=("sm_86",))).startswith(
        "; not compared with ONNX Runtime: it was built for"
    )


def test_a_plan_whose_colors_are_others_is_refused_and_deleted(
    tiny: EngineFolder, plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(comparison, "against_reference", lambda _: comparison.Difference(0.6, 4.0))
    with pytest.raises(EngineError, match=r"the plan was deleted: its colors differ .* by CIEDE2000 0.60") as told:
        check(tiny, plan)
    assert "at most 0.5 is allowed" in (told.value.hint or "")
    assert not plan.path.exists()
    assert not plans.sidecar(plan.path).exists()


def test_a_plan_that_does_not_run_is_refused_and_deleted(
    tiny: EngineFolder, plan: Plan, fake_rtx: FakeTensorRT
) -> None:
    fake_rtx.broken = True
    with pytest.raises(EngineError, match="was built but does not run, and was deleted"):
        check(tiny, plan)
    assert not plan.path.exists()
