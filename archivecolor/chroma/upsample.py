"""Chroma from the network's resolution to the picture's, guided by the picture's luma.

Cubic interpolation of the chroma plus the local regression of chroma on luma times what the luma has that the small
luma has not: color keeps the values the network gave and its edges move to where the picture's edges are. Measured
with true chroma at a quarter of 256 px as input, mean CbCr error (of 255) on 30 photographs and 5 frames of 480 px:
this 2.25 / 1.26, cubic 2.36 / 1.28, bilinear 2.63 / 1.46, joint bilateral 2.57 / 1.50, fast guided filter (He & Sun
2015) 3.33 / 2.16.

Invariant: rows are made strip by strip, so memory does not grow with the picture beyond one row of strips.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import sqrt

import cv2
import numpy as np

from archivecolor.color import FloatArray

_EPSILON = 5e-3
"""Luma variance (luma in 0..1) below which chroma stops following luma."""

_SIGMA = 0.6

_PRODUCT = 1 << 18
"""Multiplications up to which OpenBLAS keeps to the thread that asks. Its other threads wait for more to do without
sleeping: three quarters of all time of 480p film on busy cores."""


class ChromaUpsampler:
    """Upsamples one picture's chroma, any range of rows at a time."""

    def __init__(self, small_luma: FloatArray, small_cbcr: FloatArray, height: int, width: int) -> None:
        """Prepare small ``[h, w]`` luma in 0..1 and ``[h, w, 2]`` chroma for a picture of ``height`` x ``width``."""
        y = np.ascontiguousarray(small_luma, dtype=np.float32)
        mean_y = _smooth(y)
        spread = _smooth(np.square(y, dtype=np.float32)) - mean_y * mean_y + np.float32(_EPSILON)
        self._cubic = _interpolation(y.shape[0], height, cubic=True)
        self._linear = _interpolation(y.shape[0], height, cubic=False)
        # out = C + a (Y - Ys) = a Y + (C - a Ys), every small plane already as wide as the picture
        self._luma = _widen(y, width, cubic=True)
        self._chroma, self._slope = [], []
        for i in range(2):
            c = np.ascontiguousarray(small_cbcr[..., i], dtype=np.float32)
            covariance = _smooth(np.multiply(c, y, dtype=np.float32)) - _smooth(c) * mean_y
            slope = _smooth(np.divide(covariance, spread, dtype=np.float32))
            self._chroma.append(_widen(c, width, cubic=True))
            self._slope.append(_widen(slope, width, cubic=False))

    def rows(self, luma: FloatArray, first: int) -> tuple[FloatArray, FloatArray]:
        """Cb and Cr, each ``[n, width]``, beside the luma of rows ``first`` to ``first + n`` (``[n, width]``, 0..1)."""
        last = first + luma.shape[0]
        detail = luma - self._cubic.rows(self._luma, first, last)
        planes = []
        for chroma, slope in zip(self._chroma, self._slope, strict=True):
            plane = self._linear.rows(slope, first, last)
            plane *= detail
            plane += self._cubic.rows(chroma, first, last)
            planes.append(plane)
        return planes[0], planes[1]


def _smooth(plane: FloatArray) -> FloatArray:
    smooth = cv2.GaussianBlur(plane, (0, 0), _SIGMA, borderType=cv2.BORDER_REFLECT_101)
    return np.asarray(smooth, dtype=np.float32)


def _widen(plane: FloatArray, width: int, *, cubic: bool) -> FloatArray:
    """``plane`` with its lines interpolated to ``width`` samples: what `_weights` would give, without the product."""
    method = cv2.INTER_CUBIC if cubic else cv2.INTER_LINEAR
    wide = cv2.resize(plane, (width, plane.shape[0]), interpolation=method)
    return np.asarray(wide, dtype=np.float32).reshape(plane.shape[0], width)


@dataclass(frozen=True, slots=True)
class _Interpolation:
    """The matrix that interpolates a column of small samples, and which of them each row of it uses."""

    weights: FloatArray
    """``[large, small]``"""
    begin: tuple[int, ...]
    end: tuple[int, ...]

    def rows(self, plane: FloatArray, first: int, last: int) -> FloatArray:
        """Rows ``first`` to ``last`` of ``weights @ plane``, few at a time: see `_PRODUCT`."""
        made = np.empty((last - first, plane.shape[1]), np.float32)
        step = self._rows_at_once(plane.shape[1])
        for begin in range(first, last, step):
            end = min(begin + step, last)
            used = slice(self.begin[begin], max(self.end[begin:end]))
            np.matmul(self.weights[begin:end, used], plane[used], out=made[begin - first : end - first])
        return made

    def _rows_at_once(self, width: int) -> int:
        """Of which the product is no larger than `_PRODUCT`; at least one."""
        large, small = self.weights.shape
        ratio, taps = small / large, 4
        # n rows use about n ratio + taps of the small ones
        most = (sqrt(taps * taps + 4 * ratio * _PRODUCT / width) - taps) / (2 * ratio)
        return max(1, int(most))


@lru_cache(maxsize=16)
def _interpolation(small: int, large: int, *, cubic: bool) -> _Interpolation:
    """Interpolate ``small`` samples at ``large`` places.

    Found by interpolating unit impulses with OpenCV, so pixel centers lie where OpenCV's ``resize`` has them. All
    frames of a film, and most scans of a folder, have one size.
    """
    if small == 1:
        weights = np.ones((large, 1), np.float32)
    else:
        method = cv2.INTER_CUBIC if cubic else cv2.INTER_LINEAR
        impulses = np.eye(small, dtype=np.float32)
        weights = np.asarray(cv2.resize(impulses, (small, large), interpolation=method), dtype=np.float32)
    used = weights != 0
    begin = np.minimum.accumulate(used.argmax(axis=1)[::-1])[::-1]
    end = small - used[:, ::-1].argmax(axis=1)
    return _Interpolation(weights, tuple(map(int, begin)), tuple(map(int, end)))
