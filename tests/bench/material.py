"""What is colored in benchmarks, made of `samples/` on the spot: pans over a photograph, scans of any size."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import tifffile
from PIL import Image

from archivecolor.color import UIntArray
from archivecolor.film.form import make_frame
from tests.conftest import ROOT

RATE = 24
_SHOT_FRAMES, _PAN_PX = 80, 3
_CLEAN, _GRAINY = 0.5, 3.0
"""Standard deviations of the grain, of 255: no scan of a film has none."""


def photograph(width: int, height: int) -> UIntArray:
    """A sample photograph, scaled up and grained: real detail costs a codec more than a blank."""
    source = np.asarray(Image.open(ROOT / "samples" / "stills" / "ruin_worn.jpg").convert("L"))
    large = np.asarray(cv2.resize(source, (width, height), interpolation=cv2.INTER_CUBIC), dtype=np.int16)
    grain = np.random.default_rng(1).normal(0, 3, (height, width)).astype(np.int16)
    return np.asarray(np.clip(large + grain, 0, 255), dtype=np.uint8)


def make_clip(path: Path, count: int, width: int, height: int, *, grainy: bool = False) -> Path:
    """Write ``count`` frames of pans, with cuts; gives ``path``."""
    rng = np.random.default_rng(1)
    wide = photograph(width + _PAN_PX * _SHOT_FRAMES, height + 64)
    grain = rng.normal(0, _GRAINY if grainy else _CLEAN, (height + 64, width + 64)).astype(np.int16)
    neutral = np.full((height // 2, width // 2), 128, np.uint8)
    with av.open(path, "w") as film:
        stream = film.add_stream("libx264", rate=RATE, options={"crf": "20", "preset": "veryfast"})
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        for i in range(count):
            shot, step = divmod(i, _SHOT_FRAMES)
            view = wide[:: -1 if shot % 2 else 1][:height, _PAN_PX * step : _PAN_PX * step + width]
            top, left = rng.integers(0, 64, 2)
            luma = view * (219 / 255) + 16 + grain[top : top + height, left : left + width]
            frame = make_frame("yuv420p", (np.clip(luma, 16, 235).astype(np.uint8), neutral, neutral))
            frame.pts, frame.time_base = i, Fraction(1, RATE)
            film.mux(stream.encode(frame))
        film.mux(stream.encode())
    return path


def make_jpegs(folder: Path, count: int, width: int = 1152, height: int = 864) -> Path:
    """So many different photographs, one megapixel each by default; gives ``folder``."""
    folder.mkdir()
    whole = photograph(width, height)
    for number in range(count):
        moved = np.roll(whole, (number * 7, number * 13), (0, 1))
        Image.fromarray(moved).save(folder / f"{number:04d}.jpg", quality=92, dpi=(300, 300))
    return folder


def make_tiff(path: Path, megapixels: float) -> Path:
    """Write an uncompressed 16-bit gray TIFF, a strip at a time, as large as the disk has room for."""
    side = int((megapixels * 1e6) ** 0.5)
    strip = photograph(side, 64).astype(np.uint16) * 257
    scan = tifffile.memmap(path, shape=(side, side), dtype=np.uint16, photometric="minisblack")
    for first in range(0, side, 64):
        scan[first : first + 64] = strip[: side - first]
    scan.flush()
    return path
