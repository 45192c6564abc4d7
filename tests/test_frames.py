"""Orientation against Pillow, and the size at which the network sees a picture."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps

from archivecolor.frames import LONGEST_NETWORK_SIDE, Orientation, network_size

ORIENTATION_TAG = 0x0112

sides = st.integers(1, 20_000)


@pytest.mark.parametrize("orientation", Orientation)
def test_upright_is_what_pillow_makes_of_the_exif_tag(orientation: Orientation, rng: np.random.Generator) -> None:
    stored = rng.integers(0, 256, (5, 7, 3)).astype(np.uint8)
    exif = Image.Exif()
    exif[ORIENTATION_TAG] = int(orientation)
    file = io.BytesIO()
    Image.fromarray(stored).save(file, "png", exif=exif)
    with Image.open(file) as picture:
        expected = np.asarray(ImageOps.exif_transpose(picture))
    np.testing.assert_array_equal(orientation.to_upright(stored), expected)
    assert orientation.swaps_sides == (expected.shape[:2] == (7, 5))


@pytest.mark.parametrize("shape", [(3, 4), (5, 7, 3), (2, 2, 2, 2)])
@pytest.mark.parametrize("orientation", Orientation)
def test_stored_undoes_upright_both_ways(orientation: Orientation, shape: tuple[int, ...]) -> None:
    x = np.arange(np.prod(shape)).reshape(shape)
    np.testing.assert_array_equal(orientation.to_stored(orientation.to_upright(x)), x)
    np.testing.assert_array_equal(orientation.to_upright(orientation.to_stored(x)), x)


@pytest.mark.parametrize("orientation", Orientation)
def test_turning_copies_nothing(orientation: Orientation) -> None:
    x = np.zeros((3, 4))
    assert np.shares_memory(orientation.to_upright(x), x)


@given(sides, sides, st.integers(16, 2048), st.sampled_from([1, 8, 32]))
def test_the_network_sees_multiples_near_the_wanted_short_side(
    height: int, width: int, short_px: int, multiple: int
) -> None:
    h, w = network_size(height, width, short_px, multiple)
    assert h % multiple == 0
    assert w % multiple == 0
    assert min(h, w) >= multiple
    assert abs(min(h, w) - max(short_px, multiple)) <= multiple / 2
    assert max(h, w) <= LONGEST_NETWORK_SIDE * min(h, w)


@given(sides, sides, st.integers(64, 512))
def test_the_network_sees_the_pictures_aspect_up_to_the_longest(height: int, width: int, short_px: int) -> None:
    h, w = network_size(height, width, short_px, 32)
    aspect = min(max(height, width) / min(height, width), LONGEST_NETWORK_SIDE)
    assert abs(max(h, w) - min(h, w) * aspect) <= 16
    assert (h <= w) == (height <= width) or h == w


@given(sides, sides, st.integers(64, 512))
def test_a_turned_picture_is_seen_turned(height: int, width: int, short_px: int) -> None:
    assert network_size(width, height, short_px, 32) == network_size(height, width, short_px, 32)[::-1]


def test_known_sizes() -> None:
    assert network_size(1080, 1920, 256, 32) == (256, 448)
    assert network_size(1920, 1080, 256, 32) == (448, 256)
    assert network_size(1, 1, 256, 32) == (256, 256)
    assert network_size(10, 10_000, 256, 32) == (256, 1024)
