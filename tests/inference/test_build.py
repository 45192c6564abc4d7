"""Building plans: really, with TensorRT-RTX, and against a TensorRT of our own."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from archivecolor.errors import DependencyError, EngineError, OutputError, UsageError
from archivecolor.inference import build, catalog, plans, trt
from archivecolor.inference.build import Request, parse_batch
from archivecolor.inference.catalog import EngineFolder
from archivecolor.inference.plans import Backend
from archivecolor.installation import install_line
from archivecolor.settings import Precision
from tests.fakes.nvidia import FakeTensorRT
from tests.inference.conftest import PutGpus, flip_a_byte, put_tensorrt
from tests.needs import needs_rtx

ADA = ("NVIDIA GeForce RTX 4090", 8, 9)


@needs_rtx
def test_tensorrt_rtx_builds_the_shipped_generator_for_two_gpus_on_a_machine_without_one(tmp_path: Path) -> None:
    said: list[float] = []
    request = Request(catalog.find(), gpus=("sm_89", "rtx-5090"), batch=(1, 2, 4))
    plan = build.build(request, tmp_path, lambda _, share: said.append(share))
    assert plan.targets == ("sm_89", "sm_120")
    assert plan.path.stat().st_size == plan.size_bytes > catalog.find().weights.stat().st_size
    assert plan.layers > 100  # the parser took the whole graph
    assert plan.seconds > 0
    assert said[-1] == 1
    recorded = json.loads(plans.sidecar(plan.path).read_text())
    assert recorded["backend"] == "tensorrt-rtx"
    assert recorded["precision"] == "fp16"
    assert recorded["profile"]["batch"] == [1, 2, 4]
    assert plans.load(plan.path) == plan


@needs_rtx
def test_tensorrt_rtx_says_why_it_refuses_a_graph(tiny: EngineFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    unread = (tiny.graph).read_bytes()  # as shipped: its weights lie in another file
    monkeypatch.setattr(build, "plan_graph", lambda *_: unread)
    with pytest.raises(EngineError, match=r"generator\.onnx: TensorRT-RTX refuses the graph: ") as told:
        build.build(Request(tiny, gpus=("sm_89",)))
    assert "\n" not in told.value.message


@needs_rtx
@pytest.mark.parametrize(
    ("ours", "nvidias"),
    [
        (trt.Builder, "Builder"),
        (trt.Network, "INetworkDefinition"),
        (trt.Tensor, "ITensor"),
        (trt.Parser, "OnnxParser"),
        (trt.ParserError, "ParserError"),
        (trt.OptimizationProfile, "IOptimizationProfile"),
        (trt.BuilderConfig, "IBuilderConfig"),
        (trt.Runtime, "Runtime"),
        (trt.CudaEngine, "ICudaEngine"),
        (trt.ExecutionContext, "IExecutionContext"),
        (trt.RuntimeConfig, "IRuntimeConfig"),
        (trt.RuntimeCache, "IRuntimeCache"),
    ],
)
def test_everything_that_is_called_exists_in_nvidias_interface(ours: type, nvidias: str) -> None:
    names = {n for n in (*vars(ours), *ours.__annotations__) if not n.startswith("_")}
    real = getattr(trt.load(Backend.RTX), nvidias)
    assert names
    assert not {n for n in names if not hasattr(real, n)}


def test_the_network_is_strongly_typed_and_the_profile_spans_every_shape_of_pictures(
    tiny: EngineFolder, fake_rtx: FakeTensorRT
) -> None:
    build.build(Request(tiny, gpus=("sm_75", "sm_121"), batch=(1, 3, 9), short_px=128))
    assert fake_rtx.flags == 1 << fake_rtx.NetworkDefinitionCreationFlag.STRONGLY_TYPED
    assert fake_rtx.profile == {"luma": ((1, 1, 32, 32), (3, 1, 128, 192), (9, 1, 512, 512))}
    assert [c.name for _, c in sorted(fake_rtx.capabilities.items())] == ["SM75", "SM121"]
    assert fake_rtx.calls == ["Builder", "parse", "build_serialized_network"]


def test_tensorrts_runtime_is_not_touched_by_building(tiny: EngineFolder, fake_rtx: FakeTensorRT) -> None:
    build.build(Request(tiny, gpus=("sm_89",)))
    assert "Runtime" not in fake_rtx.calls


def test_tensorrt_builds_for_the_gpu_that_is_here(
    tiny: EngineFolder, put_gpus: PutGpus, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake = put_tensorrt(monkeypatch, FakeTensorRT("tensorrt"))
    put_gpus(ADA)
    plan = build.build(Request(tiny, Backend.TENSORRT))
    assert (plan.targets, plan.gpu, plan.version) == (("sm_89",), ADA[0], "11.4.0")
    assert not fake.capabilities
    with pytest.raises(UsageError, match="for the GPU that it runs on, and for no other"):
        build.build(Request(tiny, Backend.TENSORRT, ("sm_75",)))


@pytest.mark.parametrize("backend", list(Backend))
def test_without_a_gpu_auto_is_a_dependency_error(tiny: EngineFolder, put_gpus: PutGpus, backend: Backend) -> None:
    put_gpus()
    with pytest.raises(DependencyError):
        build.build(Request(tiny, backend))


def test_a_tensorrt_that_is_not_installed_is_a_dependency_error_with_its_install_line(
    tiny: EngineFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("archivecolor.inference.trt.importlib.util.find_spec", lambda _: None)
    monkeypatch.setattr("archivecolor.inference.trt.import_module", missing)
    with pytest.raises(DependencyError, match=re.escape(f"not installed ({install_line('rtx')})")):
        build.build(Request(tiny, gpus=("sm_89",)))


def missing(name: str) -> None:
    raise ModuleNotFoundError(f"No module named '{name}'", name=name)


def test_what_the_parser_refuses_is_said(tiny: EngineFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    put_tensorrt(monkeypatch, FakeTensorRT("tensorrt_rtx", refuses="Axis input must resolve to a constant"))
    with pytest.raises(EngineError, match="refuses the graph: node_mean: Axis input must resolve"):
        build.build(Request(tiny, gpus=("sm_89",)))


def test_what_the_builder_fails_at_is_said_and_nothing_is_stored(
    tiny: EngineFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_tensorrt(monkeypatch, FakeTensorRT("tensorrt_rtx", fails="no room\nin many lines"))
    with pytest.raises(EngineError, match=r"could not build the plan: no room$"):
        build.build(Request(tiny, gpus=("sm_89",)))
    assert not list(plans.stored())


def test_a_build_ends_when_it_is_interrupted(tiny: EngineFolder, fake_rtx: FakeTensorRT) -> None:
    def interrupted(phase: str, share: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build.build(Request(tiny, gpus=("sm_89",)), progress=interrupted)
    assert not list(plans.stored())


def test_a_plan_that_is_there_is_not_built_again_unless_asked_for(tiny: EngineFolder, fake_rtx: FakeTensorRT) -> None:
    request = Request(tiny, gpus=("sm_89",))
    first = build.build(request)
    assert build.build(request) == first
    assert fake_rtx.calls.count("build_serialized_network") == 1
    build.build(request, anew=True)
    assert fake_rtx.calls.count("build_serialized_network") == 2


def test_a_damaged_plan_is_built_again(tiny: EngineFolder, fake_rtx: FakeTensorRT) -> None:
    request = Request(tiny, gpus=("sm_89",))
    flip_a_byte(build.build(request).path)
    build.build(request).read()


def test_each_gpu_precision_and_profile_has_a_plan_of_its_own(tiny: EngineFolder, fake_rtx: FakeTensorRT) -> None:
    requests = (
        Request(tiny, gpus=("sm_89",)),
        Request(tiny, gpus=("sm_86",)),
        Request(tiny, gpus=("sm_89", "sm_86")),
        Request(tiny, gpus=("sm_89",), precision=Precision.FP32),
        Request(tiny, gpus=("sm_89",), batch=(1, 1, 1)),
        Request(tiny, gpus=("sm_89",), short_px=512),
    )
    assert len({build.build(r).path for r in requests}) == len(requests) == len(list(plans.stored()))


def test_a_folder_that_cannot_be_written_is_an_output_error(
    tiny: EngineFolder, fake_rtx: FakeTensorRT, tmp_path: Path
) -> None:
    (tmp_path / "taken").write_text("a file")
    with pytest.raises(OutputError, match="cannot be written"):
        build.build(Request(tiny, gpus=("sm_89",)), tmp_path / "taken")


def test_batches_are_read_as_one_number_or_three() -> None:
    assert parse_batch("8") == (1, 8, 8)
    assert parse_batch("1,8,32") == (1, 8, 32)


@pytest.mark.parametrize("text", ["", "x", "1,2", "1,2,3,4", "1.5"])
def test_other_batches_are_usage_errors(text: str) -> None:
    with pytest.raises(UsageError, match="the batch is"):
        parse_batch(text)


@pytest.mark.parametrize("batch", [(2, 4, 8), (1, 8, 4), (1, 0, 4), (1, 8, 9999)])
def test_batches_that_no_profile_can_have_are_usage_errors(tiny: EngineFolder, batch: tuple[int, int, int]) -> None:
    with pytest.raises(UsageError, match="the batch is"):
        Request(tiny, batch=batch)
