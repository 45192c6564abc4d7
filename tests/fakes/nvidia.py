"""An NVIDIA driver and a TensorRT that need no GPU.

`FakeDriver` answers the calls of the CUDA driver's library. `FakeTensorRT` is a module whose plans are the ONNX graphs
that they were built from and whose GPU is ONNX Runtime on host memory: what a runner gets wrong in the order of calls,
in shapes or in addresses gives wrong chroma, as it would on a GPU. ``calls`` keeps the names of all calls, in order.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from enum import Enum, IntEnum
from types import ModuleType
from typing import Any

import numpy as np
import onnx
import onnxruntime

CUDA_OUT_OF_MEMORY = "Error Code 2: OutOfMemory (Requested size was 1 bytes.): out of memory"


class FakeDriver:
    """The CUDA driver's library. ``gpus`` are names and compute capabilities; ``status`` is what ``cuInit`` returns."""

    def __init__(self, *gpus: tuple[str, int, int], status: int = 0) -> None:
        self._gpus = gpus
        self._status = status

    def cuInit(self, flags: int) -> int:
        return self._status

    def cuDriverGetVersion(self, version: Any) -> int:
        version._obj.value = 13010
        return 0

    def cuDeviceGetCount(self, count: Any) -> int:
        count._obj.value = len(self._gpus)
        return 0

    def cuDeviceGet(self, device: Any, index: int) -> int:
        device._obj.value = index
        return 0

    def cuDeviceGetName(self, name: Any, size: int, device: Any) -> int:
        name.value = self._gpus[device.value][0].encode()
        return 0

    def cuDeviceGetAttribute(self, value: Any, attribute: int, device: Any) -> int:
        value._obj.value = self._gpus[device.value][1 if attribute == 75 else 2]
        return 0

    def cuDeviceTotalMem_v2(self, value: Any, device: Any) -> int:
        value._obj.value = 24 << 30
        return 0


class _Severity(IntEnum):
    INTERNAL_ERROR, ERROR, WARNING, INFO, VERBOSE = range(5)


class _Logger:
    ERROR = _Severity.ERROR

    def __init__(self) -> None:
        pass

    def log(self, severity: _Severity, message: str) -> None:
        raise NotImplementedError


class _Monitor:
    def __init__(self) -> None:
        pass


class _Flag(IntEnum):
    STRONGLY_TYPED = 1


class _Capability(Enum):
    SM75, SM80, SM86, SM89, SM120, SM121 = range(6)


class FakeTensorRT(ModuleType):
    """A stand-in for ``tensorrt`` or ``tensorrt_rtx``.

    ``refuses``: why its parser refuses every graph. ``fails``: what it logs when it then builds nothing. ``broken``:
    its runtime loads no plan. ``most``: the most pictures that fit its memory.
    """

    ILogger = _Logger
    IProgressMonitor = _Monitor
    NetworkDefinitionCreationFlag = _Flag
    ComputeCapability = _Capability
    __version__ = "11.4.0"

    def __init__(
        self, name: str, *, refuses: str = "", fails: str = "", broken: bool = False, most: int = 1 << 20
    ) -> None:
        super().__init__(name)
        self.calls: list[str] = []
        self.refuses, self.fails, self.broken, self.most = refuses, fails, broken, most
        self.flags = 0
        self.profile: dict[str, Sequence[Sequence[int]]] = {}
        self.capabilities: dict[int, _Capability] = {}
        self.streams: list[int] = []

    def Builder(self, logger: _Logger) -> _Builder:
        self.calls.append("Builder")
        return _Builder(self, logger)

    def OnnxParser(self, network: _Network, logger: _Logger) -> _Parser:
        return _Parser(self, network)

    def Runtime(self, logger: _Logger) -> _Runtime:
        self.calls.append("Runtime")
        return _Runtime(self, logger)


class _Network:
    num_layers = 7

    def __init__(self) -> None:
        self.model = b""

    @property
    def num_inputs(self) -> int:
        return len(onnx.load_from_string(self.model).graph.input)

    def get_input(self, index: int) -> Any:
        return onnx.load_from_string(self.model).graph.input[index]


class _Reason:
    def __init__(self, text: str) -> None:
        self._text = text

    def desc(self) -> str:
        return self._text

    def node_name(self) -> str:
        return "node_mean"


class _Parser:
    def __init__(self, module: FakeTensorRT, network: _Network) -> None:
        self._module, self._network = module, network
        self.num_errors = int(bool(module.refuses))

    def parse(self, model: bytes) -> bool:
        self._module.calls.append("parse")
        self._network.model = model
        return not self._module.refuses

    def get_error(self, index: int) -> _Reason:
        return _Reason(self._module.refuses)


class _Profile:
    def __init__(self, module: FakeTensorRT) -> None:
        self._module = module

    def set_shape(self, input: str, min: Sequence[int], opt: Sequence[int], max: Sequence[int]) -> None:
        self._module.profile[input] = (min, opt, max)


