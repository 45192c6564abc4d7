"""Cuts on gray film, from pictures of 64 x 36 pixels.

Neighboring frames are compared by normalized cross-correlation, best of all shifts of up to 2 px, so neither exposure
nor a camera move looks like a cut. A cut must also stand out from the motion around it, and two cuts that lead back to
the same picture are a flash. Blank frames are never cut: there is no color to keep apart.
"""

from __future__ import annotations

from collections import deque
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from archivecolor.chroma.network_input import shrink_codes
from archivecolor.color import UIntArray

UInt8 = npt.NDArray[np.uint8]

THUMB_SIZE: Final = (36, 64)
"""Height and width at which frames are compared."""

_SHIFT_PX: Final = 2
_DISTANCE: Final = 0.45
_CONTRAST: Final = 2.5
"""A cut's distance is at least this many times the median of its neighbors'."""
_NEIGHBORS: Final = 3
_BLANK_STD: Final = 6.0
"""Standard deviation (of 255) at or below which a frame shows nothing."""
_FLASH_FRAMES: Final = 2


def thumb(luma: UIntArray, depth: int = 8) -> UInt8:
    """Scale ``[h, w]`` luma of ``depth`` bits to what the detector compares."""
    small = shrink_codes(luma, THUMB_SIZE)
    if depth > 8:
        small = np.asarray(small >> (depth - 8), dtype=np.uint8)
    return np.asarray(cv2.GaussianBlur(small, (3, 3), 0), dtype=np.uint8)


def distance(first: UInt8, second: UInt8) -> float:
    """1 - normalized cross-correlation of two thumbs, best within 2 px: 0 the same picture, 1 unrelated."""
    inner = second[_SHIFT_PX:-_SHIFT_PX, _SHIFT_PX:-_SHIFT_PX]
    scores = cv2.matchTemplate(first, inner, cv2.TM_CCOEFF_NORMED)
    return 1 - float(scores.max())


class CutDetector:
    """Takes frames one by one; remembers 12 bytes of each, so hours of film fit."""

    def __init__(self) -> None:
        self._recent: deque[tuple[UInt8, float]] = deque(maxlen=_FLASH_FRAMES + 1)
        self._distances: list[float] = []
        self._returns: dict[int, set[int]] = {}
        """Frame -> earlier frames whose predecessor shows the same picture."""

    def push(self, luma: UIntArray, depth: int = 8) -> None:
        """Take the next frame, ``[h, w]`` luma of ``depth`` bits and any size."""
        small = thumb(luma, depth)
        spread = float(small.std())
        here = len(self._distances)
        d = 0.0
        if self._recent:
            before, spread_before = self._recent[-1]
            if min(spread, spread_before) > _BLANK_STD:
                d = distance(before, small)
        if d > _DISTANCE:
            older = list(self._recent)[:-1]
            self._returns[here] = {
                here - (len(older) - i) for i, (past, _) in enumerate(older) if distance(past, small) <= _DISTANCE
            }
        self._distances.append(d)
        self._recent.append((small, spread))

    def sure(self, cut: int) -> float:
        """How clearly a cut stands out: 0 where it only just is one, 1 at twice the distance that makes one."""
        return min(1.0, self._distances[cut] / max(_DISTANCE, _CONTRAST * self._around(cut)) - 1)

    def _around(self, i: int) -> float:
        """The median distance of a frame's neighbors."""
        d = self._distances
        around = d[max(1, i - _NEIGHBORS) : i] + d[i + 1 : i + 1 + _NEIGHBORS]
        return float(np.median(around)) if around else 0.0

    def cuts(self) -> list[int]:
        """Indices of the frames that begin a new shot, in order; frame 0 is not among them."""
        d = self._distances
        hits = [i for i in range(len(d)) if d[i] > _DISTANCE and d[i] > _CONTRAST * self._around(i)]
        flashes: set[int] = set()
        for hit in hits:
            back = self._returns[hit] & set(hits)
            if back - flashes and hit not in flashes:
                flashes |= {hit, max(back)}
        return [i for i in hits if i not in flashes]
