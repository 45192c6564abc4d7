"""Confirms the GPU engines on a machine with an NVIDIA GPU, in one go, and prints a verdict.

``python -m tests.bench.gpu_check`` in a checkout with ``pip install -e '.[tensorrt,rtx]'``, or with either of them.
Builds plans with every TensorRT that is installed, runs every engine on six photographs, colors the samples and a film
with the command line, and checks the figures that the project states: colors, time to load, time to choose, copies.
Takes about five minutes, most of them TensorRT's. Writes ``gpu_check.json``.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import logging
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import chain
from pathlib import Path

import numpy as np

from archivecolor.errors import ArchiveColorError
from archivecolor.inference import build, catalog, select
from archivecolor.inference.device import nvidia_driver
from archivecolor.inference.engine import Engine
from archivecolor.inference.onnx import OnnxEngine
from archivecolor.inference.plans import Backend
from archivecolor.machine import comparison, diagnosis
from archivecolor.settings import DEFAULT_GENERATOR, EngineSettings, Precision
from tests.film.sources import FilmSource, moving

LOAD_S, AUTO_S, RTX_BUILD_S = 1.5, 0.5, 30.0
SPREAD_AB = 0.5
"""Of 12 or so. fp16 moves it by less than 0.1."""
_FILM_FRAMES = 96


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at."""

    what: str
    passed: bool | None
    """None: could not be looked at."""
    found: str


