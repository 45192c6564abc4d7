"""Running plans: one runner for TensorRT and TensorRT-RTX, with PyTorch's buffers and streams.

The order in which things are touched is an invariant: driver, plan's JSON file, PyTorch's CUDA, plan's sha256, and only
then TensorRT's runtime, which ends the process without a driver.
"""

from __future__ import annotations

import contextlib
import functools
import threading
from collections.abc import Mapping
from types import ModuleType
from typing import TYPE_CHECKING

from archivecolor.color import FEATURE_STRIDE, FloatArray
from archivecolor.errors import DependencyError, EngineError, OutputError
from archivecolor.inference import plans, trt
from archivecolor.inference.batching import DeviceMemoryError, FittingBatch, Given, is_memory_error
from archivecolor.inference.catalog import EngineFolder
from archivecolor.inference.device import Device, nvidia_gpu
from archivecolor.inference.engine import LoadedEngine
from archivecolor.inference.plans import Backend, Plan
from archivecolor.installation import install_line
from archivecolor.jobs.atomic import atomic_write
from archivecolor.settings import EngineSettings

if TYPE_CHECKING:
    import torch
    from torch import Tensor


def plan_for(folder: EngineFolder, backend: Backend, settings: EngineSettings) -> Plan:
    """The plan in the cache that runs ``folder`` here; raises as `TensorRTEngine` does. Loads no runtime."""
    trt.require(backend)
    gpu = nvidia_gpu(Device.parse(settings.device).index)
    version = trt.version(trt.load(backend))
    return plans.find(folder, backend, version, gpu, settings.precision, settings.batch)


class _Kernels:
    """What TensorRT-RTX compiles when a plan first meets a shape, kept beside the plan for the next run.

    TensorRT-RTX itself refuses what another GPU or version has compiled.
    """

    def __init__(self, plan: Plan) -> None:
        self._path = plan.path.with_suffix(".kernels")
        self._cache: trt.RuntimeCache | None = None

    def attach(self, engine: trt.CudaEngine) -> trt.RuntimeConfig:
        """How to create an execution context that uses them."""
        config = engine.create_runtime_config()
        cache = config.create_runtime_cache()
        with contextlib.suppress(OSError):  # the first run has none
            cache.deserialize(self._path.read_bytes())
        config.set_runtime_cache(cache)
        self._cache = cache
        return config

    def keep(self) -> None:
        """Write them; that fails without harm."""
        if self._cache is None:
            return
        with contextlib.suppress(OutputError), atomic_write(self._path, overwrite=True) as file:
            file.write(bytes(self._cache.serialize()))


