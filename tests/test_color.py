"""`color` against scikit-image and Pillow, and the merge against its own promise: luma is kept in every pixel."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image
from skimage.color import rgb2lab

from archivecolor.color import (
    FloatArray,
    UIntArray,
    chroma_to_cbcr,
    gray_to_lightness,
    lab_to_rgb,
    linear_to_srgb,
    luma_of,
    merge_rows,
    rgb_to_lab,
    rgb_to_luma,
    srgb_to_linear,
)

Picture = npt.NDArray[np.uint8]

DEPTHS = (np.uint8, np.uint16)

unit = st.floats(0, 1, width=32)
colors = hnp.arrays(np.float64, (7, 3), elements=st.floats(0, 1))
lumas = st.sampled_from(DEPTHS).flatmap(lambda depth: hnp.arrays(depth, (4, 5)))
chroma_planes = hnp.arrays(np.float32, (4, 5), elements=st.floats(-3, 3, width=32))


def every_value(depth: type[np.uint8] | type[np.uint16]) -> UIntArray:
    return np.arange(np.iinfo(depth).max + 1, dtype=depth)


def cbcr_of(rgb: npt.NDArray[np.floating], luma: npt.NDArray[np.floating]) -> FloatArray:
    """BT.601 Cb, Cr by their definition, in units where luma is 0..1."""
    return np.stack(((rgb[..., 2] - luma) / 1.772, (rgb[..., 0] - luma) / 1.402), axis=-1).astype(np.float32)


def all_hues(luma: UIntArray, size: float) -> tuple[FloatArray, FloatArray]:
    """Cb and Cr of length ``size`` whose hue turns along the last axis."""
    hue = np.linspace(0, 2 * np.pi, luma.shape[-1], dtype=np.float32)
    cb, cr = np.broadcast_arrays(size * np.cos(hue), size * np.sin(hue))
    return np.broadcast_to(cb, luma.shape).astype(np.float32), np.broadcast_to(cr, luma.shape).astype(np.float32)


def fitting(luma: UIntArray, cb: FloatArray, cr: FloatArray) -> npt.NDArray[np.float64]:
    """The merged color before rounding, in the unit of luma, found by halving: chroma scaled until it is in gamut."""
    top = float(np.iinfo(luma.dtype).max)
    y = luma.astype(np.float64)[..., None]
    red, blue = 1.402 * top * cr.astype(np.float64), 1.772 * top * cb.astype(np.float64)
    color = np.stack((red, -(19595 * red + 7471 * blue) / 38470, blue), axis=-1)  # BT.601 in 16 bits
    low, high = np.zeros_like(y), np.full_like(y, 2.0)
    for _ in range(45):  # the first middle is 1, which is as far as it may go
        middle = (low + high) / 2
        rgb = y + middle * color
        fits = ((rgb >= 0) & (rgb <= top)).all(axis=-1, keepdims=True)
        low, high = np.where(fits, middle, low), np.where(fits & (middle < 1), high, middle)
    return y + low * color


@given(colors)
def test_lab_agrees_with_scikit_image(rgb: npt.NDArray[np.float64]) -> None:
    # Its white and matrix have fewer digits than IEC 61966-2-1's
    np.testing.assert_allclose(rgb_to_lab(rgb), rgb2lab(rgb), atol=0.01)


def test_lab_of_white_black_and_primary_red_are_the_published_ones() -> None:
    rgb = np.array([[1, 1, 1], [0, 0, 0], [1, 0, 0]], np.float64)
    published = np.array([[100, 0, 0], [0, 0, 0], [53.24, 80.09, 67.20]])
    np.testing.assert_allclose(rgb_to_lab(rgb), published, atol=0.01)


@given(colors)
def test_lab_comes_back_as_the_same_rgb(rgb: npt.NDArray[np.float64]) -> None:
    np.testing.assert_allclose(lab_to_rgb(rgb_to_lab(rgb)), rgb, atol=1e-12)
    np.testing.assert_allclose(lab_to_rgb(rgb_to_lab(rgb.astype(np.float32))), rgb, atol=5e-5)


@given(hnp.arrays(np.float64, (9,), elements=st.floats(-2, 2)))
def test_srgb_coding_comes_back_even_outside_the_gamut(v: npt.NDArray[np.float64]) -> None:
    np.testing.assert_allclose(srgb_to_linear(linear_to_srgb(v)), v, atol=1e-12)
    np.testing.assert_array_equal(linear_to_srgb(-v), -linear_to_srgb(v))


def test_colors_outside_of_srgb_are_not_clipped() -> None:
    rgb = lab_to_rgb(np.array([50.0, -120.0, 80.0]))
    assert rgb[0] < 0
    np.testing.assert_allclose(rgb_to_lab(rgb), [50, -120, 80], atol=1e-6)


@pytest.mark.parametrize("depth", [np.float32, np.float64])
def test_conversions_keep_the_type_of_their_input(depth: type[np.float32] | type[np.float64]) -> None:
    rgb = np.full((2, 3), 0.4, depth)
    for made in (rgb_to_lab(rgb), lab_to_rgb(rgb), srgb_to_linear(rgb), rgb_to_luma(rgb), gray_to_lightness(rgb)):
        assert made.dtype == depth


def test_lightness_of_a_gray_is_that_of_its_lab() -> None:
    gray = np.linspace(0, 1, 256)
    np.testing.assert_allclose(gray_to_lightness(gray), rgb2lab(np.repeat(gray[:, None], 3, axis=1))[:, 0], atol=0.01)


def test_luma_is_pillows_for_every_color_of_a_dense_grid() -> None:
    axis = np.r_[0:256:5, 255].astype(np.uint8)
    rgb = np.stack(np.meshgrid(axis, axis, axis), axis=-1).reshape(-1, len(axis), 3)
    np.testing.assert_array_equal(luma_of(rgb), np.asarray(Image.fromarray(rgb).convert("L")))


@pytest.mark.parametrize("depth", DEPTHS)
def test_luma_of_a_gray_is_the_gray(depth: type[np.uint8] | type[np.uint16]) -> None:
    gray = every_value(depth)
    np.testing.assert_array_equal(luma_of(np.repeat(gray[:, None], 3, axis=1)), gray)


def test_luma_at_16_bit_is_the_rounded_bt601_one(rng: np.random.Generator) -> None:
    rgb = rng.integers(0, 65536, (400, 3)).astype(np.uint16)
    # The fixed-point weights are a few millionths off: at 16 bit that is up to .4 of a step
    assert np.abs(luma_of(rgb) - rgb @ [0.299, 0.587, 0.114]).max() < 1


@given(lumas, chroma_planes, chroma_planes)
def test_luma_survives_the_merge(luma: UIntArray, cb: FloatArray, cr: FloatArray) -> None:
    rgb = merge_rows(luma, cb, cr)
    assert rgb.dtype == luma.dtype
    assert rgb.shape == (*luma.shape, 3)
    np.testing.assert_array_equal(luma_of(rgb), luma)


@pytest.mark.parametrize("size", [1e-6, 1e-3, 0.05, 0.3, 1, 100])
@pytest.mark.parametrize("depth", DEPTHS)
def test_luma_survives_the_merge_for_every_luma_and_all_hues(
    depth: type[np.uint8] | type[np.uint16], size: float
) -> None:
    luma: UIntArray = np.repeat(every_value(depth)[:, None], 17, axis=1)
    rgb = merge_rows(luma, *all_hues(luma, size))
    np.testing.assert_array_equal(luma_of(rgb), luma)


def test_luma_of_merged_pictures_is_kept_as_pillow_sees_it(rng: np.random.Generator) -> None:
    luma = rng.integers(0, 256, (64, 64)).astype(np.uint8)
    cb, cr = rng.normal(0, 0.4, (2, 64, 64)).astype(np.float32)
    rgb = np.asarray(merge_rows(luma, cb, cr), np.uint8)
    np.testing.assert_array_equal(np.asarray(Image.fromarray(rgb).convert("L")), luma)


@given(lumas, chroma_planes, chroma_planes)
def test_merged_colors_are_scaled_into_the_gamut_and_never_clipped(
    luma: UIntArray, cb: FloatArray, cr: FloatArray
) -> None:
    exact = fitting(luma, cb, cr)
    # R and B are rounded; G takes up what that does to luma, .413 / .587 of a half, and is rounded
    slack = np.array([0.5, 0.86, 0.5]) + 0.02
    assert (np.abs(merge_rows(luma, cb, cr) - exact) <= slack).all()


@given(lumas, chroma_planes, chroma_planes)
def test_merged_colors_keep_their_hue(luma: UIntArray, cb: FloatArray, cr: FloatArray) -> None:
    rgb = merge_rows(luma, cb, cr).astype(np.float64)
    y = luma.astype(np.float64)
    along_b, along_r = (rgb[..., 2] - y) / 1.772, (rgb[..., 0] - y) / 1.402
    wanted = np.hypot(cb, cr)
    across = np.abs(along_b * cr - along_r * cb) / np.where(wanted == 0, 1, wanted)
    assert across.max() < 0.6
    assert (along_b * cb + along_r * cr >= -0.6 * wanted).all()


@pytest.mark.parametrize("depth", DEPTHS)
def test_a_color_that_fits_comes_back_as_it_was(
    depth: type[np.uint8] | type[np.uint16], rng: np.random.Generator
) -> None:
    top = np.iinfo(depth).max
    # One level away from the gamut's border, for luma was rounded
    rgb: UIntArray = rng.integers(1, top, (64, 64, 3)).astype(depth)
    luma = luma_of(rgb)
    cbcr = cbcr_of(rgb / top, luma / top)
    merged = merge_rows(luma, cbcr[..., 0], cbcr[..., 1])
    assert np.abs(merged.astype(np.int64) - rgb).max() <= 1


@pytest.mark.parametrize("depth", DEPTHS)
def test_no_chroma_gives_gray(depth: type[np.uint8] | type[np.uint16]) -> None:
    luma = every_value(depth)[None]
    nothing = np.zeros(luma.shape, np.float32)
    np.testing.assert_array_equal(merge_rows(luma, nothing, nothing), np.repeat(luma[..., None], 3, axis=2))


def test_black_and_white_stay_black_and_white_under_any_chroma() -> None:
    luma = np.array([[0, 255]], np.uint8)
    much = np.full((1, 2), 5.0, np.float32)
    np.testing.assert_array_equal(merge_rows(luma, much, -much), [[[0, 0, 0], [255, 255, 255]]])


def test_chroma_of_muted_colors_is_found_exactly(rng: np.random.Generator) -> None:
    rgb = (0.2 + 0.6 * rng.random((50, 50, 3))).astype(np.float32)
    luma = rgb_to_luma(rgb)
    cbcr = chroma_to_cbcr(luma, rgb_to_lab(rgb)[..., 1:])
    np.testing.assert_allclose(cbcr, cbcr_of(rgb, luma), atol=1e-3)


def test_chroma_of_real_colors_is_found_to_a_fraction_of_a_level(color_photographs: dict[str, Picture]) -> None:
    for picture in color_photographs.values():
        rgb = (picture / 255).astype(np.float32)
        luma = rgb_to_luma(rgb)
        error = np.abs(chroma_to_cbcr(luma, rgb_to_lab(rgb)[..., 1:]) - cbcr_of(rgb, luma)) * 255
        assert error.mean() < 0.05
        assert np.quantile(error, 0.99) < 1


@given(hnp.arrays(np.float32, (5, 5), elements=unit), hnp.arrays(np.float32, (5, 5, 2), elements=st.floats(-200, 200)))
def test_chroma_far_outside_the_gamut_still_gives_numbers(luma: FloatArray, ab: FloatArray) -> None:
    cbcr = chroma_to_cbcr(luma, ab)
    assert cbcr.dtype == np.float32
    assert np.isfinite(cbcr).all()


def test_no_chroma_is_no_cbcr() -> None:
    luma = np.linspace(0, 1, 256, dtype=np.float32).reshape(16, 16)
    np.testing.assert_allclose(chroma_to_cbcr(luma, np.zeros((16, 16, 2), np.float32)), 0, atol=1e-5)
