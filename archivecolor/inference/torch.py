"""PyTorch: CUDA with fp16 autocast, channels_last and overlapped copies; on the CPU the reference for other engines.

`Belt` moves batches to a GPU and back for this engine and for TensorRT's. Invariants: one host-to-device and one
device-to-host copy a batch, both from and to pinned memory and on streams of their own; the host waits for nothing but
the batch that it reads next, and by then the next one computes.
"""

from __future__ import annotations

import functools
import threading
from collections import deque
from collections.abc import Callable, Mapping
from typing import TypeAlias

import numpy as np

from archivecolor.color import FloatArray
from archivecolor.errors import DependencyError, EngineError
from archivecolor.inference.batching import DeviceMemoryError, FittingBatch, Given, is_memory_error
from archivecolor.inference.catalog import EngineFolder
from archivecolor.inference.device import Device, DeviceKind
from archivecolor.inference.engine import LoadedEngine, first_line
from archivecolor.installation import install_line
from archivecolor.settings import EngineSettings, Precision

try:
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load_file
    from torch import Tensor

    from archivecolor.inference.torch_encoder import EncoderKind
    from archivecolor.inference.torch_generator import Generator, GeneratorShape
except ImportError as e:
    raise DependencyError("the torch engine needs PyTorch", hint=install_line("cuda")) from e

_CUDA_BUILD = "pip install --force-reinstall torch --index-url https://download.pytorch.org/whl/cu130"
_CUDA_BATCH = 16
Compute: TypeAlias = Callable[..., Mapping[str, Tensor]]
"""A generator's inputs on a device to what it tells, by name."""

_IN_FLIGHT = 2
"""Batches on the device at a time: one computes while the other is copied."""


def torch_device(settings: EngineSettings, *, need_cuda: bool = False) -> torch.device:
    """The device that the settings name; ``auto`` is CUDA where it works, else the CPU.

    Raises `DependencyError` when it is CUDA and does not work, or ``need_cuda`` and it is not.
    """
    device = Device.parse(settings.device)
    works = torch.cuda.is_available()
    if device.kind in (DeviceKind.COREML, DeviceKind.DIRECTML) or (need_cuda and device.kind is DeviceKind.CPU):
        raise DependencyError(f"this engine does not run on '{device}'", hint="--device cuda, or --engine onnx")
    if device.kind is DeviceKind.CPU or (device.kind is DeviceKind.AUTO and not works and not need_cuda):
        return torch.device("cpu")
    if not works:
        built = torch.version.cuda
        why = "finds no NVIDIA GPU or driver that it can use" if built else "was built for CPUs only"
        hint = "'archivecolor doctor' says what is here" if built else _CUDA_BUILD
        raise DependencyError(f"PyTorch {torch.__version__} {why}", hint=hint)
    if device.index >= torch.cuda.device_count():
        raise DependencyError(f"there is no GPU {device.index}", hint=f"{torch.cuda.device_count()} are here")
    return torch.device("cuda", device.index)


class Belt:
    """Sends batches through a computation on a device, copies overlapped with computing."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._cuda = device.type == "cuda"
        if self._cuda:
            self._up, self._main, self._down = (torch.cuda.Stream(device) for _ in range(3))  # type: ignore[no-untyped-call]

    def run(self, given: Given, batch: int, compute: Compute) -> Mapping[str, FloatArray]:
        """Apply ``compute`` to ``given``, in batches: the inputs, on the device, to float32 ``[n, ...]`` by name.

        ``compute`` is called with its stream as torch's current one. Raises whatever it raises.
        """
        parts: list[Mapping[str, FloatArray]] = []
        under_way: deque[_Batch] = deque()
        for first in range(0, len(given[0]), batch):
            if len(under_way) == _IN_FLIGHT:
                parts.append(under_way.popleft().read())
            under_way.append(self._start(tuple(x[first : first + batch] for x in given), compute))
        parts.extend(one.read() for one in under_way)
        return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}

    def _start(self, inputs: Given, compute: Compute) -> _Batch:
        host = [torch.from_numpy(np.array(x, order="C")) for x in inputs]  # torch takes no read-only or mirrored arrays
        if not self._cuda:
            return _Batch(compute(*host), None, ())
        host = [x.pin_memory() for x in host]
        with torch.cuda.stream(self._up):
            given = [x.to(self._device, non_blocking=True) for x in host]
        self._main.wait_stream(self._up)
        with torch.cuda.stream(self._main):
            made = compute(*given)
        self._down.wait_stream(self._main)
        with torch.cuda.stream(self._down):
            back = {name: _pinned_like(x) for name, x in made.items()}
            for name, x in made.items():
                back[name].copy_(x, non_blocking=True)
            done = torch.cuda.Event()  # type: ignore[no-untyped-call]
            done.record(self._down)
        return _Batch(back, done, (*host, *given, *made.values()))


def _pinned_like(made: Tensor) -> Tensor:
    return torch.empty(made.shape, dtype=made.dtype, pin_memory=True)


class _Batch:
    """A batch under way. Holds its buffers until it was read, so that no stream reuses them before."""

    def __init__(self, made: Mapping[str, Tensor], done: torch.cuda.Event | None, held: tuple[Tensor, ...]) -> None:
        self._made, self._done, self._held = made, done, held

    def read(self) -> Mapping[str, FloatArray]:
        if self._done is not None:
            self._done.synchronize()
        self._held = ()
        return {name: x.numpy() for name, x in self._made.items()}


def shape_of(folder: EngineFolder) -> GeneratorShape:
    """The shapes that ``engine.toml`` describes; raises `EngineError` where it names an encoder of another version."""
    try:
        encoder = EncoderKind(folder.encoder)
    except ValueError as e:
        raise EngineError(f"{folder.path}: has an encoder '{folder.encoder}', which this archivecolor lacks") from e
    return GeneratorShape(
        context=folder.context,
        decoder=folder.decoder,
        palette=folder.palette,
        heads=folder.heads,
        encoder=encoder,
        classifier_features=folder.classifier_features,
        blocks=folder.blocks,
        hints=folder.hints,
        median_steps=folder.median_steps,
    )


def load_generator(folder: EngineFolder) -> Generator:
    """The generator with ``folder``'s weights as float32, for evaluation; raises `EngineError` when they do not fit."""
    generator = Generator(shape_of(folder))
    try:
        weights = {k: v.float() for k, v in load_file(folder.weights).items()}
        generator.load_state_dict(weights, strict=True)
    except (SafetensorError, RuntimeError, ValueError) as e:
        raise EngineError(f"{folder.weights}: does not fit the generator that engine.toml describes") from e
    return generator.eval()


