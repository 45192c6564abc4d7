"""Pictures stored sideways: rows stay as stored, the file says once how to turn them, the network sees them upright."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import tifffile
from PIL import Image, ImageOps

from archivecolor.chroma.still import Colorizer
from archivecolor.color import FloatArray
from archivecolor.settings import OutputSettings, StillFormat
from tests.fakes.engines import FakeEngine
from tests.stills.sources import GRAY8, luma_of, png, png_chunk

# How a viewer turns what is stored (TIFF 6.0, tag 274), as Pillow's names for it
TURNS = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
UNDONE = {Image.Transpose.ROTATE_270: Image.Transpose.ROTATE_90, Image.Transpose.ROTATE_90: Image.Transpose.ROTATE_270}
UPRIGHT = np.ascontiguousarray(GRAY8)
WRITERS = (StillFormat.JPEG, StillFormat.PNG, StillFormat.TIFF, StillFormat.WEBP)

every_turn = pytest.mark.parametrize("turn", TURNS)


def stored(turn: int) -> npt.NDArray[np.uint8]:
    """The rows of a file that shows the upright picture when it is turned."""
    transpose = TURNS[turn]
    image = Image.fromarray(UPRIGHT)
    return np.asarray(image if transpose is None else image.transpose(UNDONE.get(transpose, transpose)))


def exif(turn: int) -> bytes:
    block = Image.Exif()
    block[274] = turn
    return block.tobytes()


def write(path: Path, turn: int, format: StillFormat) -> None:
    pixels = stored(turn)
    if format is StillFormat.TIFF:
        tag: Any = (274, "H", 1, turn, True)
        tifffile.imwrite(path, pixels, photometric="minisblack", metadata=None, extratags=[tag])
    elif format is StillFormat.PNG:
        path.write_bytes(png(0, 8, pixels, png_chunk(b"eXIf", exif(turn).removeprefix(b"Exif\0\0"))))
    else:
        Image.fromarray(pixels).convert("RGB" if format is StillFormat.WEBP else "L").save(
            path, format=format.value, exif=exif(turn), **({"lossless": True} if format is StillFormat.WEBP else {})
        )


def left_is_red(luma: FloatArray) -> FloatArray:
    """Red on the left of the upright picture, green on its right; the top yellow, the bottom blue."""
    h, w = luma.shape
    a = np.broadcast_to(np.linspace(60, -60, w, dtype=np.float32), (h, w))
    b = np.broadcast_to(np.linspace(60, -60, h, dtype=np.float32)[:, None], (h, w))
    return np.stack((a, b), axis=-1)


class WatchingEngine(FakeEngine):
    """Keeps what it is shown."""

    def __init__(self) -> None:
        super().__init__(left_is_red)
        self.seen: list[FloatArray] = []

    def colorize(self, luma: FloatArray, hints: FloatArray | None = None) -> FloatArray:
        self.seen += list(luma[:, 0])
        return super().colorize(luma, hints)


def recolor(source: Path, target: Path, format: StillFormat) -> WatchingEngine:
    engine = WatchingEngine()
    Colorizer(engine).color_file(source, target, OutputSettings(format=format))
    return engine


def shown(path: Path) -> npt.NDArray[np.uint8]:
    """The picture as a viewer shows it."""
    with Image.open(path) as image:
        image.load()  # Pillow turns a TIFF here, and forgets its tag
        return np.asarray(ImageOps.exif_transpose(image).convert("RGB"))


def turns_of(path: Path) -> list[int]:
    """Every place in the file that says how to turn it."""
    data = path.read_bytes()
    said = []
    if data[:2] in (b"II", b"MM"):
        with tifffile.TiffFile(path) as tif:
            said = [int(t.value) for t in tif.pages[0].tags if t.code == 274]  # type: ignore[union-attr]
    else:
        with Image.open(path) as image:
            said = [number for number in [image.getexif().get(274)] if number]
    return said


def assert_upright_and_colored_the_right_way_up(rgb: npt.NDArray[np.uint8]) -> None:
    assert rgb.shape[:2] == UPRIGHT.shape
    error = np.abs(luma_of(rgb).astype(int) - UPRIGHT)
    assert np.percentile(error, 90) <= 12  # lossy formats, and clipping by the viewer
    lit = (UPRIGHT > 60) & (UPRIGHT < 200)
    red_green = np.where(lit, rgb[..., 0].astype(int) - rgb[..., 1], 0)
    yellow_blue = np.where(lit, rgb[..., 1].astype(int) - rgb[..., 2], 0)
    half = UPRIGHT.shape[1] // 2
    assert red_green[:, :half].sum() > red_green[:, half:].sum() + 1000
    half = UPRIGHT.shape[0] // 2
    assert yellow_blue[:half].sum() > yellow_blue[half:].sum() + 1000


@every_turn
@pytest.mark.parametrize("target_format", WRITERS)
@pytest.mark.parametrize("source_format", WRITERS)
def test_a_turned_picture_is_shown_upright_and_says_so_once(
    source_format: StillFormat, target_format: StillFormat, turn: int, tmp_path: Path
) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    write(source, turn, source_format)
    recolor(source, target, target_format)
    assert_upright_and_colored_the_right_way_up(shown(target))
    assert turns_of(target) == ([turn] if turn > 1 or turns_of(target) else [])


@every_turn
def test_rows_stay_as_they_were_stored(turn: int, tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    write(source, turn, StillFormat.PNG)
    recolor(source, target, StillFormat.PNG)
    with Image.open(target) as image:
        np.testing.assert_array_equal(luma_of(np.asarray(image)), stored(turn))


@every_turn
@pytest.mark.parametrize("source_format", WRITERS)
def test_a_bmp_cannot_say_that_it_is_turned_so_it_is_turned(
    source_format: StillFormat, turn: int, tmp_path: Path
) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    write(source, turn, source_format)
    recolor(source, target, StillFormat.BMP)
    with Image.open(target) as image:
        assert_upright_and_colored_the_right_way_up(np.asarray(image))


@every_turn
@pytest.mark.parametrize("source_format", WRITERS)
def test_the_network_sees_every_picture_upright(source_format: StillFormat, turn: int, tmp_path: Path) -> None:
    source = tmp_path / "source"
    write(source, turn, source_format)
    (seen,) = recolor(source, tmp_path / "target", StillFormat.PNG).seen
    write(tmp_path / "upright", 1, source_format)
    (wanted,) = recolor(tmp_path / "upright", tmp_path / "target of upright", StillFormat.PNG).seen
    assert seen.shape == wanted.shape
    assert np.abs(seen - wanted).mean() < 0.02


def test_an_orientation_that_means_nothing_is_taken_for_upright(tmp_path: Path) -> None:
    for number in (0, 9, 65535):
        source, target = tmp_path / f"{number}.jpg", tmp_path / f"{number} target.jpg"
        Image.fromarray(UPRIGHT).save(source, exif=exif(number))
        recolor(source, target, StillFormat.JPEG)
        assert_upright_and_colored_the_right_way_up(shown(target))


def test_the_resolution_of_a_picture_turned_for_bmp_is_turned_with_it(tmp_path: Path) -> None:
    source, target = tmp_path / "source.jpg", tmp_path / "target.bmp"
    Image.fromarray(stored(6)).save(source, exif=exif(6), dpi=(300, 600))
    recolor(source, target, StillFormat.BMP)
    with Image.open(target) as image:
        assert [round(v) for v in image.info["dpi"]] == [600, 300]
