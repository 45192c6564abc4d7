"""What the network sees of a picture: small, upright, and with its contrast leveled.

Only this copy is touched, never the picture. Leveling is worth its place: on photographs whose luma was pressed into
0.25..0.7, as in a faded print, the color difference is 14.0 % below gray with it and 12.3 % without. It is for those:
a clean photograph whose darkest part is not black is right as it is, and stretching 100 of them to full contrast cost
half a point (15.7 % below gray instead of 16.3 %). Denoising the copy (median, bilateral, Gaussian, non-local means)
gained nothing: the network has learned to look through grain.
"""

from __future__ import annotations

from typing import Final, TypeVar, cast

import cv2
import numpy as np

from archivecolor.color import FloatArray, UIntArray
from archivecolor.frames import Orientation, network_size

Luma = TypeVar("Luma", UIntArray, FloatArray)

_OUTLIERS_PERCENT: Final = 0.5
"""Share of the pixels, at either end, that may leave 0..1: scratches, dust and the edge of the mount."""

_LEAST_CONTRAST: Final = 0.2
"""A blank wall is not stretched until its grain looks like a picture."""

_FADED, _CLEAN = 0.5, 0.75
"""Contrast up to which a picture is stretched to black and white, and from which only to what is usual."""
_USUAL_BLACK, _USUAL_WHITE = 0.06, 0.88


def network_y(luma: UIntArray, orientation: Orientation, short_px: int, multiple: int) -> FloatArray:
    """Make ``[h, w]`` float32 in 0..1, upright, of ``[H, W]`` luma whose rows are as stored."""
    size = network_size(luma.shape[0], luma.shape[1], short_px, multiple)
    small = shrink(luma, size)
    return np.ascontiguousarray(orientation.to_upright(level(small, *ends(small))))


def shrink(luma: UIntArray, size: tuple[int, int]) -> FloatArray:
    """Average ``[H, W]`` luma down to ``size`` (height, width), as float32 in 0..1."""
    small = shrink_codes(luma, size)
    return np.asarray(small, dtype=np.float32) / np.float32(np.iinfo(luma.dtype).max)


def shrink_codes(luma: Luma, size: tuple[int, int]) -> Luma:
    """Average ``[H, W]`` luma down to ``size`` in its own type of number, in steps where that is faster."""
    while luma.shape[0] >= 4 * size[0] and luma.shape[1] >= 4 * size[1]:
        half = (luma.shape[1] // 2, luma.shape[0] // 2)
        luma = cast(Luma, np.asarray(cv2.resize(luma, half, interpolation=cv2.INTER_AREA), dtype=luma.dtype))
    return cast(Luma, np.asarray(cv2.resize(luma, size[::-1], interpolation=cv2.INTER_AREA), dtype=luma.dtype))


def shrunk(network_y: FloatArray, size: tuple[int, int]) -> FloatArray:
    """Average what the network sees down to its chroma's size."""
    return np.asarray(cv2.resize(network_y, (size[1], size[0]), interpolation=cv2.INTER_AREA), dtype=np.float32)


def ends(luma: FloatArray) -> tuple[float, float]:
    """The luma that counts as black and as white."""
    black, white = np.percentile(luma, (_OUTLIERS_PERCENT, 100 - _OUTLIERS_PERCENT))
    return float(black), float(white)


def level(luma: FloatArray, black: float, white: float) -> FloatArray:
    """Stretch ``black`` .. ``white`` to 0..1, less where they are too near: plain gray stays as gray as it is.

    A picture of good contrast is stretched no further than most photographs reach.
    """
    contrast = white - black
    clean = min(1.0, max(0.0, (contrast - _FADED) / (_CLEAN - _FADED)))
    low, high = min(black, _USUAL_BLACK * clean), max(white, 1 - (1 - _USUAL_WHITE) * clean)
    if contrast < _LEAST_CONTRAST:
        spread = (_LEAST_CONTRAST - contrast) / (1 - contrast)
        black, white = black - spread * black, white + spread * (1 - white)
    scale = np.float32((high - low) / (white - black))
    return np.asarray(np.clip((luma - np.float32(black)) * scale + np.float32(low), 0, 1), dtype=np.float32)
