"""Building plans: one builder for TensorRT and TensorRT-RTX.

TensorRT builds for the GPU it runs on, and needs it. TensorRT-RTX builds ahead of time for any RTX GPU, or for all in
one plan, on machines that have none. Precision lies in the graph (`graph.plan_graph`), the networks are strongly typed.
"""

from __future__ import annotations

import contextlib
import importlib.util
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from types import ModuleType
from typing import Any, cast

from archivecolor.color import HINT_PLANES
from archivecolor.errors import DependencyError, EngineError, UsageError
from archivecolor.frames import LONGEST_NETWORK_SIDE
from archivecolor.inference import plans, trt
from archivecolor.inference.catalog import GRAPH, WEIGHTS, EngineFolder
from archivecolor.inference.device import nvidia_driver, nvidia_gpu
from archivecolor.inference.graph import plan_graph
from archivecolor.inference.plans import Backend, Plan, Profile
from archivecolor.inference.targets import RTX_TARGETS, rtx_target_of
from archivecolor.settings import LARGEST_BATCH, Precision

DEFAULT_BATCH = (1, 8, 16)
AUTO = "auto"

Progress = Callable[[str, float], None]
"""Told what TensorRT is at, and how much of it is done, 0 to 1. May raise `KeyboardInterrupt` to end the build."""


@dataclass(frozen=True, slots=True)
class Request:
    """What is to be built."""

    folder: EngineFolder
    backend: Backend = Backend.RTX
    gpus: tuple[str, ...] = (AUTO,)
    """Names or compute capabilities; ``auto`` is the GPU that is here."""
    precision: Precision = Precision.FP16
    batch: tuple[int, int, int] = DEFAULT_BATCH
    """Fewest, usual, most pictures. The fewest is 1, for a last batch can be a single picture."""
    short_px: int | None = None
    """Short side of the pictures that it is to be best at; None: the generator's own."""

    def __post_init__(self) -> None:
        least, usual, most = self.batch
        if not 1 == least <= usual <= most <= LARGEST_BATCH:
            raise UsageError(
                f"the batch is {least},{usual},{most}",
                hint=f"give 1, the usual number of pictures and the most, up to {LARGEST_BATCH}: 1,8,16",
            )

    @property
    def profile(self) -> Profile:
        """Every shape that pictures can have at this short side, best at 3 : 2."""
        multiple = self.folder.multiple
        short = max(multiple, round((self.short_px or self.folder.short_px) / multiple) * multiple)
        long = round(short * 3 / 2 / multiple) * multiple
        return Profile(self.batch, (short, long), multiple, short * LONGEST_NETWORK_SIDE)


def choose_backend(name: str | None, gpus: Sequence[str]) -> Backend:
    """The backend of that name; without one, TensorRT for the GPU that is here where it is installed, or TensorRT-RTX.

    Raises `UsageError` when there is none of that name.
    """
    if name is not None:
        try:
            return Backend(name)
        except ValueError as e:
            raise UsageError(f"there is no backend '{name}'", hint=f"one of {', '.join(Backend)}") from e
    driver = nvidia_driver()
    here = tuple(gpus) == (AUTO,) and driver is not None and bool(driver.gpus)
    return Backend.TENSORRT if here and importlib.util.find_spec("tensorrt") else Backend.RTX


def parse_batch(text: str) -> tuple[int, int, int]:
    """``1,8,16``, or ``8`` for 1,8,8; raises `UsageError`."""
    try:
        numbers = [int(part) for part in text.split(",")]
    except ValueError:
        numbers = []
    if len(numbers) == 1:
        return (1, numbers[0], numbers[0])
    if len(numbers) != 3:
        raise UsageError(f"the batch is '{text}'", hint="give fewest, usual and most pictures: 1,8,16")
    return (numbers[0], numbers[1], numbers[2])


def build(request: Request, into: Path | None = None, progress: Progress | None = None, *, anew: bool = False) -> Plan:
    """Build a plan into a folder (None: the user's cache). One that is there already is returned, unless ``anew``.

    Raises `DependencyError` without the backend or, for TensorRT and for ``auto``, without a GPU; `UsageError` for a
    GPU that the backend does not build for; `EngineError` when the graph is refused or the build fails, with
    TensorRT's own reason; `OutputError` when the plan cannot be stored.
    """
    targets, gpu = _targets(request)
    module = trt.load(request.backend)
    precision = request.precision.on(gpu=True)
    began = time.monotonic()
    wanted = Plan(
        generator=request.folder.name,
        backend=request.backend,
        version=trt.version(module),
        targets=targets,
        gpu=gpu,
        precision=precision,
        profile=request.profile,
        weights_sha256=request.folder.digests[WEIGHTS],
        graph_sha256=request.folder.digests[GRAPH],
        archivecolor=metadata.version("archivecolor"),
        built=datetime.now(UTC).isoformat(timespec="seconds"),
    )
    into = into or plans.directory()
    if not anew:
        with contextlib.suppress(EngineError):  # it is missing, or damaged
            there = plans.load(into / wanted.file_name)
            there.read()
            return there
    data, layers = _build(module, request, targets, plan_graph(request.folder, precision), progress)
    return plans.save(replace(wanted, seconds=round(time.monotonic() - began, 2), layers=layers), data, into)


