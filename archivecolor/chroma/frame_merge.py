"""Chroma laid beside the luma of a scanned frame, in the frame's own coding: as `Colorizer.merge`, for any `Scale`.

Color is made as a display shows it, guided by the luma as a display shows it, and then coded as the frame is. In
integers the luma of the codes, in half floats the luminance, is the source's in every bit.

Chroma by itself is the frame moved to an even luma, pixel by pixel, and moves back to the same frame: in integers all
three samples of a pixel move by as many steps, which moves luma by just these; light is scaled.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

from archivecolor.chroma.network_input import shrink_codes
from archivecolor.chroma.upsample import ChromaUpsampler
from archivecolor.color import FloatArray, UIntArray, chroma_of, chroma_to_cbcr, luma_of, merge_planes, rgb_beside
from archivecolor.film.codes import unit_luma
from archivecolor.film.form import PictureForm
from archivecolor.film.laid import ChromaPlanes, FrameColors, unit_chroma
from archivecolor.film.scale import Scale, density_of_display
from archivecolor.sequences import exr
from archivecolor.sequences.dpx_lines import STRIP_SAMPLES

Strips: TypeAlias = Iterable[npt.NDArray[Any]]
Lay: TypeAlias = Callable[[UIntArray, PictureForm], Strips]
"""Makes strips ``[n, w, 3]`` of samples, uint8, uint16 or float16, of ``[h, w]`` luma codes of a form of full range.

Rows are as stored, each color's samples of integers behind each other.
"""


def merged(ab: FloatArray) -> Lay:
    """Lays ``[h', w', 2]`` a*, b* beside luma."""

    def lay(luma: UIntArray, form: PictureForm) -> Iterator[npt.NDArray[Any]]:
        shown, depth = form.as_shown(luma)
        small = unit_luma(shrink_codes(shown, ab.shape[:2]), depth, full=True)
        upsampler = ChromaUpsampler(small, chroma_to_cbcr(small, ab), *luma.shape)
        for rows in _strips(luma):
            y = unit_luma(shown[rows], depth, full=True)
            yield _coded(luma[rows], y, *upsampler.rows(y, rows.start), form)

    return lay


def evened(lay: Lay) -> Lay:
    """Lays the same, and takes luma off: what is left is of an even gray, or the nearest that holds the color."""

    def even(luma: UIntArray, form: PictureForm) -> Iterator[npt.NDArray[Any]]:
        first = 0
        for strip in lay(luma, form):
            y = luma[first : first + len(strip)]
            first += len(strip)
            yield exr.evened(y, strip) if form.scale is Scale.LINEAR else _evened(strip, form.depth)

    return even


def laid(chroma: FrameColors | ChromaPlanes) -> Lay:
    """Lays the chroma of another frame, or of a film's, beside luma."""
    return _colors(chroma) if isinstance(chroma, FrameColors) else _planes(chroma)


def _colors(colors: FrameColors) -> Lay:
    """Of a frame that `evened` made, this makes what it was made of."""

    def lay(luma: UIntArray, form: PictureForm) -> Iterator[npt.NDArray[Any]]:
        exact = (colors.depth, colors.scale) == (form.depth, form.scale)
        shown, depth = form.as_shown(luma)
        for rows in _strips(luma):
            rgb = colors.rgb[rows]
            if exact:
                linear = form.scale is Scale.LINEAR
                yield exr.laid(luma[rows], rgb) if linear else _laid(luma[rows], rgb.astype(luma.dtype), form.depth)
            else:
                chroma = chroma_of(colors.shown(rows))
                yield _coded(luma[rows], unit_luma(shown[rows], depth, full=True), *chroma, form)

    return lay


def _planes(planes: ChromaPlanes) -> Lay:
    def lay(luma: UIntArray, form: PictureForm) -> Iterator[npt.NDArray[Any]]:
        shown, depth = form.as_shown(luma)
        size = luma.shape[::-1]
        # A matrix of its own says how far blue and red are from luma
        ratios = [(1 - own) / (1 - to) for own, to in zip(planes.form.weights[::-1], form.weights[::-1], strict=True)]
        cb, cr = (
            np.asarray(cv2.resize(unit_chroma(plane, planes.form), size, interpolation=cv2.INTER_LINEAR), np.float32)
            * np.float32(ratio)
            for plane, ratio in zip((planes.cb, planes.cr), ratios, strict=True)
        )
        for rows in _strips(luma):
            yield _coded(luma[rows], unit_luma(shown[rows], depth, full=True), cb[rows], cr[rows], form)

    return lay


def _strips(luma: UIntArray) -> Iterator[slice]:
    """Rows that are taken together."""
    height, width = luma.shape
    step = max(1, STRIP_SAMPLES // width)
    return (slice(first, first + step) for first in range(0, height, step))


def _coded(luma: UIntArray, y: FloatArray, cb: FloatArray, cr: FloatArray, form: PictureForm) -> npt.NDArray[Any]:
    """Samples of rows of luma codes, which a display shows as ``y``, with chroma as a display shows it."""
    if form.scale is Scale.LINEAR:
        return exr.lay(luma, rgb_beside(y, cb, cr))
    if form.scale is Scale.DENSITY:
        cb, cr = chroma_of(density_of_display(rgb_beside(y, cb, cr)))
    return merge_planes(luma, cb, cr, form.depth).transpose(1, 2, 0)


def _evened(rgb: UIntArray, depth: int) -> UIntArray:
    top = (1 << depth) - 1
    off = rgb.astype(np.int32) - luma_of(rgb)[..., None]
    even = np.clip(1 << (depth - 1), -off.min(axis=2), top - off.max(axis=2))
    return np.asarray(off + even[..., None], rgb.dtype)


def _laid(luma: UIntArray, rgb: UIntArray, depth: int) -> UIntArray:
    """``rgb`` with other luma; colors that do not fit beside it move towards gray."""
    top = (1 << depth) - 1
    moved = rgb + (luma.astype(np.int32) - luma_of(rgb))[..., None]
    off = (moved.min(axis=2) < 0) | (moved.max(axis=2) > top)
    if off.any():
        cb, cr = chroma_of(rgb[off].astype(np.float32) / np.float32(top))
        moved[off] = merge_planes(luma[off][None], cb[None], cr[None], depth)[:, 0].T
    return np.asarray(moved, luma.dtype)
