"""CPU time of a whole run against that of another checkout: ``python -m tests.bench.against OTHER``.

Both color the same folder of one-megapixel JPEGs with `folder`, turn by turn, so a noisy machine moves them together.
Prints the seconds of each round and the median of the rounds' ratios.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

import numpy as np
from PIL import Image

from tests.bench.stills import photograph
from tests.conftest import ROOT


def make_folder(folder: Path, files: int) -> None:
    """So many different photographs: each is moved by some rows and columns."""
    folder.mkdir()
    whole = photograph(1152, 864)
    for number in range(files):
        moved = np.roll(whole, (number * 7, number * 13), (0, 1))
        Image.fromarray(moved).save(folder / f"{number:04d}.jpg", quality=92, dpi=(300, 300))


def cpu_seconds(checkout: Path, source: Path, out: Path) -> float:
    """CPU time of all threads of a run into a new folder."""
    command = [sys.executable, "-m", "archivecolor", "folder", str(source), str(out), "--jobs", "1", "-q"]
    process = subprocess.Popen(command, cwd=checkout, env=os.environ | {"PYTHONPATH": str(checkout)})
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise RuntimeError(f"archivecolor in {checkout} ended with status {status}")
    return usage.ru_utime + usage.ru_stime


def main() -> None:
    """Print one JSON line for each round, and one for all."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.against", description=__doc__)
    parser.add_argument("other", type=Path, help="another checkout")
    parser.add_argument("--files", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    ratios = []
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "scans"
        make_folder(source, options.files)
        for number in range(options.rounds):
            pair = [("other", options.other.resolve()), ("this", ROOT)]
            spent = {
                name: round(cpu_seconds(checkout, source, Path(folder) / f"{name} {number}"), 2)
                for name, checkout in (pair if number % 2 else pair[::-1])
            }
            ratios.append(spent["this"] / spent["other"])
            sys.stdout.write(json.dumps({**spent, "ratio": round(ratios[-1], 3)}) + "\n")
            sys.stdout.flush()
    sys.stdout.write(json.dumps({"files": options.files, "median_ratio": round(median(ratios), 3)}) + "\n")


if __name__ == "__main__":
    main()