def note_difference(plan: Plan, mean: float, largest: float) -> Plan:
    """Record what comparing the plan with ONNX Runtime gave."""
    return plans.save(replace(plan, ciede2000=(round(mean, 4), round(largest, 4))), plan.read(), plan.path.parent)


def _targets(request: Request) -> tuple[tuple[str, ...], str | None]:
    """Compute capabilities, in order, and the model of GPU that the plan is bound to."""
    if request.backend is Backend.TENSORRT:
        if request.gpus != (AUTO,):
            raise UsageError(
                "TensorRT builds for the GPU that it runs on, and for no other",
                hint="leave --gpu out on the machine with that GPU, or take --backend tensorrt-rtx",
            )
        here = nvidia_gpu()
        return (here.target,), here.name
    names = [_here() if name == AUTO else rtx_target_of(name) for name in request.gpus]
    return tuple(sorted(set(names), key=RTX_TARGETS.index)), None


def _here() -> str:
    try:
        return rtx_target_of(nvidia_gpu().target)
    except DependencyError as e:
        raise DependencyError(
            "there is no NVIDIA GPU here to build for", hint="name one: --gpu rtx-4090, --gpu sm_89, or --all-gpus"
        ) from e


def _build(
    module: ModuleType, request: Request, targets: Sequence[str], model: bytes, progress: Progress | None
) -> tuple[bytes, int]:
    """The plan's bytes and the number of layers that were parsed."""
    said: list[str] = []
    log = trt.logger(module, said)
    builder = cast(trt.Builder, module.Builder(log))
    network = builder.create_network(1 << int(module.NetworkDefinitionCreationFlag.STRONGLY_TYPED))
    parser = cast(trt.Parser, module.OnnxParser(network, log))
    if not parser.parse(model):
        errors = [parser.get_error(i) for i in range(parser.num_errors)]
        reason = f"{errors[0].node_name()}: {errors[0].desc()}" if errors else _last(said)
        raise EngineError(f"{request.folder.graph}: {request.backend.label} refuses the graph: {reason}")
    folder = request.folder
    folder.check_inputs(network.get_input(i).name for i in range(network.num_inputs))
    config = builder.create_builder_config()
    profile = builder.create_optimization_profile()
    shapes = request.profile.shapes()
    for name in folder.inputs:
        planes, stride = (1, 1) if name == "luma" else (HINT_PLANES, folder.chroma_stride)
        profile.set_shape(name, *((n, planes, height // stride, width // stride) for n, _, height, width in shapes))
    if config.add_optimization_profile(profile) < 0:
        raise EngineError(f"{request.backend.label} refuses the shapes {shapes}: {_last(said)}")
    if request.backend is Backend.RTX:
        config.num_compute_capabilities = len(targets)
        for i, target in enumerate(targets):
            capability = getattr(module.ComputeCapability, target.replace("sm_", "SM"), None)
            if capability is None or not config.set_compute_capability(capability, i):
                raise EngineError(f"this TensorRT-RTX, {trt.version(module)}, does not build for {target}")
    monitor = _monitor(module, progress) if progress else None
    if monitor:
        config.progress_monitor = monitor
    plan = builder.build_serialized_network(network, config)
    if monitor and monitor.stopped:
        raise monitor.stopped
    if plan is None:
        raise EngineError(f"{request.backend.label} could not build the plan: {_last(said)}")
    return bytes(plan), network.num_layers


def _last(said: list[str]) -> str:
    return said[-1].strip().partition("\n")[0] if said else "it gives no reason"


def _monitor(module: ModuleType, progress: Progress) -> Any:
    """TensorRT's own progress, of its outermost phase. Called from its threads."""
    base: Any = module.IProgressMonitor

    class Monitor(base):  # type: ignore[misc]
        def __init__(self) -> None:
            base.__init__(self)
            self.steps: dict[str, int] = {}
            self.stopped: BaseException | None = None

        def phase_start(self, phase_name: str, parent_phase: str | None, num_steps: int) -> None:
            if not parent_phase:
                self.steps[phase_name] = num_steps
                self._tell(phase_name, 0.0)

        def step_complete(self, phase_name: str, step: int) -> bool:
            if phase_name in self.steps:
                self._tell(phase_name, (step + 1) / max(1, self.steps[phase_name]))
            return self.stopped is None

        def phase_finish(self, phase_name: str) -> None:
            if self.steps.pop(phase_name, None):
                self._tell(phase_name, 1.0)

        def _tell(self, phase: str, share: float) -> None:
            try:
                progress(phase, min(1.0, share))
            except BaseException as e:  # noqa: BLE001  # an exception must not cross TensorRT's C++: raised after the build
                self.stopped = e

    return Monitor()
