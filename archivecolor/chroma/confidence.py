"""Where the generator was guessing: its spread as a confidence from 0 to 1, and as a small picture.

The spread is the error that the generator expects of itself, in units of a* and b*, and it is roughly right: on 60
photographs that it was never trained on, the tenth of the pixels with the least spread (5.8 on average) was off by 4.1,
the middle (12) by 12, the tenth with the most (27) by 22. Its rank correlation with the true error is 0.42 over all
pixels and 0.45 over whole pictures; with the first generator that of the distribution's entropy and of its likeliest
entry's probability were lower. It tells what could have been of another color, not what is of the wrong one.

``python -m tests.bench.controls FOLDER`` measures it.
"""

from __future__ import annotations

from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from archivecolor.color import FloatArray

HALF_SPREAD: Final = 10.0
"""Units of a* and b*. A confidence of one half: what the shipped generator has in the middle of its range."""


def confidence_of(spread: FloatArray) -> FloatArray:
    """``1 / (1 + (spread / HALF_SPREAD)^2)``: 1 where the generator thought of one color only, towards 0 with more."""
    return np.asarray(1 / (1 + np.square(spread / np.float32(HALF_SPREAD))), dtype=np.float32)


def encode_map(confidence: FloatArray) -> bytes:
    """``[h, w]`` confidence as an 8-bit gray PNG: 0 is none, 255 is sure."""
    gray: npt.NDArray[np.uint8] = np.rint(confidence * 255).astype(np.uint8)
    made, data = cv2.imencode(".png", gray)
    if not made:
        raise ValueError(f"a confidence map of {confidence.shape} cannot be encoded")
    return data.tobytes()
