"""Engines on the same real pictures: how far apart their colors are, how fast each is, what memory it takes.

Differences are CIEDE2000 at the chroma's own size, before anything is merged, so they bound what a picture can show.
The pictures are ``probe.jpg``, six photographs in the public domain (``samples/make_probe.py`` says which).
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from typing import Final

import cv2
import numpy as np

from archivecolor import metrics
from archivecolor.chroma.network_input import network_y, shrink
from archivecolor.color import FloatArray, gray_to_lightness
from archivecolor.errors import ArchiveColorError, DependencyError, EngineError
from archivecolor.frames import Orientation
from archivecolor.inference import build, plans, select
from archivecolor.inference.catalog import EngineFolder
from archivecolor.inference.device import nvidia_gpu
from archivecolor.inference.engine import Engine
from archivecolor.inference.plans import Plan
from archivecolor.inference.select import Candidate, EngineKind
from archivecolor.inference.tensorrt import TensorRTEngine
from archivecolor.settings import EngineSettings, Precision

LARGEST_MEAN: Final = 0.5
"""Mean CIEDE2000 above which a plan is refused. fp16 makes 0.04; the eye sees differences from about 1 on."""

_PROBE: Final = Path(__file__).with_name("probe.jpg")


@dataclass(frozen=True, slots=True)
class Difference:
    """CIEDE2000 between two engines' colors."""

    mean: float
    largest: float
    """Of any pixel."""


@dataclass(frozen=True, slots=True)
class Measurement:
    """One engine on this machine."""

    engine: str
    """What was asked for: 'onnx on cpu'."""
    description: str = ""
    """What ran."""
    load_s: float = 0.0
    """Opening it and coloring the first picture."""
    pictures_per_s: float = 0.0
    batch: int = 0
    memory_bytes: int | None = None
    """Peak resident size of a process that does nothing else; None where the system does not report it."""
    gpu_memory_bytes: int | None = None
    """In use on the GPU, by everything."""
    difference: Difference | None = None
    """To ONNX Runtime on the CPU in fp32."""
    failure: str | None = None


def probe(short_px: int, multiple: int) -> FloatArray:
    """The inputs ``[6, 1, h, w]`` of the pictures, as a generator with this input sees them."""
    strip = cv2.imread(str(_PROBE), cv2.IMREAD_GRAYSCALE)
    if strip is None:
        raise EngineError(f"{_PROBE}: cannot be read", hint="reinstall archivecolor")
    side = strip.shape[1]
    tiles = [np.asarray(strip[i : i + side], np.uint8) for i in range(0, strip.shape[0], side)]
    return np.stack([network_y(tile, Orientation.UPRIGHT, short_px, multiple) for tile in tiles])[:, None]


def difference(luma: FloatArray, chroma: FloatArray, reference: FloatArray) -> Difference:
    """Compare two chromas ``[n, 2, h, w]`` of the same luma ``[n, 1, H, W]`` in 0..1."""
    distances = []
    for y, ab1, ab2 in zip(luma[:, 0], chroma, reference, strict=True):
        small = shrink(np.asarray(np.rint(y * 255), np.uint8), (ab1.shape[1], ab1.shape[2]))
        lightness = gray_to_lightness(small)[..., None]
        labs = (np.concatenate((lightness, ab.transpose(1, 2, 0)), axis=-1) for ab in (ab1, ab2))
        distances.append(metrics.ciede2000(*labs))
    return Difference(float(np.mean(distances)), float(np.max(distances)))


def against_reference(engine: Engine) -> Difference:
    """How far ``engine`` is from ONNX Runtime on the CPU with the same generator."""
    luma = probe(engine.folder.short_px, engine.folder.multiple)
    return difference(luma, engine.colorize(luma), _reference(engine.folder.path, luma))


def engines(settings: EngineSettings) -> Iterator[Candidate]:
    """The engines to compare, the reference first: all that may work here, and PyTorch on the CPU."""
    reference = replace(settings, kind=EngineKind.ONNX, device="cpu", precision=Precision.FP32)
    yield Candidate(reference)
    for candidate in select.candidates(settings):
        if candidate.settings.device != "cpu":
            yield candidate
    yield select.torch_on_cpu(settings)


def measure(candidate: Candidate, generator: str, seconds: float = 3.0) -> Measurement:
    """Measure an engine in a process of its own, so that its memory is its own and its crash is not ours."""
    if candidate.reason:
        return Measurement(candidate.name, failure=candidate.reason)
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        try:
            return pool.submit(_measure, candidate, generator, seconds).result()
        except ArchiveColorError as e:
            return Measurement(candidate.name, failure=str(e))
        except BrokenProcessPool:
            return Measurement(candidate.name, failure="its process crashed")


def _measure(candidate: Candidate, generator: str, seconds: float) -> Measurement:
    began = time.perf_counter()
    with select.open_engine(candidate.settings, generator) as engine:
        luma = probe(engine.folder.short_px, engine.folder.multiple)
        engine.colorize(luma[:1])
        loaded = time.perf_counter() - began
        batch = engine.batch
        given = luma[np.arange(max(batch, 1)) % len(luma)]
        engine.colorize(given)
        done, began = 0, time.perf_counter()
        while (passed := time.perf_counter() - began) < seconds:
            engine.colorize(given)
            done += len(given)
        chroma = engine.colorize(luma)
        memory, on_gpu = _peak_bytes(), _gpu_bytes()
        return Measurement(
            candidate.name,
            engine.description,
            load_s=round(loaded, 3),
            pictures_per_s=round(done / passed, 2),
            batch=batch,
            memory_bytes=memory,
            gpu_memory_bytes=on_gpu,
            difference=difference(luma, chroma, _reference(engine.folder.path, luma)),
        )


def _reference(folder: Path, luma: FloatArray) -> FloatArray:
    settings = EngineSettings(kind=EngineKind.ONNX, device="cpu", precision=Precision.FP32)
    with select.open_engine(settings, str(folder)) as reference:
        return reference.colorize(luma)


def _peak_bytes() -> int | None:
    try:
        import resource
    except ImportError:  # Windows
        return None
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def _gpu_bytes() -> int | None:
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_available():
        return None
    free, total = torch.cuda.mem_get_info()
    return int(total - free)


def check_plan(folder: EngineFolder, plan: Plan) -> str:
    """Compare the plan with ONNX Runtime where it runs here; raises `EngineError`, and deletes it, when it differs."""
    try:
        with TensorRTEngine(folder, plan, EngineSettings(device="cuda")) as engine:
            apart = against_reference(engine)
    except DependencyError as e:
        return f"; not compared with ONNX Runtime: {e.message}"
    except EngineError as e:
        foreign = plan.why_foreign(nvidia_gpu())
        if foreign:
            return f"; not compared with ONNX Runtime: it {foreign}"
        plans.remove(plan)
        raise EngineError(f"the plan was built but does not run, and was deleted: {e.message}", hint=e.hint) from e
    if not apart.mean <= LARGEST_MEAN:
        plans.remove(plan)
        raise EngineError(
            f"the plan was deleted: its colors differ from ONNX Runtime's by CIEDE2000 {apart.mean:.2f} on average",
            hint=f"at most {LARGEST_MEAN} is allowed; --precision fp32 may meet it",
        )
    build.note_difference(plan, apart.mean, apart.largest)
    return f"; colors differ from ONNX Runtime's by CIEDE2000 {apart.mean:.3f}, at most {apart.largest:.2f}"
