"""Metrics against scikit-image, published values, and hand-made pictures."""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from skimage import color
from skimage import metrics as image_metrics

from archivecolor import metrics

# scikit-image says that it is typed, and is not
deltae_ciede2000: Any = color.deltaE_ciede2000
peak_signal_noise_ratio: Any = image_metrics.peak_signal_noise_ratio

Lab = tuple[float, float, float]

lightness = st.floats(0, 100)
opponent = st.floats(-128, 128)
lab_values = st.tuples(lightness, opponent, opponent)

# Sharma, Wu, Dalal (2005), table 1: pairs 1 to 3 (blue), 7 and 8 (gray), 9 and 10 (mean hue at the turn), 17 (large),
# 25, 31 and 34
SHARMA = [
    ((50.0, 2.6772, -79.7751), (50.0, 0.0, -82.7485), 2.0425),
    ((50.0, 3.1571, -77.2803), (50.0, 0.0, -82.7485), 2.8615),
    ((50.0, 2.8361, -74.0200), (50.0, 0.0, -82.7485), 3.4412),
    ((50.0, 0.0, 0.0), (50.0, -1.0, 2.0), 2.3669),
    ((50.0, -1.0, 2.0), (50.0, 0.0, 0.0), 2.3669),
    ((50.0, 2.49, -0.001), (50.0, -2.49, 0.0009), 7.1792),
    ((50.0, 2.49, -0.001), (50.0, -2.49, 0.0011), 7.2195),
    ((50.0, 2.5, 0.0), (73.0, 25.0, -18.0), 27.1492),
    ((60.2574, -34.0099, 36.2677), (60.4626, -34.1751, 39.4387), 1.2644),
    ((22.7233, 20.0904, -46.6940), (23.0331, 14.9730, -42.5619), 2.0373),
    ((2.0776, 0.0795, -1.1350), (0.9033, -0.0636, -0.5514), 0.9082),
]


@pytest.mark.parametrize(("lab1", "lab2", "difference"), SHARMA)
def test_ciede2000_gives_the_published_differences(lab1: Lab, lab2: Lab, difference: float) -> None:
    assert metrics.ciede2000(np.array(lab1), np.array(lab2)) == pytest.approx(difference, abs=5e-5)
    assert metrics.ciede2000(np.array(lab2), np.array(lab1)) == pytest.approx(difference, abs=5e-5)


def test_ciede2000_agrees_with_scikit_image(rng: np.random.Generator) -> None:
    lab1 = rng.uniform((0, -100, -100), (100, 100, 100), (50, 40, 3))
    lab2 = lab1 + rng.normal(0, 15, lab1.shape)
    made = metrics.ciede2000(lab1, lab2)
    assert made.shape == (50, 40)
    np.testing.assert_allclose(made, deltae_ciede2000(lab1, lab2), atol=1e-9)


@given(lab_values, lab_values)
@example((0.0, 0.0, 1.0), (0.0, 0.0, -1.0))  # opposite hues have two mean hues
def test_ciede2000_is_symmetric_and_never_negative(lab1: Lab, lab2: Lab) -> None:
    there = metrics.ciede2000(np.array(lab1), np.array(lab2))
    back = metrics.ciede2000(np.array(lab2), np.array(lab1))
    assert there >= 0
    assert there == pytest.approx(float(back), abs=1e-6)


@given(lab_values)
def test_ciede2000_of_a_color_to_itself_is_zero(lab: Lab) -> None:
    assert metrics.ciede2000(np.array(lab), np.array(lab)) == pytest.approx(0, abs=1e-6)


def test_ciede2000_takes_float32_pictures(rng: np.random.Generator) -> None:
    lab = rng.uniform(-50, 50, (2, 9, 9, 3)).astype(np.float32)
    np.testing.assert_allclose(metrics.ciede2000(lab[0], lab[1]), deltae_ciede2000(lab[0], lab[1]), atol=1e-4)


def test_gray_pictures_have_no_colorfulness() -> None:
    gray = np.repeat(np.arange(256, dtype=np.uint8)[:, None, None], 3, axis=2)
    assert metrics.colorfulness(gray) == 0


def test_colorfulness_of_half_red_half_cyan_is_the_formulas() -> None:
    rgb = np.array([[[255, 0, 0], [0, 255, 255]]], np.uint8)
    # rg = 255, -255: mean 0, deviation 255. yb = 127.5, -127.5: mean 0, deviation 127.5
    assert metrics.colorfulness(rgb) == pytest.approx(math.hypot(255, 127.5))


def test_colorfulness_of_one_color_is_its_means_share() -> None:
    rgb = np.full((4, 4, 3), (200, 100, 50), np.uint8)
    assert metrics.colorfulness(rgb) == pytest.approx(0.3 * math.hypot(100, 100))


def test_colorfulness_grows_as_colors_are_spread(rng: np.random.Generator) -> None:
    rgb = rng.integers(100, 156, (20, 20, 3)).astype(np.float64)
    gray = rgb.mean(axis=2, keepdims=True)
    assert metrics.colorfulness(gray + 2 * (rgb - gray)) == pytest.approx(2 * metrics.colorfulness(rgb))


def test_psnr_agrees_with_scikit_image(rng: np.random.Generator) -> None:
    one, two = rng.integers(0, 256, (2, 16, 16, 3)).astype(np.uint8)
    assert metrics.psnr(one, two) == pytest.approx(peak_signal_noise_ratio(one, two))


