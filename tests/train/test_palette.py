"""The palette: shares that add up to 1, entries where the pictures have colors."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from tests.fakes.generators import SHAPE
from train.dataset import Photographs, small_chroma
from train.palette import fit_palette


def pictures(*rgb: tuple[int, int, int]) -> Photographs:
    """One-colored pictures of 64 px."""
    made = [np.full((64, 64, 3), c, np.uint8) for c in rgb]
    return Photographs(made, np.ones(len(made)), "digest")


def chroma_of(rgb: tuple[int, int, int]) -> npt.NDArray[np.float32]:
    return small_chroma(np.full((4, 4, 3), rgb, np.float32) / np.float32(255))[:, 0, 0]


@pytest.mark.parametrize("size", [1, SHAPE.palette, 96])
def test_the_shares_of_all_entries_add_up_to_1(photographs: Photographs, size: int) -> None:
    palette = fit_palette(photographs, size, seed=1, samples=60)
    assert palette.ab.shape == (size, 2)
    assert palette.prior.shape == (size,)
    assert palette.ab.dtype == palette.prior.dtype == np.float32
    assert palette.prior.sum() == pytest.approx(1, abs=1e-5)
    assert (palette.prior >= 0).all()
    assert np.isfinite(palette.ab).all()


def test_entries_lie_where_the_pictures_have_colors() -> None:
    colors = [(200, 40, 40), (40, 160, 60), (60, 60, 200)]
    palette = fit_palette(pictures(*colors), 3, seed=1, samples=60)
    for rgb in colors:
        distance = np.abs(palette.ab - chroma_of(rgb)).max(axis=1)
        assert distance.min() <= 2  # half a cell
        assert palette.prior[distance.argmin()] == pytest.approx(1 / 3, abs=0.2)


def test_fewer_colors_than_entries_repeat_without_pixels_of_their_own() -> None:
    palette = fit_palette(pictures((200, 40, 40), (40, 160, 60)), 5, seed=1, samples=40)
    assert len(np.unique(palette.ab, axis=0)) == 2
    assert (palette.prior[2:] == 0).all()
    assert palette.prior.sum() == pytest.approx(1)


def test_the_same_seed_gives_the_same_palette(photographs: Photographs) -> None:
    one, two, other = (fit_palette(photographs, 8, seed, samples=40) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one.ab, two.ab)
    np.testing.assert_array_equal(one.prior, two.prior)
    assert (one.ab != other.ab).any()


def test_rare_strong_colors_get_more_entries_than_their_share_of_pixels() -> None:
    rng = np.random.default_rng(5)
    picture = rng.normal(120, 4, (64, 64, 3))
    picture[:16, :16] = rng.uniform(0, 255, (8, 8, 3)).repeat(2, axis=0).repeat(2, axis=1)  # 6 % of the pixels
    photographs = Photographs([picture.astype(np.uint8)], np.ones(1), "digest")
    palettes = [fit_palette(photographs, 16, seed, samples=60) for seed in range(6)]
    strong = [np.hypot(*p.ab.T) > 20 for p in palettes]
    assert max(p.prior[s].sum() for p, s in zip(palettes, strong, strict=True)) < 0.1
    # Half of them; with weights not by the square root but by the count itself they get 6.8
    assert np.mean([s.sum() for s in strong]) > 8
