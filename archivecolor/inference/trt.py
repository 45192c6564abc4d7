"""The part of TensorRT's Python interface that is used here, typed; `tensorrt` and `tensorrt_rtx` share it.

From NVIDIA's API reference of TensorRT 11 and TensorRT-RTX 1.7. Builder, parser and network work without a GPU in
TensorRT-RTX. ``Runtime`` must not be touched unless CUDA works: without a driver its next call ends the process.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from importlib import import_module
from types import ModuleType
from typing import Any, Protocol, cast

from archivecolor.errors import DependencyError
from archivecolor.inference.engine import first_line
from archivecolor.inference.plans import Backend
from archivecolor.installation import install_line


class ParserError(Protocol):
    """One reason why a graph was refused."""

    def desc(self) -> str: ...

    def node_name(self) -> str: ...


class Parser(Protocol):
    """Reads ONNX into a network."""

    num_errors: int

    def parse(self, model: bytes) -> bool: ...

    def get_error(self, index: int) -> ParserError: ...


class Tensor(Protocol):
    """An input or output of a network."""

    name: str
    shape: Sequence[int]


class Network(Protocol):
    """What was parsed."""

    num_layers: int
    num_inputs: int
    num_outputs: int

    def get_input(self, index: int) -> Tensor: ...

    def get_output(self, index: int) -> Tensor: ...


class OptimizationProfile(Protocol):
    """The shapes that a plan is to take."""

    def set_shape(self, input: str, min: Sequence[int], opt: Sequence[int], max: Sequence[int]) -> None: ...


class BuilderConfig(Protocol):
    """How to build."""

    progress_monitor: Any
    num_compute_capabilities: int
    """TensorRT-RTX only."""

    def add_optimization_profile(self, profile: OptimizationProfile) -> int: ...

    def set_compute_capability(self, compute_capability: Any, index: int) -> bool:
        """TensorRT-RTX only."""
        ...


class Builder(Protocol):
    """Builds plans."""

    def create_network(self, flags: int) -> Network: ...

    def create_builder_config(self) -> BuilderConfig: ...

    def create_optimization_profile(self) -> OptimizationProfile: ...

    def build_serialized_network(self, network: Network, config: BuilderConfig) -> Any:
        """A host buffer, or None when it failed."""
        ...


class ExecutionContext(Protocol):
    """Runs a plan on one stream at a time."""

    def set_input_shape(self, name: str, shape: Sequence[int]) -> bool: ...

    def set_tensor_address(self, name: str, memory: int) -> bool: ...

    def execute_async_v3(self, stream_handle: int) -> bool: ...


class RuntimeCache(Protocol):
    """TensorRT-RTX only: the kernels it compiles when a plan first meets a shape."""

    def serialize(self) -> Any:
        """A host buffer."""
        ...

    def deserialize(self, blob: bytes) -> bool:
        """False when it is of another GPU or version, and was not taken."""
        ...


class RuntimeConfig(Protocol):
    """TensorRT-RTX only."""

    def create_runtime_cache(self) -> RuntimeCache: ...

    def set_runtime_cache(self, cache: RuntimeCache) -> bool: ...


class CudaEngine(Protocol):
    """A plan on a GPU."""

    num_io_tensors: int

    def get_tensor_name(self, index: int) -> str: ...

    def create_execution_context(self, runtime_config: RuntimeConfig | None = None) -> ExecutionContext | None: ...

    def create_runtime_config(self) -> RuntimeConfig: ...


class Runtime(Protocol):
    """Puts plans on GPUs."""

    def deserialize_cuda_engine(self, serialized_engine: bytes) -> CudaEngine | None: ...


def require(backend: Backend) -> None:
    """Raise `DependencyError`, with the install line, where this TensorRT is not installed. Loads nothing."""
    if importlib.util.find_spec(backend.module) is None:
        raise DependencyError(f"{backend.label} is not installed", hint=install_line(backend.extra))


def load(backend: Backend) -> ModuleType:
    """Import the TensorRT of that name; raises `DependencyError` with its install line."""
    try:
        return import_module(backend.module)
    except ModuleNotFoundError as e:
        if e.name == backend.module:
            require(backend)
        raise _broken(backend, e) from e
    except Exception as e:  # its loader raises whatever a missing library makes it raise
        raise _broken(backend, e) from e


def _broken(backend: Backend, error: Exception) -> DependencyError:
    line = install_line(backend.extra).replace("install", "install --force-reinstall", 1)
    return DependencyError(f"{backend.label} does not load: {first_line(error)}", hint=line)


def version(module: ModuleType) -> str:
    """The installed version."""
    return str(module.__version__)


def logger(module: ModuleType, keep: list[str]) -> Any:
    """A TensorRT logger that keeps errors, for the exception that follows, and tells people nothing."""
    base: Any = module.ILogger

    class Keeper(base):  # type: ignore[misc]
        def __init__(self) -> None:
            base.__init__(self)

        def log(self, severity: Any, message: str) -> None:
            if severity <= base.ERROR:
                keep.append(message)

    return Keeper()


def runtime(module: ModuleType, keep: Any) -> Runtime:
    """A runtime. Only where CUDA works."""
    return cast(Runtime, module.Runtime(keep))
