"""Early color: exposures through three filters made one picture, and scans of old film freed of border and cast."""

from __future__ import annotations

from typing import Any, TypeAlias

import cv2
import numpy as np
import numpy.typing as npt

Picture: TypeAlias = npt.NDArray[np.uint8]

_SIDE_PX = 320
"""The plates' short side afterwards; they are aligned at half of that."""
_BORDER = 0.085
_LIKENESS = 0.55
"""Exposures that correlate less than this do not belong together, or are damaged."""


def together(plate: Picture) -> Picture | None:
    """Blue, green and red exposures, one below the other in ``[3 h, w]``, as ``[h, w, 3]`` sRGB; None if they part."""
    height = plate.shape[0] // 3
    if height < plate.shape[1] * 0.6:
        return None
    scale = min(1.0, _SIDE_PX / min(height, plate.shape[1]))
    size = (round(plate.shape[1] * scale), round(height * scale))
    blue, green, red = (
        np.asarray(cv2.resize(plate[i * height : (i + 1) * height], size, interpolation=cv2.INTER_AREA), np.uint8)
        for i in range(3)
    )
    aligned = [_aligned(exposure, green) for exposure in (red, blue)]
    if aligned[0] is None or aligned[1] is None:
        return None
    rgb = np.stack([aligned[0], green, aligned[1]], axis=2)
    return _calm(balanced(without_border(np.asarray(rgb, dtype=np.uint8), _BORDER)))


def _edges(grey: Picture) -> npt.NDArray[np.float32]:
    smooth = cv2.GaussianBlur(grey.astype(np.float32), (0, 0), 1.5)
    strength = cv2.magnitude(cv2.Sobel(smooth, cv2.CV_32F, 1, 0), cv2.Sobel(smooth, cv2.CV_32F, 0, 1))
    return np.asarray(np.log1p(strength), dtype=np.float32)


def _aligned(moving: Picture, still: Picture) -> Picture | None:
    """``moving`` laid over ``still`` by an affine map between their edges, found at half the size."""
    h, w = still.shape
    half = (w // 2, h // 2)
    inner = np.zeros(half[::-1], np.uint8)
    inner[half[1] // 10 : half[1] * 9 // 10, half[0] // 10 : half[0] * 9 // 10] = 255
    edges = [_edges(np.asarray(cv2.resize(p, half, interpolation=cv2.INTER_AREA), np.uint8)) for p in (still, moving)]
    warp: npt.NDArray[Any] = np.eye(2, 3, dtype=np.float32)
    criteria = (cv2.TERM_CRITERIA_EPS | cv2.TERM_CRITERIA_COUNT, 60, 1e-4)
    likeness = 0.0
    try:
        for motion in (cv2.MOTION_TRANSLATION, cv2.MOTION_AFFINE):
            likeness, found = cv2.findTransformECC(edges[0], edges[1], warp, motion, criteria, inner, 3)
            warp = np.asarray(found, dtype=np.float32)
    except cv2.error:  # it does not converge
        return None
    if likeness < _LIKENESS:
        return None
    warp[:, 2] *= 2
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(moving, warp, (w, h), flags=flags, borderMode=cv2.BORDER_REPLICATE), np.uint8)


def without_border(picture: Picture, share: float) -> Picture:
    """Cut ``share`` of the sides off at each end."""
    h, w = picture.shape[:2]
    y, x = round(h * share), round(w * share)
    return np.ascontiguousarray(picture[y : h - y, x : w - x])


def balanced(picture: Picture, towards_grey: float = 0.6) -> Picture:
    """Each channel stretched from its 0.7th to its 99.3rd percentile, then most of the way to one mean for all."""
    low, high = np.percentile(picture.reshape(-1, 3), [0.7, 99.3], axis=0)
    level = np.clip((picture - low) / np.maximum(high - low, 1), 1e-3, 1)
    means = level.reshape(-1, 3).mean(axis=0)
    gamma = (np.log(means.mean()) / np.log(means)) ** towards_grey
    return np.asarray(np.rint(level**gamma * 255), dtype=np.uint8)


def _calm(picture: Picture) -> Picture:
    """Fringes of exposures that moved, taken out of chroma by a median."""
    ycc = cv2.cvtColor(picture, cv2.COLOR_RGB2YCrCb)
    for channel in (1, 2):
        ycc[..., channel] = cv2.medianBlur(np.ascontiguousarray(ycc[..., channel]), 7)
    return np.asarray(cv2.cvtColor(ycc, cv2.COLOR_YCrCb2RGB), dtype=np.uint8)
