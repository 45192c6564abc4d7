"""From small a*, b* to Cb and Cr planes: of a frame by its film's own matrix, of a JPEG by BT.601.

Cb and Cr are made on the grid that the output stores them on: left-sited where they are subsampled across, as decoders
of MPEG-2 and everything since assume (a JPEG's lie in the middle), and one field at a time where the frame is
interlaced, so that each field's color follows its own luma. Colors that do not fit into RGB beside their luma move
towards gray until they do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import cv2
import numpy as np

from archivecolor.chroma.network_input import shrink_codes
from archivecolor.chroma.upsample import ChromaUpsampler
from archivecolor.color import FloatArray, UIntArray, gray_to_lightness, lab_to_rgb
from archivecolor.film.codes import chroma_codes, luma_bounds, unit_luma

_STRIP_PIXELS: Final = 1 << 15
"""What half a dozen planes of fit into the second cache of a core."""
_NEWTON_STEPS: Final = 2
_TINY: Final = np.float32(1e-6)
_LEFT_SITED: Final = np.array([[0.25, 0.75, 0]], np.float32)
"""Moves samples half a luma sample, a quarter of their own distance, to the left."""


@dataclass(frozen=True, slots=True)
class ChromaGrid:
    """How Cb and Cr are stored beside luma of one size, depth and range."""

    depth: int
    full_range: bool
    shift: tuple[int, int]
    """log2 of luma samples per chroma sample, across and down."""
    weights: tuple[float, float]
    """Kr and Kb."""
    centered: bool = False
    """Whether samples that are subsampled across lie between luma's, and not on every other one."""

    def size(self, height: int, width: int) -> tuple[int, int]:
        """Height and width of the planes."""
        return -(-height >> self.shift[1]), -(-width >> self.shift[0])

    def neutral(self, height: int, width: int) -> UIntArray:
        """The plane of a gray picture."""
        dtype = np.uint8 if self.depth == 8 else np.uint16
        return np.full(self.size(height, width), 1 << (self.depth - 1), dtype)


def chroma_beside(
    luma: UIntArray, ab: FloatArray, grid: ChromaGrid, *, interlaced: bool
) -> tuple[UIntArray, UIntArray]:
    """Cb and Cr codes beside ``[h, w]`` luma codes of the grid's depth and range.

    ``ab`` is ``[h', w', 2]``, small, its rows as stored.
    """
    height, width = grid.size(*luma.shape)
    dtype = np.uint8 if grid.depth == 8 else np.uint16
    cb, cr = np.empty((height, width), dtype), np.empty((height, width), dtype)
    fields = 2 if interlaced and height > 1 else 1
    for field in range(fields):
        rows = slice(field, None, fields)
        target = cb[rows], cr[rows]
        _fill(target, _guide(luma[rows], target[0].shape, grid), ab, grid)
    return cb, cr


def ab_to_cbcr(luma: FloatArray, ab: FloatArray, weights: tuple[float, float]) -> FloatArray:
    """``[h, w, 2]`` a*, b* as Cb, Cr of the matrix with Kr and Kb ``weights``, for pixels of ``[h, w]`` luma (0..1).

    As `color.chroma_to_cbcr`, for any matrix: L* is moved until the color's luma is the one given.
    """
    kr, kb = weights
    share = np.array(((kr, 1 - kr - kb, kb),))
    target = gray_to_lightness(luma)
    lab = np.asarray(cv2.merge((target, ab)), np.float32)
    rgb = lab_to_rgb(lab)
    for _ in range(_NEWTON_STEPS):
        lab[..., 0] += target - gray_to_lightness(np.asarray(cv2.transform(rgb, share), np.float32))
        rgb = lab_to_rgb(lab)
    # Cb and Cr of R, G and B in one product
    blue, red = 0.5 / (1 - kb), 0.5 / (1 - kr)
    to_cbcr = np.array(((0, 0, blue), (red, 0, 0))) - np.array(((blue,), (red,))) * share
    return np.asarray(cv2.transform(rgb, to_cbcr), np.float32)


def _guide(luma: UIntArray, size: tuple[int, ...], grid: ChromaGrid) -> FloatArray:
    """Luma on the grid of the chroma, 0..1."""
    height, width = size
    small = luma
    if luma.shape != size:
        down, across = (-side % (1 << shift) for side, shift in zip(luma.shape, grid.shift[::-1], strict=True))
        if grid.centered and (down or across):  # the last sample stands for half of what the others do
            luma = np.asarray(cv2.copyMakeBorder(luma, 0, down, 0, across, cv2.BORDER_REPLICATE), luma.dtype)
        small = np.asarray(cv2.resize(luma, (width, height), interpolation=cv2.INTER_AREA), dtype=luma.dtype)
    if not grid.shift[0] or grid.centered or width == 1:
        return unit_luma(small, grid.depth, full=grid.full_range)
    # Box-averaged samples lie half a luma sample too far right
    black, white = luma_bounds(grid.depth, full=grid.full_range)
    kernel = _LEFT_SITED * np.float32(1 / (white - black))
    moved = cv2.filter2D(small, cv2.CV_32F, kernel, delta=-black / (white - black), borderType=cv2.BORDER_REPLICATE)
    unit = np.asarray(moved, dtype=np.float32)
    return np.clip(unit, 0, 1, out=unit)


def _fill(target: tuple[UIntArray, UIntArray], guide: FloatArray, ab: FloatArray, grid: ChromaGrid) -> None:
    height, width = guide.shape
    small = shrink_codes(guide, (ab.shape[0], ab.shape[1])).reshape(ab.shape[:2])
    upsampler = ChromaUpsampler(small, ab_to_cbcr(small, ab, grid.weights), height, width)
    step = max(1, _STRIP_PIXELS // width)
    for first in range(0, height, step):
        rows = slice(first, first + step)
        y = guide[rows]
        cb, cr = upsampler.rows(y, first)
        _fit(y, cb, cr, grid.weights)
        target[0][rows] = chroma_codes(cb, grid.depth, full=grid.full_range)
        target[1][rows] = chroma_codes(cr, grid.depth, full=grid.full_range)


def _fit(y: FloatArray, cb: FloatArray, cr: FloatArray, weights: tuple[float, float]) -> None:
    """Scale Cb and Cr, in place, by the largest factor up to 1 that keeps R, G and B within 0..1."""
    kr, kb = weights
    kg = 1 - kr - kb
    red, blue = cv2.scaleAdd(cr, 2 * (1 - kr), y), cv2.scaleAdd(cb, 2 * (1 - kb), y)
    green = cv2.add(cv2.addWeighted(cr, -2 * (1 - kr) * kr / kg, cb, -2 * (1 - kb) * kb / kg, 0), y)
    most, least = cv2.max(cv2.max(red, blue), green), cv2.min(cv2.min(red, blue), green)
    if most.max() <= 1 and least.min() >= 0:
        return
    off = np.flatnonzero((most > 1) | (least < 0))
    luma = y.ravel()[off]
    # Room above and below, over what is needed of it
    above = (1 - luma) / np.maximum(most.ravel()[off] - luma, _TINY)
    below = luma / np.maximum(luma - least.ravel()[off], _TINY)
    scale = np.minimum(np.minimum(above, below), np.float32(1))
    for plane in (cb, cr):
        plane.reshape(-1)[off] *= scale