class _Runner:
    """A plan on a GPU."""

    def __init__(self, module: ModuleType, folder: EngineFolder, plan: Plan, data: bytes, device: torch.device) -> None:
        import torch

        self._plan, self._folder = plan, folder
        self._said: list[str] = []
        self._log = trt.logger(module, self._said)  # must outlive the runtime
        self._kernels = _Kernels(plan) if plan.backend == Backend.RTX else None
        with torch.cuda.device(device):
            self._runtime = trt.runtime(module, self._log)
            engine = self._runtime.deserialize_cuda_engine(data)
            if engine is None:
                raise EngineError(f"{plan.path}: cannot be loaded: {self._reason()}", hint=plan.rebuild)
            context = engine.create_execution_context(*([self._kernels.attach(engine)] if self._kernels else []))
        if context is None:
            raise EngineError(
                f"{plan.path}: finds no room on the GPU: {self._reason()}",
                hint=f"free its memory, or build for fewer pictures: {plan.rebuild} --batch 1,1,4",
            )
        self._engine, self._context = engine, context
        names = {engine.get_tensor_name(i) for i in range(engine.num_io_tensors)}
        self._channels = {"chroma": 2, "spread": 1, "features": folder.features}
        folder.check_inputs(names - self._channels.keys())
        folder.check_outputs(names)
        self._told = [name for name in self._channels if name in names]

    def compute(self, wanted: tuple[str, ...], luma: Tensor, *more: Tensor) -> Mapping[str, Tensor]:
        """Enqueue a batch on torch's current stream. Raises `EngineError` when TensorRT refuses it."""
        import torch

        n, _, height, width = luma.shape
        made: dict[str, Tensor] = {}
        for name in self._told:  # TensorRT runs only when every output has a place, wanted or not
            stride = FEATURE_STRIDE if name == "features" else self._folder.chroma_stride
            shape = (n, self._channels[name], height // stride, width // stride)
            made[name] = torch.empty(shape, dtype=torch.float32, device=luma.device)
        context = self._context
        given = dict(zip(self._folder.inputs, (luma, *more), strict=True))
        done = (
            all(context.set_input_shape(name, tuple(x.shape)) for name, x in given.items())
            and all(context.set_tensor_address(name, x.data_ptr()) for name, x in given.items())
            and all(context.set_tensor_address(name, tensor.data_ptr()) for name, tensor in made.items())
            and context.execute_async_v3(torch.cuda.current_stream(luma.device).cuda_stream)
        )
        if not done:
            reason = self._reason()
            error = DeviceMemoryError if is_memory_error(RuntimeError(reason)) else EngineError
            raise error(f"{self._plan.path.name}: failed: {reason}")
        return {name: made[name] for name in wanted if name in made}

    def close(self) -> None:
        """Free context, plan and runtime, in this order."""
        if self._kernels:
            self._kernels.keep()
        del self._context, self._engine, self._runtime

    def _reason(self) -> str:
        return self._said[-1].strip().partition("\n")[0] if self._said else "TensorRT gives no reason"


class TensorRTEngine(LoadedEngine):
    """Runs a plan. Thread-safe: one call computes at a time."""

    def __init__(self, folder: EngineFolder, plan: Plan, settings: EngineSettings | None = None) -> None:
        """Put ``plan`` on the GPU.

        Raises `DependencyError` without a GPU, PyTorch's CUDA or the plan's TensorRT; `EngineError` when the plan is
        for another GPU, version or generator, or is damaged, each with the command that builds a fitting one.
        """
        settings = settings or EngineSettings()
        backend = Backend(plan.backend)
        trt.require(backend)
        gpu = nvidia_gpu(Device.parse(settings.device).index)
        module = trt.load(backend)
        reason = plan.why_stale(folder, trt.version(module)) or plan.why_foreign(gpu)
        if reason:
            raise EngineError(f"{plan.path}: {reason}", hint=plan.rebuild)
        try:
            from archivecolor.inference.torch import Belt, torch_device
        except DependencyError as e:
            raise DependencyError(
                f"{backend.label} needs PyTorch for its buffers", hint=install_line(backend.extra)
            ) from e
        device = torch_device(settings, need_cuda=True)
        data = plan.read()
        most = plan.profile.batch[2]
        if settings.batch is not None and settings.batch > most:
            raise EngineError(
                f"{plan.path}: takes {most} pictures at a time, not {settings.batch}",
                hint=f"{plan.rebuild} --batch 1,{settings.batch},{settings.batch}",
            )
        super().__init__(folder)
        self._plan, self._gpu, self._title = plan, gpu, f"{backend.label} {plan.version}"
        self._batch = FittingBatch(settings.batch or plan.profile.batch[1])
        self._belt = Belt(device)
        self._lock = threading.Lock()
        self._runner: _Runner | None = _Runner(module, folder, plan, data, device)

    @property
    def description(self) -> str:
        """Runtime and device, for people."""
        return f"{self._title}, {self._gpu.name}, {self._plan.precision}"

    @property
    def batch(self) -> int:
        """How many pictures are best given at a time."""
        return self._batch.size

    def _compute(self, given: Given, wanted: tuple[str, ...]) -> Mapping[str, FloatArray]:
        _, _, height, width = given[0].shape
        if not self._plan.profile.takes(self._plan.profile.batch[0], height, width):
            raise EngineError(
                f"{self._plan.path.name}: takes sides up to {self._plan.profile.most_px} px, not {width} x {height}",
                hint=f"{self._plan.rebuild} --network-px {min(height, width)}",
            )
        with self._lock:
            return self._batch.run(given, functools.partial(self._run, wanted))

    def _run(self, wanted: tuple[str, ...], given: Given, batch: int) -> Mapping[str, FloatArray]:
        from archivecolor.inference.torch import device_error

        runner = self._runner
        if runner is None:
            raise self._closed()
        try:
            return self._belt.run(given, batch, functools.partial(runner.compute, wanted))
        except RuntimeError as e:  # PyTorch's, when buffers do not fit
            raise device_error(e, self._folder.name) from e

    def close(self) -> None:
        """Free plan and buffers, and keep the kernels that were compiled on the way."""
        runner, self._runner = self._runner, None
        if runner is not None:
            runner.close()
