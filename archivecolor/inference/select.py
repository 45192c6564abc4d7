"""Choosing the engine: a named one must work, ``auto`` takes the best that does and says why not a better one."""

from __future__ import annotations

import importlib.util
import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import partial
from pathlib import Path

import numpy as np

from archivecolor.color import FloatArray
from archivecolor.errors import DependencyError, EngineError, UsageError
from archivecolor.inference import catalog, plans
from archivecolor.inference.advised import AdvisedEngine
from archivecolor.inference.catalog import EngineFolder
from archivecolor.inference.device import Device, DeviceKind, nvidia_driver
from archivecolor.inference.engine import Engine
from archivecolor.inference.plans import Backend
from archivecolor.settings import DEFAULT_GENERATOR, EngineSettings

log = logging.getLogger(__name__)

_TRIAL_PX = 64
_FARTHEST_AB = 2.0
"""Mean difference in a*, b* of a trial frame to the CPU's that ``auto`` puts up with. fp16 makes less than 0.2."""


class EngineKind(StrEnum):
    """The runtimes that a generator can be run by."""

    AUTO = "auto"
    ONNX = "onnx"
    TORCH = "torch"
    TENSORRT = "tensorrt"
    RTX = "tensorrt-rtx"


_CUDA_ENGINES = {EngineKind.TENSORRT: "tensorrt", EngineKind.RTX: "tensorrt_rtx", EngineKind.TORCH: "torch"}
"""Those that need CUDA, best first, and the modules they need."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """An engine that may or may not work here."""

    settings: EngineSettings
    reason: str | None = None
    """Why it is not worth trying."""

    @property
    def name(self) -> str:
        """For people: 'onnx on cpu', 'tensorrt'."""
        kind = self.settings.kind
        return kind if kind in set(Backend) else f"{kind} on {self.settings.device}"


def open_engine(
    engine: str | EngineSettings = EngineKind.AUTO, generator: str = DEFAULT_GENERATOR, threads: int = 0
) -> Engine:
    """Load ``generator`` into an engine; another one is loaded for the first hints, where it names one for them.

    Raises `UsageError`, `DependencyError` or `EngineError`; a named engine or device never falls back to another.
    """
    settings = EngineSettings(kind=engine, threads=threads) if isinstance(engine, str) else engine
    Device.parse(settings.device)
    folder = catalog.find(generator)
    opened = _best(folder, settings) if settings.kind == EngineKind.AUTO else open_named(folder, settings)
    adviser = catalog.adviser_of(folder)
    if adviser is None:
        return opened
    of_any = {EngineKind.AUTO, EngineKind.ONNX, EngineKind.TORCH}  # a plan is of one generator
    kind = settings.kind if settings.kind in of_any else EngineKind.AUTO
    return AdvisedEngine(opened, partial(open_engine, replace(settings, kind=kind), str(adviser.path)))


def open_named(folder: EngineFolder, settings: EngineSettings) -> Engine:
    """The engine that ``settings.kind`` names, or the plan at that path."""
    kind = settings.kind
    if kind == EngineKind.TORCH:
        from archivecolor.inference.torch import TorchEngine

        return TorchEngine(folder, settings)
    if kind == EngineKind.ONNX:
        return _open_onnx(folder, settings)
    if kind in set(Backend):
        from archivecolor.inference.tensorrt import TensorRTEngine, plan_for

        return TensorRTEngine(folder, plan_for(folder, Backend(kind), settings), settings)
    if kind.endswith(plans.SUFFIX) or Path(kind).is_file():
        from archivecolor.inference.tensorrt import TensorRTEngine

        return TensorRTEngine(folder, plans.load(Path(kind)), settings)
    raise UsageError(f"there is no engine '{kind}'", hint=f"one of {', '.join(EngineKind)}, or a plan's path")


def candidates(settings: EngineSettings) -> Iterator[Candidate]:
    """Every engine for the device that was asked for, best first. Loads no runtime but ONNX Runtime."""
    from archivecolor.inference.onnx import PROVIDERS, kinds_here

    wanted = Device.parse(settings.device)
    driver = nvidia_driver()
    no_gpu = None if driver and driver.gpus else "no NVIDIA GPU" if driver else "no NVIDIA driver"

    def on(kind: EngineKind, device: DeviceKind, reason: str | None) -> Candidate:
        return Candidate(replace(settings, kind=kind, device=str(replace(wanted, kind=device))), reason)

    if wanted.kind in (DeviceKind.AUTO, DeviceKind.CUDA):
        for kind, module in _CUDA_ENGINES.items():
            missing = None if importlib.util.find_spec(module) else "not installed"
            yield on(kind, DeviceKind.CUDA, no_gpu or missing)
    for device in PROVIDERS:
        here = device in kinds_here()
        if wanted.kind is device or (here and wanted.kind is DeviceKind.AUTO):
            missing = None if here else f"not in this ONNX Runtime ({PROVIDERS[device].install})"
            yield on(EngineKind.ONNX, device, missing or (no_gpu if device is DeviceKind.CUDA else None))


def torch_on_cpu(settings: EngineSettings) -> Candidate:
    """PyTorch without a GPU: slower than ONNX Runtime, so never chosen, but good to compare with."""
    reason = None if importlib.util.find_spec("torch") else "not installed"
    return Candidate(replace(settings, kind=EngineKind.TORCH, device=str(DeviceKind.CPU)), reason)


def trial_luma() -> FloatArray:
    """A frame that has something of everything: slopes, edges, grain."""
    y, x = np.mgrid[0:_TRIAL_PX, 0:_TRIAL_PX].astype(np.float32) / _TRIAL_PX
    picture = 0.3 + 0.4 * y + 0.2 * ((x - 0.5) ** 2 + (y - 0.6) ** 2 < 0.09) + 0.1 * np.sin(40 * x)
    return np.asarray(np.clip(picture, 0, 1)[None, None], np.float32)


def _open_onnx(folder: EngineFolder, settings: EngineSettings) -> Engine:
    from archivecolor.inference.onnx import OnnxEngine, kinds_here

    if settings.device == DeviceKind.AUTO and len(kinds_here()) > 1:
        return _best(folder, settings)
    return OnnxEngine(folder, settings)


def _best(folder: EngineFolder, settings: EngineSettings) -> Engine:
    """The first candidate, best first, that colors a frame as the CPU does."""
    from archivecolor.inference.onnx import OnnxEngine

    only = None if settings.kind == EngineKind.AUTO else settings.kind
    passed: list[tuple[str, str]] = []
    truth: FloatArray | None = None
    level = logging.DEBUG  # what is not here is no news; what is here and does not work is
    for candidate in candidates(settings):
        if only and candidate.settings.kind != only:
            continue
        if candidate.settings.device != DeviceKind.CPU and not candidate.reason and truth is None:
            with OnnxEngine(folder) as reference:
                truth = reference.colorize(trial_luma())
        found = attempt(folder, candidate, truth)
        if not isinstance(found, str):
            log.log(level, "engine: %s%s", found.description, _why_not(passed))
            return found
        level = level if candidate.reason else logging.INFO
        passed.append((candidate.name, found))
    raise DependencyError(f"no engine works here on '{settings.device}'{_why_not(passed)}", hint="archivecolor doctor")


def attempt(folder: EngineFolder, candidate: Candidate, truth: FloatArray | None) -> Engine | str:
    """Open an engine and color a frame with it; the engine, or why it is not to be used.

    ``truth`` is what the CPU makes of `trial_luma`, None for the CPU itself, whose errors are raised: nothing is left
    to try after it.
    """
    if candidate.reason:
        return candidate.reason
    try:
        engine = open_named(folder, candidate.settings)
    except (DependencyError, EngineError) as e:
        if truth is None:
            raise
        return str(e)
    try:
        chroma = engine.colorize(trial_luma())
    except EngineError as e:
        engine.close()
        if truth is None:
            raise
        return str(e)
    away = 0.0 if truth is None else float(np.abs(chroma - truth).mean())
    if not away <= _FARTHEST_AB:
        engine.close()
        return f"colors a trial frame otherwise than the CPU does, by {away:.1f} in a*, b*"
    return engine


def _why_not(passed: list[tuple[str, str]]) -> str:
    """``; not tensorrt, torch on cuda: no NVIDIA GPU``, one reason named once."""
    by_reason: dict[str, list[str]] = {}
    for name, reason in passed:
        by_reason.setdefault(reason, []).append(name)
    return "".join(f"; not {', '.join(names)}: {reason}" for reason, names in by_reason.items())
