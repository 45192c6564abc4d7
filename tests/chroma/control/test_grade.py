"""Grading: what stays neutral, what never leaves the gamut, and that order is kept."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from archivecolor.chroma.control.grade import graded, saturated, warmed
from archivecolor.color import FloatArray, UIntArray, chroma_to_cbcr, lab_to_rgb, merge_rows
from archivecolor.errors import UsageError
from archivecolor.settings import LARGEST_SATURATION, ColorSettings

saturations = st.floats(1, LARGEST_SATURATION)


def pixels(rng: np.random.Generator, chroma: float = 60) -> tuple[FloatArray, FloatArray]:
    """a*, b* and luma of a few hundred pixels of any color."""
    ab = rng.uniform(-chroma, chroma, (16, 24, 2)).astype(np.float32)
    return ab, rng.uniform(0, 1, (16, 24)).astype(np.float32)


def chroma_of(ab: FloatArray) -> FloatArray:
    return np.asarray(np.hypot(ab[..., 0], ab[..., 1]), dtype=np.float32)


def test_neutral_settings_change_nothing(rng: np.random.Generator) -> None:
    ab, luma = pixels(rng)
    np.testing.assert_array_equal(graded(ab, luma, ColorSettings()), ab)


@pytest.mark.parametrize("saturation", [0, 0.5, 1.7, 3])
@pytest.mark.parametrize("warmth", [-1, 0, 0.4, 1])
def test_no_strength_is_gray_whatever_else_is_set(rng: np.random.Generator, saturation: float, warmth: float) -> None:
    settings = ColorSettings(strength=0, saturation=saturation, warmth=warmth)
    assert not graded(*pixels(rng), settings).any()


@given(saturations, st.integers(0, 99))
def test_saturation_keeps_the_hue_and_takes_no_chroma_away(saturation: float, seed: int) -> None:
    ab, luma = pixels(np.random.default_rng(seed))
    more = saturated(ab, luma, saturation)
    np.testing.assert_allclose(more[..., 0] * ab[..., 1], more[..., 1] * ab[..., 0], atol=0.05)
    assert (chroma_of(more) >= chroma_of(ab) * (1 - 1e-5)).all()


@pytest.mark.parametrize("saturation", [1.5, 3])
def test_saturation_leaves_merging_far_less_to_do_than_a_plain_factor(
    rng: np.random.Generator, saturation: float
) -> None:
    ab, luma = pixels(rng, chroma=25)
    level = np.asarray(np.round(luma * 255), np.uint8)
    before, spared, plain = (
        _lost(level, x) for x in (ab, saturated(ab, luma, saturation), ab * np.float32(saturation))
    )
    assert spared - before < (plain - before) / 10


def _lost(level: UIntArray, ab: FloatArray) -> float:
    """How much color, of 255, merging has to take away to fit the gamut, as a mean."""
    cbcr = chroma_to_cbcr(np.asarray(level / 255, np.float32), ab)
    cb, cr = (cbcr[..., i] * 255 for i in range(2))
    wanted = np.stack((level + 1.402 * cr, level - 0.344136 * cb - 0.714136 * cr, level + 1.772 * cb), axis=-1)
    return float(np.abs(merge_rows(level, cbcr[..., 0], cbcr[..., 1]) - wanted).mean()) - 0.25  # that is rounding


@given(saturations, st.floats(0, 2 * np.pi), st.floats(0.05, 0.95))
def test_a_more_vivid_color_stays_the_more_vivid_one(saturation: float, hue: float, luma: float) -> None:
    chroma = np.linspace(0, 120, 61, dtype=np.float32)
    ab = np.stack((chroma * np.cos(hue), chroma * np.sin(hue)), axis=-1).astype(np.float32)[None]
    made = chroma_of(saturated(ab, np.full((1, 61), luma, np.float32), saturation))[0]
    assert (np.diff(made) >= -1e-3).all()
    assert made[1] >= chroma[1] * (1 - 1e-5)


def test_muted_colors_gain_the_whole_factor_and_vivid_ones_nearly_nothing() -> None:
    luma = np.full((1, 2), 0.5, np.float32)
    ab = np.array([[[0.5, 0.5], [80.0, 67.0]]], np.float32)  # nearly gray; sRGB's red
    gain = chroma_of(saturated(ab, luma, 2)) / chroma_of(ab)
    assert gain[0, 0] == pytest.approx(2, abs=0.05)
    assert gain[0, 1] == pytest.approx(1, abs=0.05)


def test_less_saturation_is_a_plain_factor(rng: np.random.Generator) -> None:
    ab, luma = pixels(rng)
    np.testing.assert_allclose(saturated(ab, luma, 0.25), ab / 4)


def test_warmth_tints_middle_grays_and_leaves_black_and_white_neutral() -> None:
    luma = np.array([[0, 0.5, 1]], np.float32)
    warm, cold = (warmed(np.zeros((1, 3, 2), np.float32), luma, w) for w in (1, -1))
    np.testing.assert_array_equal(warm[0, [0, 2]], 0)
    np.testing.assert_allclose(warm, -cold)
    lightness = np.array([50.0], np.float32)
    red, _, blue = lab_to_rgb(np.concatenate((lightness, warm[0, 1])))
    assert red > blue + 0.05


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("saturation", -0.1, "saturation is -0.1"),
        ("saturation", 3.1, "saturation is 3.1"),
        ("warmth", 1.5, "warmth is 1.5"),
        ("warmth", float("nan"), "warmth is nan"),
        ("strength", 2, "strength is 2"),
    ],
)
def test_settings_out_of_range_are_refused(name: str, value: float, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        ColorSettings(**{name: value})  # type: ignore[arg-type]
