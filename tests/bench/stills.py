"""Photographs: a whole one against decoding, the network and encoding alone; the memory and the start of `folder`."""

from __future__ import annotations

import io
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import tifffile
from PIL import Image

from archivecolor.chroma.still import Colorizer
from archivecolor.resources import limit_arenas
from archivecolor.settings import OutputSettings
from tests.bench.material import make_jpegs, make_tiff
from tests.bench.measuring import Spread, archivecolor, as_installed
from tests.conftest import ROOT

_WARM_UP = 2
_FIRST_OF = 10


@dataclass(frozen=True, slots=True)
class StillCase:
    """A photograph to be colored."""

    name: str
    width: int
    height: int
    with_network: bool = True
    """Whether the network counts as a part of the floor."""
    is_tiff: bool = False


CASES = (
    StillCase("JPEG 1 MP", 1152, 864),
    StillCase("JPEG 24 MP", 6000, 4000, with_network=False),
    StillCase("TIFF 16 bit, 16 MP", 4000, 4000, is_tiff=True),
    StillCase("TIFF 16 bit, 100 MP", 10_000, 10_000, is_tiff=True),
)
QUICK = (StillCase("JPEG 0.1 MP, quick", 400, 300),)


def run(case: StillCase, folder: Path, rounds: int) -> Iterator[dict[str, Any]]:
    """Give the case's figures, then those of a folder of such pictures."""
    scans = folder / "scans"
    if case.is_tiff:
        scans.mkdir()
        path = make_tiff(scans / "scan.tif", case.width * case.height / 1e6)
    else:
        path = next(make_jpegs(scans, 1, case.width, case.height).iterdir())
    yield {"case": case.name, **_parts(path, case, rounds)}
    used = [archivecolor("folder", scans, folder / f"out{i}", "--jobs", "1") for i in range(min(rounds, 3))]
    yield {"case": case.name, "peak_mb": Spread.of(u.peak_mb for u in used)}


def _parts(path: Path, case: StillCase, rounds: int) -> dict[str, Any]:
    """CPU milliseconds of each part in this process, in turns, on one thread."""
    cv2.setNumThreads(1)
    limit_arenas()
    with Colorizer.load() as colorizer:
        loaded = colorizer.load_still(path)
        colored = colorizer.merge(loaded.still.luma, colorizer.predict([loaded.network_y])[0])

        def encode() -> None:
            if case.is_tiff:
                tifffile.imwrite(io.BytesIO(), colored, photometric="rgb")
            else:
                tables = [list(loaded.still.coding.jpeg_luma_table or ()), [4] * 64]
                Image.fromarray(colored).save(io.BytesIO(), "JPEG", qtables=tables, subsampling=0)

        def whole() -> None:
            fresh = colorizer.load_still(path)
            colorizer.write_still(io.BytesIO(), fresh, colorizer.estimate([fresh.network_y])[0], OutputSettings())

        parts: dict[str, Callable[[], object]] = {
            "decode": lambda: tifffile.imread(path) if case.is_tiff else Image.open(path).load(),
            "network": lambda: colorizer.predict([loaded.network_y]),
            "encode": encode,
            "whole": whole,
        }
        cpu: dict[str, list[float]] = {name: [] for name in parts}
        clock: list[float] = []
        for _ in range(rounds + _WARM_UP):
            for name, work in parts.items():
                spent, began = time.process_time(), time.perf_counter()
                work()
                cpu[name].append(1000 * (time.process_time() - spent))
            clock.append(time.perf_counter() - began)
    floor = [name for name in parts if name != "whole" and (name != "network" or case.with_network)]
    spreads = {name: Spread.of(times[_WARM_UP:]) for name, times in cpu.items()}
    ratios = np.array(cpu["whole"]) / np.sum([cpu[name] for name in floor], axis=0)
    return {
        "ratio": Spread.of(ratios[_WARM_UP:].tolist()),
        "floor_is": " + ".join(floor),
        **{f"{name}_cpu_ms": spread for name, spread in spreads.items()},
        "pictures_per_s": Spread.of(1 / s for s in clock[_WARM_UP:]),
    }


def folder_of_many(folder: Path, rounds: int, count: int) -> Iterator[dict[str, Any]]:
    """When `folder` has its first picture, how busy it keeps the cores, and its memory."""
    scans, few = make_jpegs(folder / "scans", count), make_jpegs(folder / "few", _FIRST_OF)
    first, used = [], []
    for number in range(rounds):
        first.append(_first_result_s(few, folder / f"few{number}"))
        used.append(archivecolor("folder", scans, folder / f"out{number}"))
    yield {
        "case": f"folder of {count} JPEGs 1 MP",
        "first_of_ten_s": Spread.of(first),
        "cpu_ms_a_picture": Spread.of(1000 * u.cpu_s / count for u in used),
        "pictures_per_s": Spread.of(count / u.clock_s for u in used),
        "busy": Spread.of(u.busy for u in used),
        "peak_mb": Spread.of(u.peak_mb for u in used),
    }


def _first_result_s(source: Path, out: Path) -> float:
    began = time.monotonic()
    words = [sys.executable, "-m", "archivecolor", "folder", str(source), str(out), "-q"]
    process = subprocess.Popen(words, cwd=ROOT, env=as_installed())
    while process.poll() is None and not any(out.glob("*.jpg")):
        time.sleep(0.005)
    took = time.monotonic() - began
    if process.wait():
        raise RuntimeError(f"archivecolor ended with status {process.returncode}")
    return took