class TorchEngine(LoadedEngine):
    """Runs the generator as a PyTorch module. Thread-safe: one call computes at a time."""

    def __init__(self, folder: EngineFolder, settings: EngineSettings | None = None) -> None:
        """Load ``folder``'s weights, as tensors, onto a device (``auto``: CUDA where it works)."""
        settings = settings or EngineSettings()
        self._device = torch_device(settings)
        cuda = self._device.type == "cuda"
        self._half = settings.precision.on(gpu=cuda) is Precision.FP16
        super().__init__(folder)
        self._batch = FittingBatch(settings.batch or (_CUDA_BATCH if cuda else 1))
        self._lock = threading.Lock()
        folder.verify()
        generator = load_generator(folder)
        try:
            generator.to(self._device, memory_format=torch.channels_last)  # type: ignore[call-overload]
            self._belt = Belt(self._device)
        except RuntimeError as e:
            raise EngineError(f"the generator cannot be put on {self._device}: {first_line(e)}") from e
        self._generator: Generator | None = generator

    @property
    def description(self) -> str:
        """Runtime and device, for people."""
        name = torch.cuda.get_device_name(self._device) if self._device.type == "cuda" else "CPU"
        return f"PyTorch {torch.__version__}, {name}{', fp16' if self._half else ''}"

    @property
    def batch(self) -> int:
        """How many pictures are best given at a time."""
        return self._batch.size

    def _compute(self, given: Given, wanted: tuple[str, ...]) -> Mapping[str, FloatArray]:
        with self._lock:
            return self._batch.run(given, functools.partial(self._run, wanted))

    def _run(self, wanted: tuple[str, ...], given: Given, batch: int) -> Mapping[str, FloatArray]:
        generator = self._generator
        if generator is None:
            raise self._closed()

        def compute(luma: Tensor, *hints: Tensor) -> Mapping[str, Tensor]:
            encoded = generator.encoder(luma)
            logits = generator.scores_of(encoded, *hints).float()
            with torch.autocast(self._device.type, enabled=False):  # squared distances are beyond fp16
                if "spread" not in wanted:
                    return {"chroma": generator.chroma_of(logits)}
                told = dict(zip(("chroma", "spread"), generator.moments(logits), strict=True))
                return told | ({"features": generator.features_of(encoded)} if "features" in wanted else {})

        try:
            with torch.inference_mode(), torch.autocast(self._device.type, torch.float16, enabled=self._half):
                return self._belt.run(given, batch, compute)
        except RuntimeError as e:  # out of memory among others
            raise device_error(e, self._folder.name) from e

    def close(self) -> None:
        """Free the weights."""
        self._generator = None


def device_error(error: RuntimeError, name: str) -> EngineError:
    """What a failed computation of engine ``name`` is to be raised as."""
    message = f"engine '{name}' failed: {first_line(error)}"
    if isinstance(error, torch.OutOfMemoryError) or is_memory_error(error):
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        return DeviceMemoryError(message)
    return EngineError(message)
