"""CPU time of coloring one-megapixel JPEGs against its floor, and the memory a 100-megapixel 16-bit scan takes.

``python -m tests.bench.stills``. The floor is what cannot be avoided: decoding the JPEG, the network alone, encoding a
color JPEG. All three run in the same process in turn, so a noisy machine moves them together.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import cv2
import numpy as np
from PIL import Image

from archivecolor.chroma.still import Colorizer
from archivecolor.color import UIntArray
from archivecolor.settings import OutputSettings

ROOT = Path(__file__).resolve().parents[2]


def cpu_seconds(work: Callable[[], object]) -> float:
    """CPU time of all threads of this process."""
    began = time.process_time()
    work()
    return time.process_time() - began


def photograph(width: int, height: int) -> UIntArray:
    """A sample photograph, scaled up and grained: real detail costs a codec more than a blank."""
    source = np.asarray(Image.open(ROOT / "samples" / "stills" / "ruin_worn.jpg").convert("L"))
    large = np.asarray(cv2.resize(source, (width, height), interpolation=cv2.INTER_CUBIC), dtype=np.int16)
    grain = np.random.default_rng(1).normal(0, 3, (height, width)).astype(np.int16)
    return np.asarray(np.clip(large + grain, 0, 255), dtype=np.uint8)


def speed(rounds: int) -> dict[str, float]:
    """Median CPU milliseconds of each part, and the ratio of the whole to its floor."""
    with tempfile.TemporaryDirectory() as folder, Colorizer.load() as colorizer:
        path = Path(folder) / "scan.jpg"
        Image.fromarray(photograph(1152, 864)).save(path, quality=92)
        loaded = colorizer.load_still(path)
        chroma = colorizer.predict([loaded.network_y])[0]
        colored = colorizer.merge(loaded.still.luma, chroma)
        tables = [list(loaded.still.coding.jpeg_luma_table or ()), [4] * 64]
        parts: dict[str, Callable[[], object]] = {
            "decode": lambda: Image.open(path).load(),
            "network": lambda: colorizer.predict([loaded.network_y]),
            "encode": lambda: Image.fromarray(colored).save(io.BytesIO(), "JPEG", qtables=tables, subsampling=0),
            "whole": lambda: colorizer.write_still(
                io.BytesIO(),
                (fresh := colorizer.load_still(path)),
                colorizer.estimate([fresh.network_y])[0],
                OutputSettings(),
            ),
        }
        times: dict[str, list[float]] = {name: [] for name in parts}
        for _ in range(rounds + 2):
            for name, work in parts.items():
                times[name].append(1000 * cpu_seconds(work))
    result = {f"{name}_cpu_ms": round(median(values[2:]), 1) for name, values in times.items()}
    floor = sum(result[f"{name}_cpu_ms"] for name in ("decode", "network", "encode"))
    return {**result, "ratio": round(result["whole_cpu_ms"] / floor, 3)}


def memory(megapixels: int) -> dict[str, float]:
    """Peak resident size of a process that colors a 16-bit TIFF of that size."""
    with tempfile.TemporaryDirectory() as folder:
        scans, out = Path(folder) / "scans", Path(folder) / "out"
        scans.mkdir()
        make_scan(scans / "scan.tif", megapixels)
        began = time.monotonic()
        command = [sys.executable, "-m", "archivecolor", "folder", str(scans), str(out), "-q"]
        process = subprocess.Popen(command)
        _, status, usage = os.wait4(process.pid, 0)
        if status:
            raise RuntimeError(f"archivecolor ended with status {status}")
        return {
            "megapixels": megapixels,
            "peak_mb": round(usage.ru_maxrss / 1024),
            "seconds": round(time.monotonic() - began, 1),
            "floor_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        }


def make_scan(path: Path, megapixels: int) -> None:
    """Write an uncompressed 16-bit gray TIFF, a strip at a time."""
    import tifffile

    side = int((megapixels * 1e6) ** 0.5)
    strip = photograph(side, 64).astype(np.uint16) * 257
    scan = tifffile.memmap(path, shape=(side, side), dtype=np.uint16, photometric="minisblack")
    for first in range(0, side, 64):
        scan[first : first + 64] = strip[: side - first]
    scan.flush()


def main() -> None:
    """Print one JSON line for each measurement."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.stills", description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--megapixels", type=int, default=100)
    options = parser.parse_args()
    cv2.setNumThreads(1)
    sys.stdout.write(json.dumps(speed(options.rounds)) + "\n")
    sys.stdout.write(json.dumps(memory(options.megapixels)) + "\n")


if __name__ == "__main__":
    main()
