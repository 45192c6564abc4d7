"""What hints tell beyond where they lie: a generator's errors at hints, carried to places that it would miss likewise.

Gaussian process regression (Rasmussen & Williams, Gaussian Processes for Machine Learning, 2006, 2.2) of the a*, b* by
which the generator misses hints, over place, luma and the generator's own a*, b*: near places that are as light and of
the same color are taken to be missed by as much. With 50 dots of the true color fifteen photographs are off by 43.2 %
less than with none, and by 45.8 % with this (`tests.bench.controls`).
"""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np

from archivecolor.color import FloatArray

_BLOCK: Final = 4
"""Hints in a square of so many of their pixels are one: that many that lie closely tell no more than a few."""
_PLACE: Final = 0.7
"""Standard deviation of the kernel, of the short side."""
_LUMA: Final = 0.1
_AB: Final = 20.0
_NOISE: Final = 0.3
"""Variance of what hints are off by themselves, of that of the errors."""


def missed(chroma: FloatArray, luma: FloatArray, hints: FloatArray) -> FloatArray:
    """What to add to a generator's ``[2, h, w]`` chroma of a picture of which ``[3, h, w]`` hints are known.

    ``luma`` is ``[H, W]``, 0..1. Hints that are none anywhere make zeros.
    """
    _, height, width = chroma.shape
    small = cv2.resize(luma, (width, height), interpolation=cv2.INTER_AREA)
    y, x = np.mgrid[:height, :width] / np.float32(_PLACE * min(height, width))
    where = np.concatenate((np.stack((y, x, small / np.float32(_LUMA))), chroma / np.float32(_AB))).astype(np.float32)
    mask = hints[2:]
    count = _sums(mask)[0]
    on = count > 0
    if not on.any():
        return np.zeros_like(chroma)
    known = _sums(where * mask)[:, on] / count[on]
    error = _sums((hints[:2] - chroma) * mask)[:, on] / count[on]
    gram = _kernel(known, known) + np.float32(_NOISE) * np.eye(known.shape[1], dtype=np.float32)
    weights = np.linalg.solve(gram, error.T)
    found = _kernel(where.reshape(len(where), -1), known) @ weights
    return np.asarray(found.T.reshape(chroma.shape), np.float32)


def _sums(planes: FloatArray) -> FloatArray:
    """Sums of ``[c, h, w]`` planes over squares of `_BLOCK`."""
    c, height, width = planes.shape
    even = np.pad(planes, ((0, 0), (0, -height % _BLOCK), (0, -width % _BLOCK)))
    _, height, width = even.shape
    return np.asarray(even.reshape(c, height // _BLOCK, _BLOCK, width // _BLOCK, _BLOCK).sum(axis=(2, 4)), np.float32)


def _kernel(one: FloatArray, other: FloatArray) -> FloatArray:
    """``[n, m]``: how alike ``[d, n]`` and ``[d, m]`` are, 1 where they are the same."""
    far = np.square(one).sum(axis=0)[:, None] + np.square(other).sum(axis=0) - 2 * one.T @ other
    return np.asarray(np.exp(np.maximum(far, 0) * np.float32(-0.5)), np.float32)
