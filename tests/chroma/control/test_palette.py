"""The palette of a reference: learnt from it, smooth, and quiet about what it does not show."""

from __future__ import annotations

import numpy as np
import pytest

from archivecolor.chroma.control.palette import Palette
from archivecolor.color import FloatArray

SIZE = (48, 64)


def picture(rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    """Luma, and chroma that a generator might predict."""
    luma = rng.uniform(0.1, 0.9, SIZE).astype(np.float32)
    ab = np.stack((20 * luma - 5, 30 * np.sin(5 * luma)), axis=-1) + rng.normal(0, 4, (*SIZE, 2))
    return luma, ab.astype(np.float32)


def test_a_reference_that_the_generator_gets_right_changes_nothing(rng: np.random.Generator) -> None:
    luma, ab = picture(rng)
    palette = Palette.fit(luma, ab, ab)
    other_luma, other = picture(rng)
    np.testing.assert_allclose(palette.applied(other_luma, other), other, atol=0.01)


def test_what_is_alike_gets_the_references_colors(rng: np.random.Generator) -> None:
    def truth(luma: FloatArray, ab: FloatArray) -> FloatArray:
        """A cooler light, and everything light and yellow in truth red."""
        return np.asarray(ab + (0, -8) + 25 * ((ab[..., 1:] > 15) & (luma[..., None] < 0.5)) * (1, -0.5), np.float32)

    luma, ab = picture(rng)
    palette = Palette.fit(luma, ab, truth(luma, ab))
    luma, ab = picture(rng)
    wanted = truth(luma, ab)
    before, after = (np.linalg.norm(x - wanted, axis=-1).mean() for x in (ab, palette.applied(luma, ab)))
    assert after < before / 3


def test_alike_colors_stay_alike(rng: np.random.Generator) -> None:
    luma, ab = picture(rng)
    palette = Palette.fit(luma, ab, rng.normal(0, 30, ab.shape).astype(np.float32))
    ramp = np.linspace(-80, 80, 641, dtype=np.float32)
    for line in (np.stack((ramp, 0 * ramp), -1), np.stack((0 * ramp, ramp), -1), np.stack((ramp, ramp), -1)):
        made = palette.applied(np.full((1, 641), 0.4, np.float32), line[None])[0]
        assert np.linalg.norm(np.diff(made, axis=0), axis=1).max() < 4 * np.linalg.norm(line[1] - line[0])


def test_beyond_what_the_reference_shows_the_shift_does_not_grow(rng: np.random.Generator) -> None:
    luma, ab = picture(rng)
    palette = Palette.fit(luma, ab, 1.5 * ab)
    far = np.array([[[90, 90], [120, 120]]], np.float32)
    shift = palette.applied(np.full((1, 2), 0.5, np.float32), far) - far
    np.testing.assert_allclose(shift[0, 0], shift[0, 1], atol=0.5)
    assert np.abs(shift).max() < 40


@pytest.mark.parametrize("size", [(8, 8), (8, 32), (300, 200)])
def test_any_size_of_reference_will_do(rng: np.random.Generator, size: tuple[int, int]) -> None:
    luma = rng.uniform(0, 1, size).astype(np.float32)
    ab = rng.normal(0, 10, (*size, 2)).astype(np.float32)
    palette = Palette.fit(luma, ab, ab + 5)
    assert np.isfinite(palette.applied(luma, ab)).all()


def test_the_same_reference_gives_the_same_palette(rng: np.random.Generator) -> None:
    luma, ab = picture(rng)
    truth = ab[::-1].copy()
    one, other = (Palette.fit(luma, ab, truth).applied(luma, ab) for _ in range(2))
    np.testing.assert_array_equal(one, other)
