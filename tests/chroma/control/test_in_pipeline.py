"""A reference, hints and confidence where they meet a photograph."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from archivecolor.chroma.confidence import confidence_of
from archivecolor.chroma.control.references import NOT_ALIKE
from archivecolor.chroma.still import Colorizer
from archivecolor.color import UIntArray
from archivecolor.errors import InputError
from archivecolor.settings import ColorSettings
from tests.fakes.engines import FakeEngine, fake_folder


def blues(path: Path) -> UIntArray:
    """Write a photograph in two blues of one luma; gives a flat one of that luma."""
    luma = np.full((64, 96), 80, np.uint8)
    rgb = np.repeat(luma[..., None].astype(int), 3, axis=2)
    rgb[:32] += np.array((-30, 6, 50))
    rgb[32:] += np.array((30, -25, 50))
    Image.fromarray(rgb.astype(np.uint8)).save(path)
    return luma


@pytest.mark.parametrize("hints", [True, False])
def test_a_reference_gives_its_colors_to_what_is_alike_and_one_without_color_is_refused(
    tmp_path: Path, hints: bool
) -> None:
    engine = FakeEngine(folder=fake_folder(hints=hints))
    blues(tmp_path / "blue.png")
    Image.fromarray(np.full((64, 96), 99, np.uint8)).save(tmp_path / "gray.png")
    luma = np.full((64, 96), 80, np.uint8)
    with Colorizer(engine, ColorSettings(references=(tmp_path / "blue.png",))) as colorizer:
        red, _, blue = colorizer.color(luma)[6:10, 6:10].reshape(-1, 3).mean(axis=0)  # in the middle of a place
        assert blue > red + 30  # the engine says orange
        [found] = colorizer.estimate([colorizer.network_y(luma)])
        assert found.references == ("blue.png",)
    with pytest.raises(InputError, match=r"gray.png: is not in color \(a reference is"):
        Colorizer(FakeEngine(), ColorSettings(references=(tmp_path / "gray.png",)))


def test_a_photograph_that_no_reference_is_like_is_colored_as_without_and_that_is_told(tmp_path: Path) -> None:
    Image.fromarray(np.random.default_rng(0).integers(0, 60, (64, 64, 3), np.uint8)).save(tmp_path / "dark.png")
    Image.fromarray(np.full((64, 96), 240, np.uint8)).save(tmp_path / "a.png")
    with Colorizer(FakeEngine(), ColorSettings(references=(tmp_path / "dark.png",))) as colorizer:
        assert colorizer.color_file(tmp_path / "a.png", tmp_path / "b.png") == (NOT_ALIKE,)
    with Image.open(tmp_path / "b.png") as image:
        assert "reference" not in image.info["XML:com.adobe.xmp"]
        with Colorizer(FakeEngine()) as colorizer:
            np.testing.assert_array_equal(np.asarray(image), colorizer.color(np.full((64, 96), 240, np.uint8)))


def test_paint_is_right_where_a_reference_says_otherwise(tmp_path: Path) -> None:
    luma = blues(tmp_path / "blue.png")
    layer = green_strokes(tmp_path / "layer.png")
    for hints in (True, False):
        engine = FakeEngine(folder=fake_folder(hints=hints))
        with Colorizer(engine, ColorSettings(references=(tmp_path / "blue.png",))) as colorizer:
            red, green, _ = colorizer.color(luma, hints=layer)[32, 20].astype(int)
            assert green > red + 20, hints


def test_what_was_heard_of_references_is_in_the_record(tmp_path: Path) -> None:
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)).save(tmp_path / "photo.png")
    Image.fromarray(np.full((64, 96), 127, np.uint8)).save(tmp_path / "a.png")
    with Colorizer(FakeEngine(), ColorSettings(references=(tmp_path / "photo.png",))) as colorizer:
        colorizer.color_file(tmp_path / "a.png", tmp_path / "b.png")
    with Image.open(tmp_path / "b.png") as image:
        assert "settings: reference photo.png" in image.info["XML:com.adobe.xmp"]
        assert str(tmp_path) not in image.info["XML:com.adobe.xmp"]


def test_a_file_gets_its_hints_by_name_and_a_map_of_confidence(tmp_path: Path) -> None:
    Image.fromarray(np.full((64, 96), 120, np.uint8)).save(tmp_path / "a.png")
    (tmp_path / "hints").mkdir()
    strokes = np.zeros((64, 96, 4), np.uint8)
    strokes[30:34, 10:30] = (60, 200, 60, 255)
    Image.fromarray(strokes).save(tmp_path / "hints" / "a.png")
    with Colorizer(FakeEngine(), ColorSettings(hints=tmp_path / "hints")) as colorizer:
        assert colorizer.color_file(tmp_path / "a.png", tmp_path / "b.png", confidence=tmp_path / "map.png") == ()
    red, green, _ = np.asarray(Image.open(tmp_path / "b.png"))[32, 20].astype(int)
    assert green > red + 30
    sure = np.asarray(Image.open(tmp_path / "map.png"))
    assert sure.dtype == np.uint8
    assert sure.max() == 255  # painted
    np.testing.assert_allclose(sure.min() / 255, float(confidence_of(np.array(10, np.float32))), atol=0.003)


def album(path: Path, count: int = 2) -> Path:
    """A file of flat pages, each darker than the one before."""
    pages = [Image.fromarray(np.full((64, 96), 120 - 30 * page, np.uint8)) for page in range(count)]
    pages[0].save(path, save_all=True, append_images=pages[1:])
    return path


def green_strokes(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    strokes = np.zeros((64, 96, 4), np.uint8)
    strokes[30:34, 10:30] = (60, 200, 60, 255)
    Image.fromarray(strokes).save(path)
    return path


def greener(path: Path) -> list[bool]:
    """Of which pages the place that was painted on is green."""
    found = []
    with Image.open(path) as image:
        for page in range(getattr(image, "n_frames", 1)):
            image.seek(page)
            red, green, _ = np.asarray(image)[32, 20].astype(int)
            found.append(bool(green > red))
    return found


def test_hints_color_the_first_page_of_several_and_that_is_told(tmp_path: Path) -> None:
    layer = green_strokes(tmp_path / "strokes.png")
    with Colorizer(FakeEngine()) as colorizer:
        said = colorizer.color_file(album(tmp_path / "a.tif"), tmp_path / "b.tif", hints=layer)
    assert "the hints color only its first page" in said
    assert greener(tmp_path / "b.tif") == [True, False]


def test_each_page_gets_the_layer_of_its_number(tmp_path: Path) -> None:
    for page in (2, 3):
        green_strokes(tmp_path / "hints" / "a.tif" / f"{page}.png")
    with Colorizer(FakeEngine(), ColorSettings(hints=tmp_path / "hints")) as colorizer:
        assert colorizer.color_file(album(tmp_path / "a.tif", 3), tmp_path / "b.tif") == ()
        assert greener(tmp_path / "b.tif") == [False, True, True]
        green_strokes(tmp_path / "hints" / "a.tif" / "4.png")
        with pytest.raises(InputError, match=r"4\.png: names no page of a\.tif \(it has 3\)"):
            colorizer.color_file(tmp_path / "a.tif", tmp_path / "c.tif")
    assert not (tmp_path / "c.tif").exists()


def test_an_engine_that_does_not_tell_its_spread_still_colors(tmp_path: Path) -> None:
    Image.fromarray(np.full((64, 96), 120, np.uint8)).save(tmp_path / "a.png")
    engine = FakeEngine()
    engine.spread = None
    with Colorizer(engine) as colorizer:
        [made] = colorizer.estimate([np.full((64, 96), 0.5, np.float32)])
        assert made.confidence is None
        assert made.mean_confidence is None
        said = colorizer.color_file(tmp_path / "a.png", tmp_path / "b.png", confidence=tmp_path / "map.png")
    assert said == ("generator 'fake' does not report its confidence",)
    assert not (tmp_path / "map.png").exists()


def test_the_record_tells_of_paint_only_where_there_is_some_and_names_files_without_their_place(
    tmp_path: Path,
) -> None:
    (tmp_path / "hints").mkdir()
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 64, 3), np.uint8)).save(tmp_path / "photo.png")
    settings = ColorSettings(warmth=0.5, references=(tmp_path / "photo.png",), hints=tmp_path / "hints")
    with Colorizer(FakeEngine(), settings) as colorizer:
        plain, painted = colorizer.record(), colorizer.record(painted=True)
        heard = colorizer.record(references=["photo.png", "other.jpg"])
    assert plain.settings == "settings: warmth 0.5"
    assert heard.settings == "settings: warmth 0.5, reference photo.png, reference other.jpg"
    assert painted.settings == f"{plain.settings}, colors painted by hand in places"
