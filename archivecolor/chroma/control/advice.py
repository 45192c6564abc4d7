"""Painted strokes as hints for a generator that takes them.

Paint is made as light as the place it lies on before the generator hears of it: a dark skirt does not turn electric
blue because the stroke was. It keeps its chromaticity, as the same cloth under less light does: in CIE L*a*b*, which is
made of cube roots of light, a* and b* then shrink as L* + 16. Paint that is darker than its place stays as vivid as it
is. What sRGB still cannot show at that lightness is brought in towards gray.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import cv2
import numpy as np

from archivecolor.chroma.control.paint import Painted, Strokes, laid_over, spread
from archivecolor.chroma.network_input import ends, level
from archivecolor.color import HINT_PLANES, FloatArray, gray_to_lightness, lab_to_rgb
from archivecolor.inference.engine import Engine

_COVERED: Final = 0.25
"""A stroke must cover more of a hint's pixel than this, or than half of what it covers of a neighbor."""
_BISECTIONS: Final = 8
_OUTSIDE: Final = 2e-3
"""A channel may leave 0..1 by rounding."""
_MUCH: Final = 4.0
"""Of a* and b*: less than this is brought in without a word."""
_FOLLOWED: Final = 6.0
"""A change of a* and b* by which the generator is taken to have followed a stroke wholly."""


def fitted(strokes: Strokes, luma: FloatArray) -> tuple[Strokes, bool]:
    """``strokes`` as light as ``[h, w]`` luma (0..1) below them, and whether some were too vivid for that."""
    lightness = gray_to_lightness(luma)
    ab = strokes.ab
    if strokes.lightness is not None:
        ab = ab * np.minimum(1, (lightness + 16) / (strokes.lightness + 16))[..., None]
    on = strokes.weight > 0
    shown = ab.copy()
    shown[on] = _into_gamut(lightness[on], ab[on])
    too_vivid = bool((np.hypot(*(ab - shown)[on].T) > _MUCH).any())
    return replace(strokes, ab=np.asarray(shown, np.float32), lightness=None), too_vivid


def _into_gamut(lightness: FloatArray, ab: FloatArray) -> FloatArray:
    """Chroma ``[n, 2]`` of the same hues, no more vivid than sRGB shows at ``[n]`` L*."""
    least, most = np.zeros_like(lightness), np.ones_like(lightness)
    share = most
    for _ in range(_BISECTIONS):
        rgb = lab_to_rgb(np.column_stack((lightness, ab * share[:, None])))
        fits = (rgb.min(axis=1) >= -_OUTSIDE) & (rgb.max(axis=1) <= 1 + _OUTSIDE)
        least, most = np.where(fits, share, least), np.where(fits, most, share)
        share = np.where(least == 1, 1, (least + most) / 2).astype(np.float32)
    return np.asarray(ab * least[:, None], np.float32)


def followed(strokes: Strokes, luma: FloatArray, plain: FloatArray, told: FloatArray) -> Painted:
    """What a generator makes of ``strokes``, as paint that rules where they changed its mind.

    ``plain`` and ``told`` are its ``[h, w, 2]`` chroma without and with them.
    """
    made = laid_over(strokes, luma, told)
    changed = np.minimum(np.linalg.norm(made.ab - plain, axis=-1) / np.float32(_FOLLOWED), 1)
    return Painted(made.ab, np.maximum(made.rule, changed))


def painted_by(engine: Engine, network_y: FloatArray, strokes: Strokes) -> Painted:
    """What strokes make of a frame of film, of which the network sees ``[h, w]`` luma before it is leveled."""
    seen = level(network_y, *ends(network_y))
    folder = engine.folder
    if not folder.hints:
        return spread(strokes, seen, widened(engine.colorize(seen[None, None])[0], seen.shape))
    strokes, _ = fitted(strokes, network_y)
    height, width = (side // folder.chroma_stride for side in seen.shape)
    hints = np.stack([hints_of(None, (height, width)), hints_of(strokes, (height, width))])
    plain, told = engine.colorize(np.stack([seen, seen])[:, None], hints)
    return followed(strokes, seen, widened(plain, seen.shape), widened(told, seen.shape))


def widened(chroma: FloatArray, size: tuple[int, ...]) -> FloatArray:
    """``[2, h, w]`` chroma at a larger ``size``: ``[H, W, 2]``."""
    ab = np.ascontiguousarray(chroma.transpose(1, 2, 0))
    return np.asarray(cv2.resize(ab, size[::-1], interpolation=cv2.INTER_CUBIC), dtype=np.float32)


def hints_of(strokes: Strokes | None, size: tuple[int, int]) -> FloatArray:
    """``[3, h, w]`` hints of ``size`` (height, width), as engines take them; without strokes, none."""
    hints = np.zeros((HINT_PLANES, *size), np.float32)
    if strokes is None:
        return hints
    on = (strokes.weight > 0).astype(np.float32)
    planes = cv2.resize(np.dstack((strokes.ab * on[..., None], on)), size[::-1], interpolation=cv2.INTER_AREA)
    cover = np.asarray(planes[..., 2], np.float32)
    enough = np.minimum(np.float32(_COVERED), cv2.dilate(cover, np.ones((3, 3), np.uint8)) / 2)
    mask = cover > enough
    hints[:2, mask] = (planes[mask, :2] / cover[mask, None]).T
    hints[2, mask] = 1
    return hints