def test_psnr_of_equal_pictures_is_infinite() -> None:
    rgb = np.zeros((2, 2, 3), np.uint8)
    assert metrics.psnr(rgb, rgb) == math.inf


def test_psnr_of_white_against_black_is_zero() -> None:
    assert metrics.psnr(np.zeros((2, 2, 3), np.uint8), np.full((2, 2, 3), 255, np.uint8)) == 0


def test_mae_is_the_mean_over_all_three_channels() -> None:
    assert metrics.mae(np.zeros((5, 5, 3)), np.full((5, 5, 3), (3.0, -6.0, 0.0))) == pytest.approx(3)


@pytest.mark.parametrize(
    ("error", "near"),
    [
        ((2.0, 0.0, 0.0), True),
        ((3.0, 0.0, 0.0), False),
        ((0.0, 4.0, 0.0), True),
        ((0.0, 5.0, 0.0), False),
        ((0.0, 0.0, -4.4), True),  # rounded, 4
        ((0.0, 0.0, -4.6), False),  # rounded, 5, beyond 2.2 x 2
        ((-2.4, 4.4, 4.4), True),
    ],
)
def test_accuracy_compares_rounded_values_channel_by_channel(error: Lab, near: bool) -> None:
    assert metrics.accuracy(np.zeros((1, 1, 3)), np.full((1, 1, 3), error), 2) == float(near)


def test_accuracy_is_a_share_of_pixels() -> None:
    lab = np.zeros((1, 4, 3))
    other = lab.copy()
    other[0, 0] = 50
    assert metrics.accuracy(lab, other, 5) == pytest.approx(0.75)


def test_frames_of_one_look_are_perfectly_consistent_in_color(rng: np.random.Generator) -> None:
    frame = rng.integers(0, 256, (8, 8, 3)).astype(np.uint8)
    assert metrics.color_distribution_consistency([frame] * 6) == 0
    assert metrics.color_distribution_consistency([frame]) == 0


def test_colors_that_flicker_between_black_and_white_are_as_inconsistent_as_can_be() -> None:
    black, white = np.zeros((4, 4, 3), np.uint8), np.full((4, 4, 3), 255, np.uint8)
    # One and three frames apart all differ, two and four apart none
    made = metrics.color_distribution_consistency([black, white] * 4)
    assert made == pytest.approx(math.log(2) / 3)


def entropy(shares: npt.NDArray[np.float64]) -> float:
    return float(-np.sum(shares[shares > 0] * np.log(shares[shares > 0])))


def test_color_consistency_is_the_entropy_that_mixing_two_frames_adds(rng: np.random.Generator) -> None:
    frames = [rng.normal(100 + 10 * i, 20, (16, 16, 3)).clip(0, 255).astype(np.uint8) for i in range(6)]
    shares = [[np.bincount(f[..., c].ravel(), minlength=256) / 256 for c in range(3)] for f in frames]
    over_steps = []
    for d in (1, 2, 4):
        pairs = [(shares[t][c], shares[t + d][c]) for t in range(6 - d) for c in range(3)]
        over_steps.append(np.mean([entropy((p + q) / 2) - (entropy(p) + entropy(q)) / 2 for p, q in pairs]))
    assert metrics.color_distribution_consistency(frames) == pytest.approx(np.mean(over_steps))


@pytest.fixture
def texture(rng: np.random.Generator) -> npt.NDArray[np.uint8]:
    """A luma in which motion can be seen, larger than the frames cut out of it."""
    noise = cv2.GaussianBlur(rng.standard_normal((96, 120)).astype(np.float32), (0, 0), 2.5)
    return np.asarray(128 + 60 * noise / noise.std(), np.float32).clip(0, 255).astype(np.uint8)


def test_color_that_moves_with_the_picture_has_no_warp_error(texture: npt.NDArray[np.uint8]) -> None:
    chroma = np.stack((texture / 4.0, 40 - texture / 8.0), axis=-1).astype(np.float32)
    before, after = np.s_[8:72, 8:104], np.s_[10:74, 11:107]
    moved = metrics.chroma_warp_error(chroma[before], chroma[after], texture[before], texture[after])
    stuck = metrics.chroma_warp_error(chroma[before], chroma[before], texture[before], texture[after])
    assert moved < 0.5
    assert stuck > 10 * moved


def test_warp_error_is_the_squared_distance_in_ab(texture: npt.NDArray[np.uint8]) -> None:
    gray = np.zeros((*texture.shape, 2), np.float32)
    made = metrics.chroma_warp_error(gray, np.full_like(gray, (3, 4)), texture, texture)
    assert made == pytest.approx(25)


@pytest.mark.parametrize(("x", "y"), [(5, 0), (-5, 0), (0, 5), (0, -5)])
def test_what_a_pan_brings_in_was_not_seen_before(texture: npt.NDArray[np.uint8], x: int, y: int) -> None:
    before, after = texture[8:72, 8:104], texture[8 + y : 72 + y, 8 + x : 104 + x]
    seen = metrics.seen_motion(before, after).seen
    along, entering = (seen, x) if x else (seen.T, y)
    lines = along if entering > 0 else along[:, ::-1]
    assert not lines[:, -3:].any()
    assert lines[:, 0].mean() > 0.6, "what goes out next is there still"
    assert lines[:, :-8].mean() > 0.95


def test_frames_that_share_nothing_have_no_warp_error() -> None:
    black, white = np.zeros((32, 32), np.uint8), np.full((32, 32), 255, np.uint8)
    ab = np.zeros((32, 32, 2), np.float32)
    assert metrics.chroma_warp_error(ab, ab + 50, black, white) == 0
