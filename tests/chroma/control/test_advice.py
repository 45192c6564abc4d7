"""Strokes as hints: as light as their place, inside sRGB, where they lie; followed by generators that take them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from archivecolor.chroma.control.advice import fitted, followed, hints_of
from archivecolor.chroma.control.paint import Strokes
from archivecolor.chroma.still import Colorizer
from archivecolor.color import FloatArray, gray_to_lightness, lab_to_rgb, rgb_to_lab, srgb_to_linear
from archivecolor.settings import ColorSettings
from tests.fakes.engines import ListeningEngine

H, W = 64, 96
LIGHTNESS = gray_to_lightness(np.array((0.1, 0.9)))


def stroke(rgb: tuple[int, int, int], rows: slice = slice(30, 34), columns: slice = slice(10, 30)) -> Strokes:
    lab = rgb_to_lab(np.array(rgb, np.float32) / 255).astype(np.float32)
    weight = np.zeros((H, W), np.float32)
    weight[rows, columns] = 1
    return Strokes(lab[1:] * weight[..., None], weight, lab[0] * weight)


def gray(value: float) -> FloatArray:
    return np.full((H, W), value, np.float32)


def test_vivid_paint_on_a_dark_place_becomes_the_same_color_under_less_light() -> None:
    blue = stroke((40, 60, 230))
    dark, too_vivid = fitted(blue, gray(0.1))
    assert not too_vivid
    before, after = blue.ab[32, 20], dark.ab[32, 20]
    assert np.hypot(*after) < 0.6 * np.hypot(*before)
    np.testing.assert_allclose(after / np.hypot(*after), before / np.hypot(*before), atol=1e-3)
    assert dark.ab[0, 0].max() == 0
    # Of light itself: red, green and blue shrink alike
    rgb = lab_to_rgb(np.array((LIGHTNESS[0], *after)))
    shares = srgb_to_linear(rgb) / srgb_to_linear(np.array((40, 60, 230)) / 255)
    assert shares.max() < 1.1 * shares.min()


def test_paint_darker_than_its_place_stays_as_vivid_as_it_is() -> None:
    navy = stroke((20, 20, 60))
    light, too_vivid = fitted(navy, gray(0.6))
    assert not too_vivid
    np.testing.assert_allclose(light.ab[32, 20], navy.ab[32, 20], atol=0.1)


def test_what_srgb_cannot_show_there_is_brought_in_and_said() -> None:
    blue = stroke((0, 0, 255))
    strokes, too_vivid = fitted(blue, gray(0.9))
    assert too_vivid
    ab = strokes.ab[32, 20]
    rgb = lab_to_rgb(np.array((LIGHTNESS[1], *ab)))
    assert rgb.min() > -0.01
    assert rgb.max() < 1.01
    assert np.hypot(*ab) > 3
    np.testing.assert_allclose(ab / np.hypot(*ab), blue.ab[32, 20] / np.hypot(*blue.ab[32, 20]), atol=1e-3)


def test_paint_without_a_lightness_of_its_own_is_only_brought_into_gamut() -> None:
    strokes = Strokes(np.full((H, W, 2), (20, 30), np.float32), np.ones((H, W), np.float32))
    np.testing.assert_allclose(fitted(strokes, gray(0.3))[0].ab, strokes.ab, atol=0.2)


def test_hints_lie_where_strokes_do_in_their_color() -> None:
    hints = hints_of(stroke((200, 60, 40), slice(28, 36), slice(8, 32)), (16, 24))
    assert hints.shape == (3, 16, 24)
    expected = np.zeros((16, 24), np.float32)
    expected[7:9, 2:8] = 1
    np.testing.assert_array_equal(hints[2], expected)
    ab = rgb_to_lab(np.array((200, 60, 40), np.float32) / 255)[1:]
    np.testing.assert_allclose(hints[:2, 7, 4], ab, atol=0.1)
    assert not hints[:2, hints[2] == 0].any()


def test_the_thinnest_stroke_still_makes_a_hint_and_a_ragged_edge_none() -> None:
    line = hints_of(stroke((200, 60, 40), slice(30, 31), slice(8, 32)), (16, 24))
    assert line[2].sum() == 6
    ragged = hints_of(stroke((200, 60, 40), slice(27, 36), slice(8, 32)), (16, 24))
    assert ragged[2, 6].sum() == 0  # one row of four
    assert ragged[2, 7:9].sum() == 12


@pytest.fixture
def layer(tmp_path: Path) -> Path:
    strokes = np.zeros((H, W, 4), np.uint8)
    strokes[28:36, 8:32] = (60, 200, 60, 255)
    Image.fromarray(strokes).save(tmp_path / "strokes.png")
    return tmp_path / "strokes.png"


def test_a_generator_that_takes_hints_is_told_them_and_decides_how_far_they_go(layer: Path) -> None:
    engine = ListeningEngine()
    with Colorizer(engine) as colorizer:
        red, green, _ = colorizer.color(np.full((H, W), 120, np.uint8), hints=layer)[2, 90].astype(int)
        plain = colorizer.color(np.full((H, W), 120, np.uint8))[2, 90].astype(int)
    assert green > red + 30  # far from the stroke
    assert plain[0] > plain[2] + 15
    assert engine.told[0] is not None
    assert engine.told[0][0, 2].sum() == 12
    assert engine.told[1] is None


def test_of_several_pictures_each_gets_its_own_hints(layer: Path, tmp_path: Path) -> None:
    Image.fromarray(np.full((H, W), 120, np.uint8)).save(tmp_path / "a.png")
    engine = ListeningEngine()
    with Colorizer(engine) as colorizer:
        painted = colorizer.load_still(tmp_path / "a.png", hints={0: layer})
        plain = colorizer.load_still(tmp_path / "a.png")
        made = colorizer.estimate([plain.network_y, painted.network_y], [plain.strokes, painted.strokes])
    assert made[0].ab[0, 0, 1] == 20  # the fake's own
    assert made[1].ab[0, 0, 0] < -20
    assert engine.told[0] is not None
    assert not engine.told[0][0].any()


def test_hints_too_vivid_for_their_place_are_told_with_the_file(tmp_path: Path, layer: Path) -> None:
    Image.fromarray(np.full((H, W), 250, np.uint8)).save(tmp_path / "a.png")
    with Colorizer(ListeningEngine()) as colorizer:
        said = colorizer.color_file(tmp_path / "a.png", tmp_path / "b.png", hints=layer)
    assert said == ("some hints are more vivid than what they lie on can be, and were brought in: strokes.png",)


def test_each_page_is_told_its_own_hints(tmp_path: Path, layer: Path) -> None:
    pages = [Image.fromarray(np.full((H, W), 120 - 30 * page, np.uint8)) for page in range(2)]
    pages[0].save(tmp_path / "a.tif", save_all=True, append_images=pages[1:])
    (tmp_path / "hints" / "a.tif").mkdir(parents=True)
    layer.rename(tmp_path / "hints" / "a.tif" / "2.png")
    engine = ListeningEngine()
    with Colorizer(engine, ColorSettings(hints=tmp_path / "hints")) as colorizer:
        colorizer.color_file(tmp_path / "a.tif", tmp_path / "b.tif")
    assert [told is not None for told in engine.told] == [False, True]


def test_paint_rules_where_the_generator_has_followed_it_and_nowhere_else() -> None:
    paint = stroke((200, 60, 40))
    plain = np.zeros((H, W, 2), np.float32)
    told = plain.copy()
    told[:, :60] = (30, 25)
    luma = gray(0.5)
    luma[:, 36:] = 0.9
    made = followed(paint, luma, plain, told)
    assert (made.rule[:, :60] == 1).all(), "beyond an edge of luma it has followed, too"
    assert (made.rule[:, 60:] == 0).all()
    np.testing.assert_allclose(made.ab[32, 12], paint.ab[32, 12], atol=1)
    np.testing.assert_allclose(made.ab[5, 50], (30, 25), atol=1)
