"""What the network sees."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from archivecolor.chroma.network_input import ends, level, network_y, shrink
from archivecolor.frames import Orientation


def test_a_faded_picture_looks_like_the_clean_one() -> None:
    clean = np.tile(np.linspace(0, 255, 256), (256, 1)).astype(np.uint8)
    faded = np.rint(60 + clean * 0.45).astype(np.uint8)  # contrast 0.45, which is stretched whole
    seen = [network_y(x, Orientation.UPRIGHT, 128, 32) for x in (clean, faded)]
    assert np.abs(seen[0] - seen[1]).max() < 0.02


def test_a_clean_picture_without_black_and_white_is_seen_as_it_is() -> None:
    clean = np.tile(np.linspace(14, 230, 256), (256, 1)).astype(np.uint8)
    seen = network_y(clean, Orientation.UPRIGHT, 128, 32)
    np.testing.assert_allclose(seen, shrink(clean, (128, 128)), atol=0.01)


def test_leveling_changes_smoothly_with_contrast() -> None:
    luma = np.linspace(0, 1, 101, dtype=np.float32)
    seen = [level(luma, 0.5 - c / 2, 0.5 + c / 2) for c in np.linspace(0.05, 1, 400)]
    assert max(float(np.abs(a - b).max()) for a, b in pairwise(seen)) < 0.05


@pytest.mark.parametrize("value", [0, 3, 128, 250, 255])
def test_a_blank_picture_stays_as_bright_as_it_is(value: int) -> None:
    seen = network_y(np.full((80, 120), value, np.uint8), Orientation.UPRIGHT, 64, 32)
    np.testing.assert_allclose(seen, value / 255, atol=1e-4)


def test_a_light_wall_stays_light_and_its_grain_small() -> None:
    wall = np.random.default_rng(1).normal(225, 2, (128, 128)).astype(np.uint8)
    seen = network_y(wall, Orientation.UPRIGHT, 128, 32)
    assert 0.75 < seen.mean() < 1
    assert seen.std() < 5 * (wall / 255).std()


def test_outliers_do_not_hold_the_contrast_down() -> None:
    luma = np.full((200, 200), 0.3, np.float32)
    luma[:100] = 0.6
    luma[0, :50] = 1.0  # a scratch
    black, white = ends(luma)
    assert (black, white) == pytest.approx((0.3, 0.6))
    assert np.unique(level(luma, black, white)).tolist() == [0.0, 1.0]


@pytest.mark.parametrize("orientation", list(Orientation))
def test_the_network_sees_pictures_upright_whatever_way_they_are_stored(orientation: Orientation) -> None:
    upright = np.random.default_rng(2).integers(0, 256, (96, 160)).astype(np.uint8)
    stored = np.ascontiguousarray(orientation.to_stored(upright))
    seen, expected = (network_y(x, o, 96, 32) for x, o in ((stored, orientation), (upright, Orientation.UPRIGHT)))
    np.testing.assert_allclose(seen, expected, atol=0.01)


def test_shrinking_averages_and_knows_the_depth() -> None:
    luma = np.array([[0, 65535], [65535, 0]], np.uint16).repeat(8, 0).repeat(8, 1)
    np.testing.assert_allclose(shrink(luma, (1, 1)), 0.5, atol=1e-4)
