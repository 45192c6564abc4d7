"""Grading: the chroma that was predicted, painted and steadied, made calmer, richer, warmer or cooler.

Pure functions of a*, b* and the luma beside them, applied last, once, by `still` to photographs and by `film` to
film. Invariants: gray stays gray but for `warmed`; black and white stay neutral in all of them; a strength of 0 gives
gray, whatever else is set; neutral settings give back the chroma bit for bit.
"""

from __future__ import annotations

from functools import cache
from typing import Final

import cv2
import numpy as np

from archivecolor.color import KB, KG, KR, FloatArray, chroma_to_cbcr
from archivecolor.settings import ColorSettings

_DAYLIGHT: Final = np.array((0.17, 0.985), np.float32)
"""Unit vector in a*, b* along which white moves on the CIE daylight locus, as seen from D65: D50 lies at (0.13, 0.99),
4500 K at (0.20, 0.98)."""
_FULL_WARMTH: Final = 16.0
"""Units of a* and b*: a warmth of 1 turns D65 into nearly D50."""
_FIRST_GUESS: Final = 40.0
_STEPS: Final = 12
_TABLE_HUES: Final = 256
_TABLE_LUMAS: Final = 129
_NONE: Final = np.float32(1e-6)


def is_neutral(settings: ColorSettings) -> bool:
    """Whether `graded` gives back what it is given."""
    return (settings.strength, settings.saturation, settings.warmth) == (1, 1, 0)


def graded(ab: FloatArray, luma: FloatArray, settings: ColorSettings) -> FloatArray:
    """Grade ``[h, w, 2]`` a*, b* of pixels whose luma is ``[h, w]`` in 0..1."""
    if settings.saturation != 1:
        ab = saturated(ab, luma, settings.saturation)
    if settings.warmth:
        ab = warmed(ab, luma, settings.warmth)
    return ab if settings.strength == 1 else ab * np.float32(settings.strength)


def saturated(ab: FloatArray, luma: FloatArray, saturation: float) -> FloatArray:
    """Scale chroma. Up to 1 as it is; beyond, the less the nearer a color is to the edge of what sRGB shows.

    With C the chroma and M the largest of its hue at its luma, the result is ``s C / (1 + (s - 1) C / M)``: s times as
    much for muted colors, M for M, never beyond it and rising all the way, so that no two colors become one.
    """
    if saturation <= 1:
        return ab * np.float32(saturation)
    chroma = np.asarray(np.hypot(ab[..., 0], ab[..., 1]), dtype=np.float32)
    hue = np.asarray(ab / np.maximum(chroma, _NONE)[..., None], dtype=np.float32)
    fullness = np.minimum(chroma / _largest_chroma(hue, luma), np.float32(1))
    gain = np.float32(saturation) / (1 + np.float32(saturation - 1) * fullness)
    return np.asarray(ab * gain[..., None], dtype=np.float32)


def warmed(ab: FloatArray, luma: FloatArray, warmth: float) -> FloatArray:
    """Move chroma along the daylight locus: to yellow (1) or to blue (-1), less so in shadows and lights."""
    middle = 1 - np.square(np.square(2 * np.clip(luma, 0, 1) - 1))
    return ab + (np.float32(warmth * _FULL_WARMTH) * middle)[..., None] * _DAYLIGHT


def _largest_chroma(hue: FloatArray, luma: FloatArray) -> FloatArray:
    """The chroma at the edge of sRGB, ``[h, w]``, for ``[h, w, 2]`` unit vectors of a*, b* beside a luma."""
    table = _gamut_edge()
    turn = cv2.phase(np.ascontiguousarray(hue[..., 0]), np.ascontiguousarray(hue[..., 1]))
    across = np.asarray(turn, dtype=np.float32) * np.float32(_TABLE_HUES / (2 * np.pi))
    down = np.clip(luma, 0, 1) * np.float32(_TABLE_LUMAS - 1)
    return np.asarray(cv2.remap(table, across, down, cv2.INTER_LINEAR), dtype=np.float32)


@cache
def _gamut_edge() -> FloatArray:
    """The chroma at the edge of sRGB by luma, down, and hue, across, the first hue once more at the end.

    Found by fixed-point steps: away from gray, RGB grows nearly in proportion to chroma. To interpolate in the table is
    nearer to the edge than three steps for each pixel, mean error 0.2 and 7.9, and takes 0.3 instead of 31 CPU-ms a
    frame of 1080p film.
    """
    turn = np.linspace(0, 2 * np.pi, _TABLE_HUES, endpoint=False, dtype=np.float32)
    luma = np.repeat(np.linspace(0, 1, _TABLE_LUMAS, dtype=np.float32)[:, None], _TABLE_HUES, axis=1)
    hue = np.broadcast_to(np.stack((np.cos(turn), np.sin(turn)), axis=-1), (*luma.shape, 2))
    chroma = np.full(luma.shape, _FIRST_GUESS, np.float32)
    for _ in range(_STEPS):
        chroma /= np.clip(_fullness(hue * chroma[..., None], luma), 0.1, 10)
    return np.concatenate((chroma, chroma[:, :1]), axis=1)


def _fullness(ab: FloatArray, luma: FloatArray) -> FloatArray:
    """How far to the edge of sRGB each pixel lies, ``[h, w]``: 0 for gray, 1 at it, more beyond, as merging has it."""
    cb, cr = np.moveaxis(chroma_to_cbcr(luma, ab), -1, 0)
    red, blue = cr * np.float32(2 * (1 - KR)), cb * np.float32(2 * (1 - KB))
    away = np.stack((red, -(KR * red + KB * blue) / np.float32(KG), blue), axis=-1)
    y = luma[..., None]
    share = np.abs(away) / np.maximum(np.where(away > 0, 1 - y, y), _NONE)
    return np.asarray(np.where(np.abs(away) < _NONE, 0, share).max(axis=-1), dtype=np.float32)
