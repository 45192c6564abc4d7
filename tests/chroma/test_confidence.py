"""Confidence: from spread, monotone, and readable as a picture."""

from __future__ import annotations

import cv2
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from archivecolor.chroma.confidence import HALF_SPREAD, confidence_of, encode_map

spreads = st.floats(0, 200, width=32)


def test_no_spread_is_sure_and_the_half_spread_is_half_sure() -> None:
    np.testing.assert_allclose(confidence_of(np.array([0, HALF_SPREAD], np.float32)), [1, 0.5])


@given(spreads, spreads)
def test_more_spread_never_gives_more_confidence(one: float, other: float) -> None:
    less, more = confidence_of(np.array([min(one, other), max(one, other)], np.float32))
    assert 0 < more <= less <= 1


def test_a_map_is_a_gray_8_bit_picture_of_the_same_size() -> None:
    confidence = np.linspace(0, 1, 12, dtype=np.float32).reshape(3, 4)
    gray = cv2.imdecode(np.frombuffer(encode_map(confidence), np.uint8), cv2.IMREAD_UNCHANGED)
    assert gray is not None
    assert gray.dtype == np.uint8
    np.testing.assert_allclose(gray / 255, confidence, atol=0.5 / 255 + 1e-6)
