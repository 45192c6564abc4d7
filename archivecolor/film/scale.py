"""What the codes of luma measure: what a display shows, the density of a print, or light.

Film scans are kept in printing density (Kodak Cineon, SMPTE 268M) and effects in scene-linear half floats. The
generator has learned from pictures that are shown, so it is shown these codes as a display would show them; what is
written keeps its own coding.
"""

from __future__ import annotations

from enum import StrEnum
from functools import lru_cache
from typing import Final

import numpy as np

from archivecolor.color import FloatArray, UIntArray, linear_to_srgb, srgb_to_linear

DISPLAY_DEPTH: Final = 16
"""Bits of what `displayed` gives."""

# Kodak, "Conversion of 10-bit Log Film Data to 8-bit Linear or Video Data", 1995; codes are of 10 bit
_BLACK, _WHITE = 95.0, 685.0
_DENSITY_A_CODE: Final = 0.002
_GAMMA: Final = 0.6
_SLOPE: Final = _DENSITY_A_CODE / _GAMMA
_FLARE: Final = 10 ** ((_BLACK - _WHITE) * _SLOPE)


class Scale(StrEnum):
    """What codes measure."""

    DISPLAY = "display"
    DENSITY = "printing density"
    """Logarithmic: code 95 of 10 bit is black, 685 white, and a step 0.002 of density."""
    LINEAR = "scene-linear"
    """The 16 bits of half floats, as integers."""


def displayed(luma: UIntArray, depth: int, scale: Scale) -> UIntArray:
    """Codes as a display would show them: sRGB, `DISPLAY_DEPTH` bits; those of a display are kept."""
    return luma if scale is Scale.DISPLAY else np.asarray(np.take(_shown(depth, scale), luma))


@lru_cache(maxsize=4)
def _shown(depth: int, scale: Scale) -> UIntArray:
    codes = np.arange(1 << depth)
    if scale is Scale.LINEAR:
        light = np.nan_to_num(codes.astype(np.uint16).view(np.float16).astype(np.float64), nan=0, neginf=0)
    else:
        light = _light_of_density(codes / ((1 << depth) - 1) * 1023)
    return np.rint(linear_to_srgb(np.clip(light, 0, 1)) * ((1 << DISPLAY_DEPTH) - 1)).astype(np.uint16)


def _light_of_density(codes: np.ndarray) -> np.ndarray:
    return np.asarray((10 ** ((codes - _WHITE) * _SLOPE) - _FLARE) / (1 - _FLARE))


def density_of_display(shown: FloatArray) -> FloatArray:
    """What a display shows, sRGB-coded in 0..1, as printing density, where 1 is the highest code."""
    light = np.maximum(srgb_to_linear(shown), 0) * np.float32(1 - _FLARE) + np.float32(_FLARE)
    return np.asarray((np.log10(light) / np.float32(_SLOPE) + np.float32(_WHITE)) / np.float32(1023), dtype=np.float32)
