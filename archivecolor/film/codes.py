"""Samples of luma and chroma as integers and as shares of black to white, at any depth and range."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

from archivecolor.color import FloatArray, UIntArray


def convert_luma(luma: UIntArray, source: tuple[int, bool], target: tuple[int, bool]) -> UIntArray:
    """Luma samples of one (depth, full range) as those of another; exact where the target is no narrower.

    Raises `ValueError` for samples that the source's depth has no codes for.
    """
    if source[0] % 8 and int(luma.max(initial=0)) >> source[0]:
        raise ValueError(f"samples of up to {luma.max(initial=0)} are not of {source[0]} bit")
    if (luma.dtype == np.uint8) is not (source[0] == 8):
        raise ValueError(f"{luma.dtype} samples are not of {source[0]} bit")
    if source == target:
        return luma
    dtype = np.uint8 if target[0] == 8 else np.uint16
    depth, full = source
    if not full and not target[1] and target[0] >= depth:
        return np.left_shift(luma, target[0] - depth, dtype=dtype, casting="safe")
    return np.asarray(_luma_table(source, target)[luma])


def luma_bounds(depth: int, *, full: bool) -> tuple[int, int]:
    """Codes of black and white."""
    return (0, (1 << depth) - 1) if full else (16 << (depth - 8), 235 << (depth - 8))


def unit_luma(luma: UIntArray, depth: int, *, full: bool) -> FloatArray:
    """Luma codes as float32, black 0 and white 1, clipped."""
    black, white = luma_bounds(depth, full=full)
    scale = np.float32(1 / (white - black))
    unit = np.multiply(luma if full else luma.astype(np.float32) - np.float32(black), scale, dtype=np.float32)
    return np.clip(unit, 0, 1, out=unit)


def chroma_codes(plane: FloatArray, depth: int, *, full: bool) -> UIntArray:
    """Cb or Cr within -0.5 to 0.5, in the unit where luma goes from 0 to 1, as integer codes."""
    top = (1 << depth) - 1
    scale = top if full else 224 << (depth - 8)
    if depth == 8:
        return np.asarray(cv2.convertScaleAbs(plane, alpha=scale, beta=1 << 7), dtype=np.uint8)
    codes = cv2.addWeighted(plane, scale, plane, 0, 1 << (depth - 1), dtype=cv2.CV_16U)
    return np.asarray(np.minimum(codes, top), dtype=np.uint16)


@lru_cache(maxsize=8)
def _luma_table(source: tuple[int, bool], target: tuple[int, bool]) -> UIntArray:
    black, white = luma_bounds(source[0], full=source[1])
    low, high = luma_bounds(target[0], full=target[1])
    codes = np.arange(1 << source[0], dtype=np.float64)
    mapped = np.rint((codes - black) / (white - black) * (high - low) + low)
    return np.clip(mapped, 0, (1 << target[0]) - 1).astype(np.uint8 if target[0] == 8 else np.uint16)