class _Config:
    progress_monitor: Any = None
    num_compute_capabilities = 0

    def __init__(self, module: FakeTensorRT) -> None:
        self._module = module

    def add_optimization_profile(self, profile: _Profile) -> int:
        return 0

    def set_compute_capability(self, compute_capability: _Capability, index: int) -> bool:
        self._module.capabilities[index] = compute_capability
        return index < self.num_compute_capabilities


class _Builder:
    def __init__(self, module: FakeTensorRT, logger: _Logger) -> None:
        self._module, self._logger = module, logger

    def create_network(self, flags: int) -> _Network:
        self._module.flags = flags
        return _Network()

    def create_builder_config(self) -> _Config:
        return _Config(self._module)

    def create_optimization_profile(self) -> _Profile:
        return _Profile(self._module)

    def build_serialized_network(self, network: _Network, config: _Config) -> bytes | None:
        self._module.calls.append("build_serialized_network")
        monitor = config.progress_monitor
        if monitor:
            monitor.phase_start("Building", None, 2)
            monitor.phase_start("Inner", "Building", 9)
            for step in range(2):
                if not monitor.step_complete("Building", step):
                    return None
            monitor.phase_finish("Inner")
            monitor.phase_finish("Building")
        if self._module.fails:
            self._logger.log(_Severity.WARNING, "nothing of importance")
            self._logger.log(_Severity.ERROR, self._module.fails)
            return None
        return network.model


class _Runtime:
    def __init__(self, module: FakeTensorRT, logger: _Logger) -> None:
        self._module, self._logger = module, logger

    def deserialize_cuda_engine(self, serialized_engine: bytes) -> _Engine | None:
        self._module.calls.append("deserialize_cuda_engine")
        if self._module.broken:
            self._logger.log(_Severity.ERROR, "the plan is of another kind")
            return None
        return _Engine(self._module, self._logger, serialized_engine)


class _Kernels:
    def serialize(self) -> bytes:
        return b"kernels"

    def deserialize(self, blob: bytes) -> bool:
        return blob == b"kernels"


class _RuntimeConfig:
    def __init__(self, module: FakeTensorRT) -> None:
        self._module = module

    def create_runtime_cache(self) -> _Kernels:
        return _Kernels()

    def set_runtime_cache(self, cache: _Kernels) -> bool:
        self._module.calls.append("set_runtime_cache")
        return True


class _Engine:
    def __init__(self, module: FakeTensorRT, logger: _Logger, model: bytes) -> None:
        self._module, self._logger = module, logger
        self._session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
        self.num_io_tensors = len(_tensors(self._session))

    def get_tensor_name(self, index: int) -> str:
        return _tensors(self._session)[index]

    def create_runtime_config(self) -> _RuntimeConfig:
        return _RuntimeConfig(self._module)

    def create_execution_context(self, runtime_config: _RuntimeConfig | None = None) -> _Context:
        self._module.calls.append("create_execution_context")
        return _Context(self._module, self._logger, self._session)


class _Context:
    def __init__(self, module: FakeTensorRT, logger: _Logger, session: Any) -> None:
        self._module, self._logger, self._session = module, logger, session
        self._names = _tensors(session)
        self._given = [t.name for t in session.get_inputs()]
        self._shapes: dict[str, tuple[int, ...]] = {}
        self._addresses: dict[str, int] = {}

    def set_input_shape(self, name: str, shape: Sequence[int]) -> bool:
        self._module.calls.append(f"set_input_shape {list(shape)}")
        self._shapes[name] = tuple(shape)
        return name in self._given

    def set_tensor_address(self, name: str, memory: int) -> bool:
        self._module.calls.append(f"set_tensor_address {name}")
        self._addresses[name] = memory
        return name in self._names

    def execute_async_v3(self, stream_handle: int) -> bool:
        self._module.calls.append("execute_async_v3")
        self._module.streams.append(stream_handle)
        if self._shapes["luma"][0] > self._module.most:
            self._logger.log(_Severity.ERROR, CUDA_OUT_OF_MEMORY)
            return False
        if self._addresses.keys() != set(self._names):
            self._logger.log(_Severity.ERROR, "an output has no address")
            return False
        inputs = {name: _floats(self._addresses[name], self._shapes[name]) for name in self._given}
        outputs = [name for name in self._names if name not in self._given]
        for name, made in zip(outputs, self._session.run(outputs, inputs), strict=True):
            _floats(self._addresses[name], made.shape)[...] = made
        return True


def _tensors(session: Any) -> list[str]:
    return [t.name for t in (*session.get_inputs(), *session.get_outputs())]


def _floats(address: int, shape: Sequence[int]) -> Any:
    size = int(np.prod(shape))
    return np.ctypeslib.as_array((ctypes.c_float * size).from_address(address)).reshape(shape)
