"""What references say of a picture: colors where places are alike, nothing elsewhere."""

from __future__ import annotations

import numpy as np
import pytest

from archivecolor.chroma.control.advice import hints_of
from archivecolor.chroma.control.alike import Advice, Places, advice_of, laid, lightness_of, told_by
from archivecolor.chroma.control.paint import Strokes
from archivecolor.color import FloatArray

SIZE = (64, 96)
"""4 x 6 places."""
RED, GREEN = (40.0, 20.0), (-30.0, 30.0)


def features(which: FloatArray, kinds: int = 5) -> FloatArray:
    """Features of places of ``which`` kinds: each is like its own kind and no other."""
    return np.asarray(np.eye(kinds, dtype=np.float32)[which.astype(int)].transpose(2, 0, 1))


def reference(name: str, **colors: tuple[float, float]) -> Places:
    """A reference that shows kinds, ``k1=RED``, at L* 50."""
    kinds = [int(k[1:]) for k in colors]
    ab = np.array(list(colors.values()), np.float32)
    return Places(name, np.eye(5, dtype=np.float16)[kinds], ab, np.full(len(kinds), 50, np.float32))


def places(upper: int = 1, lower: int = 2) -> FloatArray:
    which = np.full((4, 6), upper)
    which[2:] = lower
    return features(which)


@pytest.fixture
def gray() -> FloatArray:
    return np.full(SIZE, 0.466, np.float32)  # L* 50


def heard(advice: Advice | None) -> Advice:
    assert advice is not None
    return advice


def dots(advice: Advice) -> FloatArray:
    """The color of each place's dot, NaN where there is none: ``[4, 6, 2]``."""
    strokes = advice.strokes
    ab = np.where(strokes.weight[..., None] > 0, strokes.ab, np.nan)
    return np.asarray(ab[8::16, 8::16])


def test_what_is_alike_gets_the_references_color_and_what_is_not_gets_none(gray: FloatArray) -> None:
    advice = heard(advice_of([reference("red.jpg", k1=RED, k3=GREEN)], gray, places()))
    np.testing.assert_allclose(dots(advice)[:2], np.broadcast_to(RED, (2, 6, 2)), atol=0.5)
    assert np.isnan(dots(advice)[2:]).all()
    assert advice.names == ("red.jpg",)
    assert advice.likeness == pytest.approx(1, abs=1e-3)


def test_of_several_references_each_place_hears_the_one_that_is_most_like_it(gray: FloatArray) -> None:
    half = Places("half.jpg", np.full((1, 5), 0.5**0.5, np.float16), np.array([GREEN], np.float32), np.full(1, 50.0))
    both = [reference("green.jpg", k2=GREEN), reference("red.jpg", k1=RED), reference("none.jpg", k4=RED), half]
    which = np.full((4, 6), 1)
    which[3:] = 2
    advice = heard(advice_of(both, gray, features(which)))
    np.testing.assert_allclose(dots(advice)[:3], np.broadcast_to(RED, (3, 6, 2)), atol=0.5)
    np.testing.assert_allclose(dots(advice)[3], np.broadcast_to(GREEN, (6, 2)), atol=0.5)
    assert advice.names == ("red.jpg", "green.jpg")


def test_nothing_alike_is_nothing_said(gray: FloatArray) -> None:
    assert advice_of([reference("other.jpg", k3=RED)], gray, places()) is None


def test_a_place_or_two_are_not_enough_to_be_heard() -> None:
    gray = np.full((128, 128), 0.466, np.float32)
    which = np.full((8, 8), 2)
    which[0, :2] = 1
    assert advice_of([reference("red.jpg", k1=RED)], gray, features(which)) is None
    which[0, :3] = 1
    assert heard(advice_of([reference("red.jpg", k1=RED)], gray, features(which))).names == ("red.jpg",)


@pytest.mark.parametrize("luma", [0.0, 1.0])
def test_black_and_white_places_say_nothing(luma: float) -> None:
    assert advice_of([reference("red.jpg", k1=RED, k2=RED)], np.full(SIZE, luma, np.float32), places()) is None


def test_a_neutral_place_stays_neutral(gray: FloatArray) -> None:
    advice = heard(advice_of([reference("city.jpg", k1=RED, k2=(0.0, 0.0))], gray, places()))
    np.testing.assert_allclose(dots(advice)[2:], 0, atol=0.1)


def test_color_is_as_deep_as_the_place_it_lands_on_is_light() -> None:
    lit, dark = (
        heard(advice_of([reference("red.jpg", k1=RED)], np.full(SIZE, y, np.float32), places())) for y in (0.466, 0.15)
    )
    lightness = float(lightness_of(np.full(SIZE, 0.15, np.float32))[0, 0])
    np.testing.assert_allclose(dots(dark)[0], dots(lit)[0] * (lightness + 16) / 66, atol=0.5)


def test_a_color_that_no_screen_shows_there_is_brought_in(gray: FloatArray) -> None:
    advice = heard(advice_of([reference("laser.jpg", k1=(0.0, -140.0))], gray, places()))
    found = dots(advice)[0, 0]
    assert -70 < found[1] < -40
    assert abs(found[0]) < 1


class TestWithStrokes:
    def strokes(self, rows: slice) -> Strokes:
        weight = np.zeros(SIZE, np.float32)
        weight[rows, 20:40] = 1
        return Strokes(np.full((*SIZE, 2), GREEN, np.float32), weight)

    def test_alone_each_is_what_it_is(self, gray: FloatArray) -> None:
        advice, strokes = advice_of([reference("red.jpg", k1=RED)], gray, places()), self.strokes(slice(4, 8))
        np.testing.assert_array_equal(told_by(None, strokes, gray, (16, 24)), hints_of(strokes, (16, 24)))
        said = told_by(advice, None, gray, (16, 24))
        np.testing.assert_array_equal(said, hints_of(heard(advice).strokes, (16, 24)))
        assert (said[2] > 0).sum() == 12 * 4
        assert not told_by(None, None, gray, (16, 24)).any()

    def test_on_what_is_painted_no_reference_is_heard(self, gray: FloatArray) -> None:
        gray[32:] = 0.9  # another thing, which the paint does not reach
        advice = advice_of([reference("red.jpg", k1=RED, k2=RED)], gray, places())
        hints = told_by(advice, self.strokes(slice(4, 8)), gray, (16, 24))
        upper, lower = hints[:, :8], hints[:, 8:]
        assert {tuple(x) for x in np.rint(upper[:2, upper[2] > 0]).T} == {GREEN}
        assert (lower[2] > 0).sum() == 12 * 4
        assert (lower[0, lower[2] > 0] > 0).all()


def test_references_are_laid_over_what_the_generator_says_and_not_over_paint(gray: FloatArray) -> None:
    gray[:, 47:49] = 0  # two things, and the line between them
    advice = heard(advice_of([reference("red.jpg", k1=RED)], gray, places(1, 1)))
    said = np.zeros((*SIZE, 2), np.float32)
    assert np.linalg.norm(laid(advice, None, gray, said).ab - RED, axis=-1)[:, :40].max() < 3
    stroke = np.zeros(SIZE, np.float32)
    stroke[20:40, 60:80] = 1
    made = laid(advice, Strokes(np.full((*SIZE, 2), GREEN, np.float32), stroke), gray, said)
    assert np.linalg.norm(made.ab - RED, axis=-1)[:, :40].max() < 3
    assert np.abs(made.ab[:, 56:]).max() < 2
    assert made.rule[:, 56:].max() < 0.1
