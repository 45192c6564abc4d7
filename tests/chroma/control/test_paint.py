"""Paint fills what it lies on and stays inside it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from archivecolor.chroma.control.paint import Strokes, laid_over, spread
from archivecolor.color import FloatArray

H, W, EDGE = 96, 128, 70
RED = (60.0, 40.0)


def two_regions(rng: np.random.Generator, contrast: float = 0.3, noise: float = 0.0) -> FloatArray:
    """A dark region beside a light one, with grain."""
    luma = np.full((H, W), 0.35, np.float32)
    luma[:, EDGE:] += contrast
    return np.asarray(np.clip(luma + noise * rng.standard_normal((H, W)), 0, 1), np.float32)


def stroke(place: tuple[slice, slice], ab: tuple[float, float] = RED) -> Strokes:
    weight = np.zeros((H, W), np.float32)
    weight[place] = 1
    return Strokes(np.full((H, W, 2), ab, np.float32) * weight[..., None], weight)


def brown() -> FloatArray:
    return np.full((H, W, 2), (8, 15), np.float32)


LEFT = (slice(40, 44), slice(10, 30))


@pytest.mark.parametrize(("noise", "filled"), [(0, 80), (0.02, 60)])
def test_a_stroke_fills_its_region_and_does_not_cross_the_edge(
    rng: np.random.Generator, noise: float, filled: float
) -> None:
    made = spread(stroke(LEFT), two_regions(rng, noise=noise), brown())
    inside = np.linalg.norm(made.ab[:, : EDGE - 2] - RED, axis=-1)
    outside = np.linalg.norm(made.ab[:, EDGE + 2 :] - brown()[:, EDGE + 2 :], axis=-1)
    assert np.percentile(inside, filled) < 6
    assert outside.max() < 1
    assert made.rule[:, EDGE + 2 :].max() < 0.05


def test_a_soft_edge_ends_it_too(rng: np.random.Generator) -> None:
    luma = two_regions(rng)
    for i, x in enumerate(range(EDGE - 2, EDGE + 3)):
        luma[:, x] = 0.35 + 0.3 * (i + 1) / 6
    made = spread(stroke(LEFT), luma, brown())
    np.testing.assert_allclose(made.ab[:, EDGE + 5 :], brown()[:, EDGE + 5 :], atol=1)


def test_gray_paint_takes_color_away(rng: np.random.Generator) -> None:
    made = spread(stroke(LEFT, (0, 0)), two_regions(rng), brown())
    assert np.abs(made.ab[30:55, 5 : EDGE - 5]).max() < 2


def test_each_of_two_strokes_rules_where_it_is(rng: np.random.Generator) -> None:
    luma = two_regions(rng)
    both = stroke(LEFT)
    both.ab[40:44, 100:110] = (-40, 30)
    both.weight[40:44, 100:110] = 1
    made = spread(both, luma, brown())
    np.testing.assert_allclose(made.ab[42, EDGE - 8], RED, atol=4)
    np.testing.assert_allclose(made.ab[42, EDGE + 8], (-40, 30), atol=4)


def test_without_strokes_nothing_changes(rng: np.random.Generator) -> None:
    ab = rng.normal(0, 20, (H, W, 2)).astype(np.float32)
    nothing = Strokes(np.zeros_like(ab), np.zeros((H, W), np.float32))
    for made in (spread(nothing, two_regions(rng), ab), laid_over(nothing, two_regions(rng), ab)):
        np.testing.assert_array_equal(made.ab, ab)
        assert not made.rule.any()


def test_over_a_generator_that_was_told_strokes_of_one_color_are_spread_as_over_any_other(
    rng: np.random.Generator,
) -> None:
    luma = two_regions(rng, noise=0.02)
    twice = stroke(LEFT)
    twice.ab[70:74, 30:50], twice.weight[70:74, 30:50] = RED, 1
    told = rng.normal(0, 20, (H, W, 2)).astype(np.float32)
    np.testing.assert_allclose(laid_over(twice, luma, told).ab, spread(twice, luma, told).ab, atol=0.5)


def test_between_strokes_of_unlike_colors_the_shades_of_a_generator_that_was_told_stay(
    rng: np.random.Generator,
) -> None:
    luma = np.full((H, W), 0.4, np.float32)
    told = brown()
    told[:, 60:70] = (-30, 10)  # a band that luma does not show, such as lies between two things as light as each other
    both = stroke((slice(40, 44), slice(10, 14)))
    both.ab[40:44, 110:114], both.weight[40:44, 110:114] = (-40, -30), 1
    made = laid_over(both, luma, told)
    np.testing.assert_allclose(made.ab[40:44, 10:14], both.ab[40:44, 10:14], atol=3)
    np.testing.assert_allclose(made.ab[40:44, 110:114], both.ab[40:44, 110:114], atol=3)
    step = told[42, 62] - told[42, 56]
    np.testing.assert_allclose(made.ab[42, 62] - made.ab[42, 56], step, atol=6)
    assert np.abs(spread(both, luma, told).ab[42, 62] - spread(both, luma, told).ab[42, 56]).max() < 6


@given(st.integers(0, 2**20), st.integers(33, 90), st.integers(33, 90))
@settings(max_examples=8)
def test_chroma_stays_between_the_generators_and_the_paint(seed: int, height: int, width: int) -> None:
    rng = np.random.default_rng(seed)
    luma = rng.uniform(0, 1, (height, width)).astype(np.float32)
    ab = rng.uniform(-10, 10, (height, width, 2)).astype(np.float32)
    weight = (rng.uniform(0, 1, (height, width)) > 0.98).astype(np.float32)
    paint = rng.uniform(20, 40, (height, width, 2)).astype(np.float32) * weight[..., None]
    made = spread(Strokes(paint, weight), luma, ab)
    assert made.ab.min() > -10.5
    assert made.ab.max() < 40.5
    assert np.isfinite(made.ab).all()
    assert ((made.rule >= 0) & (made.rule <= 1)).all()
