"""What the engines of this machine cost: CPU time of a picture, time to load, what ``auto`` adds, precision's price.

``python -m tests.bench.engines``. Every engine colors the same photographs in turn, so a noisy machine moves all of
them together. Prints one JSON line for each measurement.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from statistics import median

from archivecolor.color import FloatArray
from archivecolor.errors import ArchiveColorError
from archivecolor.inference import catalog, select
from archivecolor.inference.engine import Engine
from archivecolor.machine import comparison
from archivecolor.settings import EngineSettings, Precision

_VARIANTS = {
    "onnx fp32": EngineSettings("onnx", "cpu"),
    "onnx fp16": EngineSettings("onnx", "cpu", Precision.FP16),
    "torch fp32": EngineSettings("torch", "cpu"),
}


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """CPU seconds of all threads, and seconds on the clock."""
    cpu, clock = time.process_time(), time.perf_counter()
    work()
    return time.process_time() - cpu, time.perf_counter() - clock


def speed(rounds: int) -> dict[str, dict[str, float | str]]:
    """Median CPU milliseconds a picture, and the colors' distance from the first variant's."""
    folder = catalog.find()
    luma = comparison.probe(folder.short_px, folder.multiple)
    engines: dict[str, Engine] = {}
    result: dict[str, dict[str, float | str]] = {}
    for name, settings in _VARIANTS.items():
        try:
            engines[name] = select.open_engine(settings)
        except ArchiveColorError as e:
            result[name] = {"failure": str(e)}
    times: dict[str, list[float]] = {name: [] for name in engines}
    made: dict[str, FloatArray] = {name: engine.colorize(luma) for name, engine in engines.items()}
    for i in range(rounds):
        for name, engine in engines.items():
            times[name].append(1000 * timed(lambda e=engine, i=i: e.colorize(luma[i % 6 : i % 6 + 1]))[0])  # type: ignore[misc]
    for name, engine in engines.items():
        apart = comparison.difference(luma, made[name], made["onnx fp32"])
        figures = {"ciede2000_mean": round(apart.mean, 4), "ciede2000_largest": round(apart.largest, 3)}
        result[name] = {"cpu_ms": round(median(times[name]), 1), **figures}
        engine.close()
    return result


def start() -> dict[str, float]:
    """Seconds to open the engine by name, and what ``auto`` takes longer."""
    named = [timed(lambda: select.open_engine("onnx").close())[1] for _ in range(5)]
    auto = [timed(lambda: select.open_engine("auto").close())[1] for _ in range(5)]
    return {"named_s": round(median(named), 3), "auto_adds_s": round(median(auto) - median(named), 3)}


def main() -> None:
    """Print one JSON line for each measurement."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.engines", description=__doc__)
    parser.add_argument("--rounds", type=int, default=18)
    options = parser.parse_args()
    sys.stdout.write(json.dumps(start()) + "\n")
    for name, figures in speed(options.rounds).items():
        sys.stdout.write(json.dumps({"engine": name, **figures}) + "\n")


if __name__ == "__main__":
    main()
