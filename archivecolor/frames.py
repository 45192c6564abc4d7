"""Geometry between a picture and what the network sees: sizes, and turning stored rows upright."""

from __future__ import annotations

from enum import IntEnum
from typing import TypeVar

import numpy as np
import numpy.typing as npt

Scalar = TypeVar("Scalar", bound=np.generic)

LONGEST_NETWORK_SIDE = 4
"""The network sees pictures of at most this aspect ratio; longer ones are squeezed."""


class Orientation(IntEnum):
    """How stored rows and columns relate to the upright picture: TIFF 6.0 tag 274, also used by EXIF."""

    UPRIGHT = 1
    MIRRORED = 2
    ROTATED_180 = 3
    FLIPPED = 4
    TRANSPOSED = 5
    ROTATE_CW = 6
    TRANSVERSED = 7
    ROTATE_CCW = 8

    @property
    def swaps_sides(self) -> bool:
        """Whether stored width is upright height."""
        return self >= Orientation.TRANSPOSED

    def to_upright(self, stored: npt.NDArray[Scalar]) -> npt.NDArray[Scalar]:
        """Turn a stored ``[h, w, ...]`` array upright (a view)."""
        x = stored
        if self.swaps_sides:
            x = x.swapaxes(0, 1)
        if self in (Orientation.MIRRORED, Orientation.ROTATED_180, Orientation.ROTATE_CW, Orientation.TRANSVERSED):
            x = x[:, ::-1]
        if self in (Orientation.ROTATED_180, Orientation.FLIPPED, Orientation.TRANSVERSED, Orientation.ROTATE_CCW):
            x = x[::-1]
        return x

    def to_stored(self, upright: npt.NDArray[Scalar]) -> npt.NDArray[Scalar]:
        """Undo `to_upright` (a view)."""
        inverse = {Orientation.ROTATE_CW: Orientation.ROTATE_CCW, Orientation.ROTATE_CCW: Orientation.ROTATE_CW}
        return inverse.get(self, self).to_upright(upright)


def network_size(height: int, width: int, short_px: int, multiple: int) -> tuple[int, int]:
    """Height and width at which the network sees a picture.

    The short side is near ``short_px``, both are multiples of ``multiple``; the aspect ratio is kept to within that and
    to at most `LONGEST_NETWORK_SIDE` to 1.
    """
    short = max(multiple, round(short_px / multiple) * multiple)
    aspect = min(max(height, width) / min(height, width), LONGEST_NETWORK_SIDE)
    long = max(multiple, round(short * aspect / multiple) * multiple)
    return (short, long) if height <= width else (long, short)
