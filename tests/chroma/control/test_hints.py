"""Layers of strokes: whose they are, and what is wrong with those that are none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from archivecolor.chroma.control.hints import Hints, read_strokes
from archivecolor.color import UIntArray
from archivecolor.errors import InputError, UsageError

RED = (200, 30, 20)


def layer(path: Path, height: int = 60, width: int = 90, color: tuple[int, ...] = RED) -> UIntArray:
    """A transparent layer with one stroke, written to ``path``."""
    rgba = np.zeros((height, width, 4), np.uint8)
    rgba[height // 3 : height // 2, width // 3 : width // 2] = (*color, 255)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(rgba).save(path)
    return rgba


def test_strokes_are_read_at_any_size_of_the_pictures_shape(tmp_path: Path) -> None:
    for scale in (1, 4):
        layer(tmp_path / "a.png", 60 * scale, 90 * scale)
        strokes = read_strokes(tmp_path / "a.png", (120, 180), (32, 48))
        on = strokes.weight > 0
        assert 0.02 < on.mean() < 0.06
        assert (strokes.ab[on] > 40).all()  # sRGB (200, 30, 20) has a* 60, b* 49
        assert not strokes.ab[~on].any()


def test_a_hairline_on_a_large_scan_still_counts(tmp_path: Path) -> None:
    rgba = np.zeros((2000, 3000, 4), np.uint8)
    rgba[1000:1003, 500:2500] = (*RED, 255)
    Image.fromarray(rgba).save(tmp_path / "a.png")
    assert (read_strokes(tmp_path / "a.png", (2000, 3000), (64, 96)).weight > 0).sum() >= 60


def test_gray_strokes_have_no_chroma(tmp_path: Path) -> None:
    layer(tmp_path / "a.png", color=(128, 128, 128))
    strokes = read_strokes(tmp_path / "a.png", (60, 90), (32, 48))
    assert strokes.weight.any()
    assert np.abs(strokes.ab).max() < 0.1


@pytest.mark.parametrize("mode", ["P", "LA"])
def test_palettes_and_gray_with_transparency_are_read_too(tmp_path: Path, mode: str) -> None:
    image = Image.fromarray(layer(tmp_path / "a.png"))
    if mode == "P":
        image.quantize(8).save(tmp_path / "a.png", transparency=bytes([0] + [255] * 7))
    else:
        image.convert(mode).save(tmp_path / "a.png")
    assert read_strokes(tmp_path / "a.png", (60, 90), (32, 48)).weight.any()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda p: layer(p, 90, 60), "is 60 x 90, its picture 90 x 60"),
        (lambda p: Image.fromarray(np.zeros((60, 90, 3), np.uint8)).save(p), "has no transparency"),
        (lambda p: Image.fromarray(np.full((60, 90, 4), 255, np.uint8)).save(p), "has no transparent part"),
        (lambda p: Image.fromarray(np.zeros((60, 90, 3), np.uint8)).save(p, format="JPEG"), "is not a PNG"),
        (lambda p: p.write_bytes(b"no picture"), "cannot be read"),
        (lambda p: (layer(p), p.write_bytes(p.read_bytes()[:60])), "cannot be read"),
        (lambda p: None, "cannot be read"),
    ],
    ids=["turned", "opaque", "full", "jpeg", "text", "cut off", "missing"],
)
def test_what_is_no_layer_for_the_picture_is_told_by_name(tmp_path: Path, make: object, message: str) -> None:
    path = tmp_path / "a.png"
    make(path)  # type: ignore[operator]
    with pytest.raises(InputError, match=f"a.png: {message}"):
        read_strokes(path, (60, 90), (32, 48))


def test_layers_belong_to_pictures_by_name(tmp_path: Path) -> None:
    layer(tmp_path / "box 1" / "a.png")
    layer(tmp_path / "b.tif.png")
    hints = Hints(tmp_path)
    assert hints.of_still("box 1/a.jpg") == {0: tmp_path / "box 1" / "a.png"}
    assert hints.of_still("b.tif") == {0: tmp_path / "b.tif.png"}
    assert hints.of_still("a.jpg") == {}
    one = Hints(tmp_path / "box 1" / "a.png")
    assert one.of_still("anywhere/a.jpg") == {0: tmp_path / "box 1" / "a.png"}
    assert one.of_still("anywhere/c.jpg") == {}


def test_layers_belong_to_the_pages_of_a_file_by_their_numbers(tmp_path: Path) -> None:
    for name in ("album.png", "album.tif/2.png", "album.tif/Page 03.png", "album/4.png"):
        layer(tmp_path / name)
    album = tmp_path / "album.tif"
    assert Hints(tmp_path).of_still("album.tif") == {
        0: tmp_path / "album.png",
        1: album / "2.png",
        2: album / "Page 03.png",
    }
    layer(album / "0.png")
    with pytest.raises(UsageError, match=r"0\.png: names no page"):
        Hints(tmp_path).of_still("album.tif")


def test_layers_that_belong_to_nothing_are_found(tmp_path: Path) -> None:
    for name in ("box/a.jpg", "b.tif", "film.mp4"):
        (tmp_path / "src" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "src" / name).touch()
    for name in ("box/a.png", "b.tif.png", "film/12.png", "film.mp4/3.png", "c.png", "box/b.png", "src/1.png"):
        layer(tmp_path / "hints" / name)
    strange = [
        p.relative_to(tmp_path / "hints").as_posix() for p in Hints(tmp_path / "hints").strangers(tmp_path / "src")
    ]
    assert strange == ["box/b.png", "c.png", "src/1.png"]
    assert not list(Hints(tmp_path / "hints" / "box" / "a.png").strangers(tmp_path / "src"))
    assert list(Hints(tmp_path / "hints" / "c.png").strangers(tmp_path / "src"))


@pytest.mark.parametrize(
    ("name", "moment"),
    [
        ("120", 120),
        ("000120", 120),
        ("frame_7", 7),
        ("Frame-7", 7),
        ("1-02-03.5", 3723.5),
        ("02-03", 123.0),
        ("0_00_12,25", 12.25),
        ("1h2m3s", 3723.0),
        ("63.5s", 63.5),
    ],
)
def test_a_films_layers_are_named_after_frames_or_times(tmp_path: Path, name: str, moment: float) -> None:
    layer(tmp_path / f"{name}.png")
    [(found, path)] = Hints(tmp_path).of_film()
    assert found == moment
    assert type(found) is type(moment)
    assert path.stem == name


def test_a_films_layer_of_another_name_is_refused(tmp_path: Path) -> None:
    layer(tmp_path / "portrait.png")
    with pytest.raises(UsageError, match=r"portrait.png: names no frame"):
        list(Hints(tmp_path).of_film())


def test_hints_that_are_not_there_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="there are no such hints"):
        Hints(tmp_path / "none")
    (tmp_path / "a.jpg").touch()
    with pytest.raises(UsageError, match="hints are PNG files"):
        Hints(tmp_path / "a.jpg")
