"""ONNX Runtime's providers for GPUs: those of the installed build are used, and none stands in for another."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest

from archivecolor.color import FloatArray
from archivecolor.errors import DependencyError, EngineError
from archivecolor.inference.catalog import EngineFolder
from archivecolor.inference.device import DeviceKind
from archivecolor.inference.onnx import PROVIDERS, OnnxEngine, kinds_here
from archivecolor.inference.select import open_engine
from archivecolor.settings import EngineSettings
from tests.inference.conftest import PutGpus

ADA = ("NVIDIA GeForce RTX 4090", 8, 9)
REAL = onnxruntime.InferenceSession


class Builds:
    """An ONNX Runtime that was built with ``providers``, of which those in ``dead`` do not come up."""

    def __init__(self, *providers: str) -> None:
        self.providers = [*providers, "CPUExecutionProvider"]
        self.dead: set[str] = set()
        self.off_by = 0.0
        self.most = 1 << 20
        self.asked: list[Any] = []
        self.batches: list[int] = []

    def session(self, model: Any, options: Any, providers: list[Any]) -> Any:
        (asked,) = providers
        name = asked if isinstance(asked, str) else asked[0]
        real = REAL(model, options, providers=["CPUExecutionProvider"])
        if not real.get_inputs():
            return real  # the constants of a graph, computed once
        self.asked.append(asked)
        return Session(self, real, "CPUExecutionProvider" if name in self.dead else name)


class Session:
    def __init__(self, builds: Builds, real: Any, provider: str) -> None:
        self._builds, self._real, self._provider = builds, real, provider

    def get_providers(self) -> list[str]:
        return list(dict.fromkeys([self._provider, "CPUExecutionProvider"]))

    def get_inputs(self) -> Any:
        return self._real.get_inputs()

    def get_outputs(self) -> Any:
        return self._real.get_outputs()

    def disable_fallback(self) -> None:
        pass

    def run(self, names: list[str], feeds: dict[str, FloatArray]) -> list[FloatArray]:
        n = len(feeds["luma"])
        self._builds.batches.append(n)
        if n > self._builds.most:
            raise RuntimeError("CUDNN failure: out of memory")
        off = 0.0 if self._provider == "CPUExecutionProvider" else self._builds.off_by
        return [self._real.run(names, feeds)[0] + np.float32(off)]


@pytest.fixture
def cuda(monkeypatch: pytest.MonkeyPatch, put_gpus: PutGpus) -> Builds:
    put_gpus(ADA)
    # Of the other engines that could take the GPU none is installed
    monkeypatch.setattr("archivecolor.inference.select._CUDA_ENGINES", {})
    return install(monkeypatch, Builds("CUDAExecutionProvider"))


def install(monkeypatch: pytest.MonkeyPatch, builds: Builds) -> Builds:
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: builds.providers)
    monkeypatch.setattr(onnxruntime, "InferenceSession", builds.session)
    return builds


def test_auto_takes_cuda_where_onnx_runtime_was_built_with_it(cuda: Builds, tiny_engine: Path) -> None:
    with open_engine("auto", str(tiny_engine)) as engine:
        assert "CUDA" in engine.description
    with open_engine("onnx", str(tiny_engine)) as engine:
        assert "CUDA" in engine.description


@pytest.mark.parametrize("kind", [DeviceKind.COREML, DeviceKind.DIRECTML])
def test_auto_takes_coreml_or_directml_where_onnx_runtime_was_built_with_it(
    kind: DeviceKind, monkeypatch: pytest.MonkeyPatch, tiny_engine: Path, put_gpus: PutGpus
) -> None:
    put_gpus()
    install(monkeypatch, Builds(PROVIDERS[kind].name))
    assert kinds_here() == [kind, DeviceKind.CPU]
    with open_engine("auto", str(tiny_engine)) as engine:
        assert PROVIDERS[kind].label in engine.description


def test_a_gpu_gets_whole_batches_and_its_number(cuda: Builds, tiny: EngineFolder) -> None:
    with OnnxEngine(tiny, EngineSettings(device="cuda:1", batch=4)) as engine:
        engine.colorize(np.full((6, 1, 32, 32), 0.5, np.float32))
    assert cuda.asked == [("CUDAExecutionProvider", {"device_id": "1"})]
    assert cuda.batches == [4, 2]


def test_batches_that_do_not_fit_are_halved(cuda: Builds, tiny: EngineFolder) -> None:
    cuda.most = 2
    with OnnxEngine(tiny, EngineSettings(device="cuda")) as engine:
        assert engine.colorize(np.full((6, 1, 32, 32), 0.5, np.float32)).shape == (6, 2, 8, 8)
        assert engine.batch <= 2


def test_a_provider_that_does_not_come_up_is_not_replaced_by_the_cpu(
    cuda: Builds, tiny: EngineFolder, tiny_engine: Path, caplog: pytest.LogCaptureFixture
) -> None:
    cuda.dead.add("CUDAExecutionProvider")
    with pytest.raises(DependencyError, match="has CUDA built in, but it does not come up"):
        OnnxEngine(tiny, EngineSettings(device="cuda"))
    with caplog.at_level("INFO"), open_engine("auto", str(tiny_engine)) as engine:
        assert "CPU" in engine.description
    assert "not onnx on cuda: ONNX Runtime" in caplog.text


def test_auto_passes_by_an_engine_whose_colors_are_others(
    cuda: Builds, tiny_engine: Path, caplog: pytest.LogCaptureFixture
) -> None:
    cuda.off_by = 20
    with caplog.at_level("INFO"), open_engine("auto", str(tiny_engine)) as engine:
        assert "CPU" in engine.description
    assert "not onnx on cuda: colors a trial frame otherwise than the CPU does, by 20.0 in a*, b*" in caplog.text


def test_auto_passes_by_an_engine_that_returns_no_numbers(cuda: Builds, tiny_engine: Path) -> None:
    cuda.off_by = float("nan")
    with open_engine("auto", str(tiny_engine)) as engine:
        assert "CPU" in engine.description
    with (
        open_engine(EngineSettings("onnx", device="cpu"), str(tiny_engine)) as engine,
        pytest.raises(EngineError, match="returned values that are no numbers"),
    ):
        engine.colorize(np.full((1, 1, 32, 32), np.nan, np.float32))


def test_a_named_device_that_does_not_work_is_an_error(cuda: Builds, tiny_engine: Path) -> None:
    cuda.off_by = float("nan")
    with pytest.raises(DependencyError, match="no engine works here on 'cuda'; not onnx on cuda: "):
        open_engine(EngineSettings(device="cuda"), str(tiny_engine))


@pytest.mark.parametrize("kind", ["cuda", "coreml", "directml"])
def test_a_device_that_onnx_runtime_was_built_without_is_an_error_with_the_install_line(
    kind: str, tiny: EngineFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    install(monkeypatch, Builds())
    with pytest.raises(DependencyError, match=r"was built without .* \(pip install onnxruntime"):
        OnnxEngine(tiny, EngineSettings(device=kind))