def main() -> int:
    """Run all checks; the exit code is 0 only when every one that could be made passed."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.gpu_check", description=__doc__)
    parser.add_argument("--report", type=Path, default=Path("gpu_check.json"))
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="  %(message)s", stream=sys.stdout)
    driver = nvidia_driver()
    if driver is None or not driver.gpus:
        sys.stdout.write("no NVIDIA GPU here: nothing to check\n")
        return 4
    gpu = driver.gpus[0]
    sys.stdout.write(f"{gpu.name}, {gpu.target}, CUDA up to {driver.cuda}, {platform.platform()}\n\n")
    checks = []
    for check in chain(_plans(), _engines(), _transfers(), _choice(), _stills(), _film(), _encoders()):
        mark = {True: "pass", False: "FAIL", None: "skip"}[check.passed]
        sys.stdout.write(f"{mark}  {check.what}: {check.found}\n")
        sys.stdout.flush()
        checks.append(check)
    failed = sum(c.passed is False for c in checks)
    made = sum(c.passed is not None for c in checks)
    options.report.write_text(json.dumps({"gpu": asdict(gpu), "checks": [asdict(c) for c in checks]}, indent=2))
    verdict = f"{made - failed} of {made} passed, {len(checks) - made} could not be made"
    sys.stdout.write(f"\n{'GOOD' if not failed else 'NOT GOOD'}: {verdict}; written to {options.report}\n")
    return int(failed > 0)


def _plans() -> Iterator[Check]:
    """Build with each TensorRT, and load what was built, twice: the second time from its cache of kernels."""
    from archivecolor.inference.tensorrt import TensorRTEngine

    folder = catalog.find()
    for backend in Backend:
        for precision in (Precision.FP16, Precision.FP32):
            name = f"{backend} {precision}"
            if importlib.util.find_spec(backend.module) is None:
                yield Check(name, None, "not installed")
                continue
            try:
                plan = build.build(build.Request(folder, backend, precision=precision), anew=True)
                limit = RTX_BUILD_S if backend is Backend.RTX else float("inf")
                size = f"{plan.seconds:.1f} s, {plan.size_bytes / 1e6:.1f} MB, {plan.layers} layers"
                yield Check(f"{name}: build", plan.seconds <= limit, size)
                for attempt in ("first", "second"):
                    began = time.perf_counter()
                    with TensorRTEngine(folder, plan, EngineSettings(device="cuda")) as engine:
                        loaded = time.perf_counter() - began
                        apart = comparison.against_reference(engine)
                        spread = _spread_apart(engine)
                    good = loaded <= LOAD_S if attempt == "second" else None
                    yield Check(f"{name}: {attempt} load", good, f"{loaded:.2f} s")
                good = apart.mean <= comparison.LARGEST_MEAN
                yield Check(f"{name}: colors", good, f"CIEDE2000 {apart.mean:.4f}, largest {apart.largest:.2f}")
                yield Check(f"{name}: spread", spread <= SPREAD_AB, f"{spread:.3f} in a*, b* from ONNX Runtime's")
                build.note_difference(plan, apart.mean, apart.largest)
            except ArchiveColorError as e:
                yield Check(name, passed=False, found=str(e))


def _spread_apart(engine: Engine) -> float:
    """Mean difference of the spreads that an engine and ONNX Runtime on the CPU tell; infinite where one tells none."""
    luma = comparison.probe(engine.folder.short_px, engine.folder.multiple)
    with OnnxEngine(catalog.read(engine.folder.path)) as reference:
        theirs, ours = reference.estimate(luma).spread, engine.estimate(luma).spread
    return float(np.abs(theirs - ours).mean()) if theirs is not None and ours is not None else float("inf")


def _engines() -> Iterator[Check]:
    """Speed, memory and colors of every engine, each in a process of its own."""
    for candidate in comparison.engines(EngineSettings()):
        m = comparison.measure(candidate, DEFAULT_GENERATOR)
        if m.failure or m.difference is None:
            missing = m.failure and ("not installed" in m.failure or "not in this" in m.failure)
            yield Check(f"{m.engine}: runs", None if missing else False, m.failure or "no answer")
            continue
        gpu = f", {m.gpu_memory_bytes / 1e6:.0f} MB on the GPU" if m.gpu_memory_bytes else ""
        found = (
            f"{m.pictures_per_s:.0f} pictures/s in batches of {m.batch}, mean CIEDE2000 {m.difference.mean:.4f}{gpu}"
        )
        yield Check(f"{m.engine}: runs", m.difference.mean <= comparison.LARGEST_MEAN, f"{found} ({m.description})")


def _transfers() -> Iterator[Check]:
    """Count copies and waits of the PyTorch engine by the profiler, over 8 batches of 4."""
    try:
        import torch

        from archivecolor.inference.torch import TorchEngine

        if not torch.cuda.is_available():
            yield Check("copies", None, "PyTorch has no CUDA")
            return
        folder = catalog.find()
        luma = np.full((32, 1, 256, 256), 0.5, np.float32)
        with TorchEngine(folder, EngineSettings(device="cuda", batch=4)) as engine:
            spread = _spread_apart(engine)
            yield Check("torch: spread", spread <= SPREAD_AB, f"{spread:.3f} in a*, b* from ONNX Runtime's")
            engine.colorize(luma)
            activities = [torch.profiler.ProfilerActivity.CPU, torch.profiler.ProfilerActivity.CUDA]
            with torch.profiler.profile(activities=activities) as profile:
                engine.colorize(luma)
    except ArchiveColorError as e:
        yield Check("copies", passed=False, found=str(e))
        return
    names = [event.name for event in profile.events()]
    for what, words in (("host-to-device copies", "Memcpy HtoD"), ("device-to-host copies", "Memcpy DtoH")):
        count = sum(words in name for name in names)
        yield Check(f"torch: {what} of 8 batches", count == 8, str(count))
    waits = sum(name in ("cudaStreamSynchronize", "cudaDeviceSynchronize") for name in names)
    yield Check("torch: waits beside those for the batch being read", waits <= 1, f"{waits}, 1 is the profiler's own")


def _choice() -> Iterator[Check]:
    """What ``auto`` takes, and what that adds to naming it."""
    began = time.perf_counter()
    with select.open_engine() as engine:
        auto, chosen = time.perf_counter() - began, engine.description
    kind = next(c.settings for c in select.candidates(EngineSettings()) if not c.reason)
    began = time.perf_counter()
    with select.open_engine(kind) as engine:
        engine.colorize(select.trial_luma())
        named = time.perf_counter() - began
    yield Check("auto", not chosen.endswith(", CPU"), chosen)
    yield Check("auto adds", auto - named <= AUTO_S, f"{auto - named:.2f} s")


def _stills() -> Iterator[Check]:
    """The command line, on the sample photographs."""
    stills = Path(__file__).resolve().parents[2] / "samples" / "stills"
    with tempfile.TemporaryDirectory() as out:
        done = _run("folder", str(stills), out)
        made = sum(p.is_file() for p in Path(out).rglob("*"))
    yield Check(
        "archivecolor folder", done.returncode == 0, f"{made} pictures, exit code {done.returncode}{_why(done)}"
    )


def _film() -> Iterator[Check]:
    """The command line, on a film of a moving square."""
    with tempfile.TemporaryDirectory() as folder:
        film = FilmSource(moving(_FILM_FRAMES, 480, 640), encoder="libx264").write(Path(folder) / "film.mp4")
        began = time.perf_counter()
        done = _run("video", str(film), str(Path(folder) / "color.mp4"), "--encoder", "auto")
        rate = _FILM_FRAMES / (time.perf_counter() - began)
    found = f"{rate:.0f} frames/s, exit code {done.returncode}{_why(done)}"
    yield Check("archivecolor video", done.returncode == 0, found)


def _encoders() -> Iterator[Check]:
    """The film encoders of this GPU: not every GPU has them."""
    for encoder in diagnosis.encoders():
        if encoder.name.endswith("_nvenc"):
            yield Check(encoder.name, True if encoder.works else None, encoder.detail or "works")


def _why(done: subprocess.CompletedProcess[str]) -> str:
    """The last line that a command which failed has told."""
    told = done.stderr.strip().splitlines()
    return f": {told[-1]}" if done.returncode and told else ""


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "archivecolor", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False)


if __name__ == "__main__":
    sys.exit(main())
