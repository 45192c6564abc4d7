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
from archivecolor.chroma.upsample import PRODUCT, ChromaUpsampler
from archivecolor.color import FloatArray, UIntArray, gray_to_lightness, lab_to_rgb
from archivecolor.film.codes import chroma_codes, luma_bounds, unit_luma

_FAR_L: Final = 2.0
"""L* by which the luma of a vivid color is off from where on it is corrected twice. With others the second correction
moves Cb and Cr by no more than a fifth of an 8-bit step."""
_TINY, _HALF = np.float32(1e-6), np.float32(0.5)
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
    off = target - gray_to_lightness(np.asarray(cv2.transform(lab_to_rgb(lab), share), np.float32))
    lab[..., 0] += off
    rgb = lab_to_rgb(lab)
    far = np.abs(off) > _FAR_L
    if far.any():
        vivid, again = lab[far], rgb[far]
        vivid[:, 0] += target[far] - gray_to_lightness(np.asarray(again @ share[0], np.float32))
        rgb[far] = lab_to_rgb(vivid)
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
    step = max(1, min(upsampler.rows_at_once, PRODUCT // (9 * width), height))
    fit = _Fit(grid.weights, step * width)
    for first in range(0, height, step):
        y = guide[first : first + step]
        cb, cr = (plane.reshape(y.shape) for plane in fit.chroma[:, : y.size])
        upsampler.rows(y, first, cb, cr)
        fit(y)
        for plane, made in zip(target, (cb, cr), strict=True):
            plane[first : first + step] = chroma_codes(made, grid.depth, full=grid.full_range)


class _Fit:
    """Scales Cb and Cr by the largest factor up to 1 that keeps R, G and B within 0..1."""

    def __init__(self, weights: tuple[float, float], size: int) -> None:
        """For up to ``size`` pixels at a time."""
        kr, kb = weights
        kg, red, blue = 1 - kr - kb, 2 * (1 - kr), 2 * (1 - kb)
        self._to_rgb = np.array(((1, 0, red), (1, -blue * kb / kg, -red * kr / kg), (1, blue, 0)), np.float32)
        self._planes, self._rgb = np.empty((2, 3, size), np.float32)

    @property
    def chroma(self) -> FloatArray:
        """``[2, size]`` Cb and Cr that are to be scaled, in place."""
        return self._planes[1:]

    def __call__(self, luma: FloatArray) -> None:
        """Scale as much chroma as there is of ``luma``, 0..1, beside it."""
        used = slice(luma.size)
        planes, rgb = self._planes[:, used], self._rgb[:, used]
        np.subtract(luma.ravel(), _HALF, out=planes[0])
        np.matmul(self._to_rgb, planes, out=rgb)  # around 0: one look at the largest says whether all of it fits
        if cv2.norm(rgb, cv2.NORM_INF) <= _HALF:
            return
        red, green, blue = rgb
        most, least = cv2.max(cv2.max(red, green), blue).ravel(), cv2.min(cv2.min(red, green), blue).ravel()
        off = np.flatnonzero((most > _HALF) | (least < -_HALF))
        y = planes[0][off]
        # Room above and below, over what is needed of it
        above = (_HALF - y) / np.maximum(most[off] - y, _TINY)
        below = (_HALF + y) / np.maximum(y - least[off], _TINY)
        scale = np.minimum(np.minimum(above, below), np.float32(1))
        for plane in planes[1:]:
            plane[off] *= scale
