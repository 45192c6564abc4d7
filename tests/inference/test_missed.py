"""What hints tell of a generator's error is carried to places like theirs."""

from __future__ import annotations

import numpy as np

from archivecolor.color import FloatArray
from archivecolor.inference.missed import missed

SIZE = (32, 48)


def hinted(*said: tuple[int, int, float, float]) -> FloatArray:
    hints = np.zeros((3, *SIZE), np.float32)
    for y, x, a, b in said:
        hints[:, y : y + 4, x : x + 4] = np.array([a, b, 1], np.float32)[:, None, None]
    return hints


def picture(right: float) -> tuple[FloatArray, FloatArray]:
    """Chroma of 5, 5 everywhere, and luma of .3 on the left and ``right`` on the right."""
    luma = np.full((4 * SIZE[0], 4 * SIZE[1]), 0.3, np.float32)
    luma[:, 2 * SIZE[1] :] = right
    return np.full((2, *SIZE), 5, np.float32), luma


def test_without_hints_nothing_was_missed() -> None:
    chroma, luma = picture(0.3)
    np.testing.assert_array_equal(missed(chroma, luma, hinted()), 0)


def test_where_hints_agree_with_the_generator_nothing_was_missed() -> None:
    chroma, luma = picture(0.3)
    np.testing.assert_allclose(missed(chroma, luma, hinted((0, 0, 5, 5), (20, 30, 5, 5))), 0, atol=1e-5)


def test_what_is_as_light_is_missed_by_as_much_and_the_rest_is_left() -> None:
    chroma, luma = picture(0.9)
    found = missed(chroma, luma, hinted(*((y, x, 25, -5) for y in (4, 16, 24) for x in (4, 16))))
    assert np.abs(found[:, :, :24] - np.array([20, -10], np.float32)[:, None, None]).max() < 6
    assert np.abs(found[:, :, 24:]).max() < 0.01


def test_what_the_generator_gave_another_color_is_left() -> None:
    chroma, luma = picture(0.3)
    chroma[:, :, 24:] = 80
    found = missed(chroma, luma, hinted((8, 8, 35, 35)))
    assert found[:, 8:12, 8:12].min() > 20
    assert np.abs(found[:, :, 24:]).max() < 0.1


def test_a_single_hint_tells_less_than_many() -> None:
    chroma, luma = picture(0.3)
    one, many = (missed(chroma, luma, hinted(*((8, x, 25, 25) for x in at))) for at in ((20,), (4, 12, 20, 28, 36)))
    assert 0 < one[0, 8, 20] < many[0, 8, 20] <= 21


def test_sides_that_are_no_multiples_of_a_block_are_covered() -> None:
    chroma, luma = np.zeros((2, 9, 14), np.float32), np.full((36, 56), 0.5, np.float32)
    hints = np.zeros((3, 9, 14), np.float32)
    hints[:, 8, 13] = 10, 10, 1
    assert missed(chroma, luma, hints)[:, 8, 13].min() > 7
