"""Scanned frames, 10-bit DPX: the whole tool against OpenImageIO reading and writing them, and nothing else."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from archivecolor.sequences import dpx
from tests.bench.material import RATE, photograph
from tests.bench.measuring import Spread, archivecolor, in_turns, measured, ratio

_BITS = 10
_SHOT_FRAMES, _PAN_PX = 80, 3
_GRAIN = 8.0
"""Its standard deviation, of 1023."""


@dataclass(frozen=True, slots=True)
class ScansCase:
    """Frames to be colored."""

    name: str
    width: int
    height: int
    frames: int
    equal: bool = True
    """Whether red, green and blue are equal, as of a scan that was made gray; else they differ by noise and a tone."""


CASES = (
    ScansCase("scans 2K DPX, 100 frames", 2048, 1556, 100),
    ScansCase("scans 2K DPX toned, 100 frames", 2048, 1556, 100, equal=False),
)
QUICK = (ScansCase("scans DPX, quick", 256, 194, 6),)


def make_scans(folder: Path, case: ScansCase) -> Path:
    """Write pans over a grained photograph; gives ``folder``."""
    folder.mkdir()
    rng = np.random.default_rng(1)
    height, width = case.height, case.width
    wide = photograph(width + _PAN_PX * _SHOT_FRAMES, height + 64).astype(np.int16) << 2
    grain = rng.normal(0, _GRAIN, (height + 64, width + 64)).astype(np.int16)
    header = dpx.new_header(width, height, bits=_BITS, rate=Fraction(RATE), timecode=None)
    for i in range(case.frames):
        shot, step = divmod(i, _SHOT_FRAMES)
        view = wide[:: -1 if shot % 2 else 1][:height, _PAN_PX * step : _PAN_PX * step + width]
        top, left = rng.integers(0, 64, 2)
        luma = np.repeat((view + grain[top : top + height, left : left + width])[..., None], 3, axis=2)
        if not case.equal:
            luma += rng.integers(-2, 3, luma.shape, dtype=np.int16) + np.array((6, 0, -9), np.int16)
        codes = np.clip(luma, 0, (1 << _BITS) - 1).astype(np.uint16)
        (folder / f"scan.{i:06d}.dpx").write_bytes(b"".join(map(bytes, dpx.encode([codes], header))))
    return folder


def run(case: ScansCase, folder: Path, rounds: int) -> Iterator[dict[str, Any]]:
    """Give the case's figures."""
    scans = make_scans(folder / "scans", case)
    child = (sys.executable, "-m", "tests.bench.child", "scans", scans, folder / "plain")
    used = in_turns(
        {
            "floor": lambda: measured(child),
            "whole": lambda: archivecolor("video", scans, f"{folder / 'color'}/", "--overwrite"),
        },
        rounds,
    )
    floor, whole = used["floor"], used["whole"]
    yield {
        "case": case.name,
        "ratio": ratio(whole, floor),
        "floor_cpu_s": Spread.of(u.cpu_s for u in floor),
        "whole_cpu_s": Spread.of(u.cpu_s for u in whole),
        "frames_per_s": Spread.of(case.frames / u.clock_s for u in whole),
        "floor_peak_mb": Spread.of(u.peak_mb for u in floor),
        "peak_mb": Spread.of(u.peak_mb for u in whole),
    }
