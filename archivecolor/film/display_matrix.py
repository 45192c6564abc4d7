"""How a stored picture is turned to be shown: FFmpeg's matrix of nine integers, and the eight orientations."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from archivecolor.frames import Orientation


def matrix_in(beside: Mapping[str, bytes]) -> tuple[int, ...] | None:
    """The display matrix among a frame's side data."""
    raw = beside.get("DISPLAYMATRIX", b"")
    return tuple(int(v) for v in np.frombuffer(raw, "<i4", 9)) if len(raw) >= 36 else None


def matrix_of(orientation: Orientation) -> tuple[int, ...] | None:
    """The display matrix of an orientation."""
    one = 1 << 16
    for a, b, c, d in (
        (x, 0, 0, y) if straight else (0, x, y, 0) for straight in (1, 0) for x in (one, -one) for y in (one, -one)
    ):
        matrix = (a, b, 0, c, d, 0, 0, 0, 1 << 30)
        if orientation is not Orientation.UPRIGHT and orientation_of(matrix) is orientation:
            return matrix
    return None


def orientation_of(matrix: tuple[int, ...] | None) -> Orientation:
    """The nearest of the eight orientations. Rows of the matrix say where stored x and y point on the screen."""
    if matrix is None:
        return Orientation.UPRIGHT
    a, b, c, d = matrix[0], matrix[1], matrix[3], matrix[4]
    if abs(a) + abs(d) >= abs(b) + abs(c):
        straight = {
            (True, True): Orientation.UPRIGHT,
            (False, True): Orientation.MIRRORED,
            (False, False): Orientation.ROTATED_180,
            (True, False): Orientation.FLIPPED,
        }
        return straight[a >= 0, d >= 0]
    turned = {
        (True, True): Orientation.TRANSPOSED,
        (True, False): Orientation.ROTATE_CW,
        (False, True): Orientation.ROTATE_CCW,
        (False, False): Orientation.TRANSVERSED,
    }
    return turned[b >= 0, c >= 0]
