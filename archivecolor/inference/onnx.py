"""ONNX Runtime: the engine that works everywhere. On the CPU it needs nothing but the plain install.

A GPU is used where the installed build of ONNX Runtime has its provider: CUDA (``onnxruntime-gpu``), CoreML (the macOS
build) or DirectML (``onnxruntime-directml``). A provider that was asked for and does not come up is an error: ONNX
Runtime's own silent fall back to the CPU is checked for.

fp32 on the CPU: an int8 decoder is 1.5 times as fast, but its colors are farther off than the bound that fp16 keeps
(``tests/bench/int8.py`` has the figures). Threads do not spin, so they take nothing from the encoder of a film: 72
frames of 1080p cost 8.9 CPU-s with one thread a picture and 8.9 to 9.0 with two (x264 medium, ``--every 8``).
"""

from __future__ import annotations

import functools
import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnxruntime as ort

from archivecolor.color import FloatArray
from archivecolor.errors import ArchiveColorError, DependencyError, EngineError
from archivecolor.inference.batching import DeviceMemoryError, FittingBatch, Given, is_memory_error
from archivecolor.inference.catalog import EngineFolder
from archivecolor.inference.device import Device, DeviceKind
from archivecolor.inference.engine import LoadedEngine, first_line
from archivecolor.settings import EngineSettings, Precision

_LOG_FATAL_ONLY = 4
_GPU_BATCH = 8


@dataclass(frozen=True, slots=True)
class Provider:
    """How a kind of device is named and installed."""

    name: str
    label: str
    install: str


PROVIDERS = {
    DeviceKind.CUDA: Provider("CUDAExecutionProvider", "CUDA", "pip install onnxruntime-gpu"),
    DeviceKind.COREML: Provider("CoreMLExecutionProvider", "CoreML", "pip install onnxruntime, on macOS"),
    DeviceKind.DIRECTML: Provider("DmlExecutionProvider", "DirectML", "pip install onnxruntime-directml, on Windows"),
    DeviceKind.CPU: Provider("CPUExecutionProvider", "CPU", "pip install onnxruntime"),
}
"""Best first."""


def kinds_here() -> list[DeviceKind]:
    """The kinds of device that the installed ONNX Runtime was built for, best first."""
    built = ort.get_available_providers()
    return [kind for kind, provider in PROVIDERS.items() if provider.name in built]


class OnnxEngine(LoadedEngine):
    """Runs ``generator.onnx``. Thread-safe.

    On a CPU, pictures of a batch are run one by one, for batching buys nothing there.
    """

    def __init__(self, folder: EngineFolder, settings: EngineSettings | None = None) -> None:
        """Load ``folder``'s generator; a picture is spread over all cores unless ``settings.threads`` says otherwise.

        Device ``auto`` is the CPU: `select.open_engine` tries the others. Raises `DependencyError` when the installed
        ONNX Runtime lacks the device, `EngineError` when the generator is damaged or does not load.
        """
        settings = settings or EngineSettings()
        device = Device.parse(settings.device)
        if device.kind is DeviceKind.AUTO:
            device = Device(DeviceKind.CPU)
        self._device = device
        self._provider = PROVIDERS[device.kind]
        if self._provider.name not in ort.get_available_providers():
            raise DependencyError(
                f"ONNX Runtime {ort.__version__} was built without {self._provider.label}", hint=self._provider.install
            )
        gpu = device.kind is not DeviceKind.CPU
        half = device.kind is DeviceKind.CUDA and importlib.util.find_spec("onnx") is not None
        self._precision = settings.precision.on(gpu=half)
        super().__init__(folder)
        folder.verify()
        self._session: ort.InferenceSession | None = self._open(settings.threads)
        self._batch = FittingBatch(settings.batch or (_GPU_BATCH if gpu else 1))
        self._one_by_one = not gpu

    def _open(self, threads: int) -> ort.InferenceSession:
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = _LOG_FATAL_ONLY  # what fails is raised; the rest tells users nothing
        # Spinning threads take the cores that decode and encode the neighboring pictures
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        provider: Any = self._provider.name
        if self._device.kind in (DeviceKind.CUDA, DeviceKind.DIRECTML):
            provider = (provider, {"device_id": str(self._device.index)})
        if self._device.kind is DeviceKind.DIRECTML:
            options.enable_mem_pattern = False  # as its documentation asks
            options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
        graph = self._folder.graph
        try:
            model: str | bytes = str(graph) if self._precision is Precision.FP32 else _half_graph(self._folder)
            session = ort.InferenceSession(model, options, providers=[provider])
        except ArchiveColorError:
            raise
        except Exception as e:  # ONNX Runtime's exceptions share no base class but Exception
            raise EngineError(f"{graph}: ONNX Runtime cannot load it: {first_line(e)}") from e
        self._folder.check_inputs(x.name for x in session.get_inputs())
        self._folder.check_outputs([x.name for x in session.get_outputs()])
        session.disable_fallback()
        if session.get_providers()[0] != self._provider.name:
            raise DependencyError(
                f"ONNX Runtime {ort.__version__} has {self._provider.label} built in, but it does not come up",
                hint="its driver or libraries are missing, or of another version",
            )
        return session

    @property
    def description(self) -> str:
        """Runtime and device, for people."""
        half = ", fp16" if self._precision is Precision.FP16 else ""
        return f"ONNX Runtime {ort.__version__}, {self._provider.label}{half}"

    @property
    def batch(self) -> int:
        """How many pictures are best given at a time."""
        return self._batch.size

    def _compute(self, given: Given, wanted: tuple[str, ...]) -> Mapping[str, FloatArray]:
        session = self._session
        if session is None:
            raise self._closed()
        told = {output.name for output in session.get_outputs()}
        names = [name for name in wanted if name in told]
        return self._batch.run(given, functools.partial(self._run, session, names))

    def _run(
        self, session: ort.InferenceSession, names: list[str], given: Given, batch: int
    ) -> Mapping[str, FloatArray]:
        step = 1 if self._one_by_one else batch
        try:
            parts = []
            for i in range(0, len(given[0]), step):
                feed = {name: x[i : i + step] for name, x in zip(self._folder.inputs, given, strict=True)}
                parts.append(session.run(names, feed))
        except Exception as e:  # as above
            message = f"engine '{self._folder.name}' failed: {first_line(e)}"
            raise (DeviceMemoryError if is_memory_error(e) else EngineError)(message) from e
        return {name: np.concatenate(made) for name, made in zip(names, zip(*parts, strict=True), strict=True)}

    def close(self) -> None:
        """Free the session."""
        self._session = None


def _half_graph(folder: EngineFolder) -> bytes:
    from archivecolor.inference.graph import plan_graph

    return plan_graph(folder, Precision.FP16)
