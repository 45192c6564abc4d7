"""Every format, depth and mode: what comes out has the luma, the depth, the size and the alpha that went in."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from archivecolor.color import UIntArray
from archivecolor.settings import StillFormat
from archivecolor.stills import open_still, probe
from tests.stills.sources import (
    GRAY8,
    GRAY16,
    HEIGHT,
    JPEG,
    LOSSLESS,
    SEPIA8,
    WIDTH,
    Source,
    luma_of,
    read_back,
    recolor,
    save,
)

lossless = pytest.mark.parametrize("source", LOSSLESS.values(), ids=LOSSLESS.keys())
jpegs = pytest.mark.parametrize("source", JPEG.values(), ids=JPEG.keys())


def is_colored(rgb: UIntArray) -> bool:
    """Whether a good part of the picture is far from gray."""
    spread = np.ptp(rgb[..., :3].astype(np.int64), axis=2) / np.iinfo(rgb.dtype).max
    return bool((spread > 0.04).mean() > 0.3)


def y_plane(path: Path) -> UIntArray:
    """What a JPEG stores, without the way through RGB."""
    luma = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)
    assert luma is not None
    return np.asarray(luma, np.uint8)


@lossless
def test_the_luma_read_is_the_luma_stored(source: Source, tmp_path: Path) -> None:
    still = open_still(source.at(tmp_path))
    assert still.luma.dtype == source.luma.dtype
    np.testing.assert_array_equal(still.luma, source.luma)
    if source.alpha is None:
        assert still.alpha is None
    else:
        np.testing.assert_array_equal(still.alpha, source.alpha)
    assert still.warnings == ()


@lossless
def test_the_header_tells_size_and_depth(source: Source, tmp_path: Path) -> None:
    info = probe(source.at(tmp_path))
    assert (info.height, info.width, info.bits) == (HEIGHT, WIDTH, source.luma.dtype.itemsize * 8)


@lossless
def test_a_lossless_file_is_colored_in_its_own_format_with_every_pixel_s_luma_kept(
    source: Source, tmp_path: Path
) -> None:
    target = tmp_path / f"target{source.suffix}"
    warnings = recolor(source.at(tmp_path), target)
    assert warnings == ["compressed with Deflate: CCITT group 4 holds no color without loss"] * ("CCITT" in source.name)
    pixels = read_back(target)
    assert pixels.dtype == source.luma.dtype
    np.testing.assert_array_equal(luma_of(pixels), source.luma)
    assert is_colored(pixels) or set(np.unique(source.luma)) == {0, 255}
    if source.alpha is None:
        assert pixels.shape[2] == 3
    else:
        np.testing.assert_array_equal(pixels[..., 3], source.alpha)


@lossless
@pytest.mark.parametrize("format", [StillFormat.PNG, StillFormat.TIFF])
def test_png_and_tiff_hold_everything_that_a_lossless_file_has(
    source: Source, format: StillFormat, tmp_path: Path
) -> None:
    target = tmp_path / "target"
    warnings = recolor(source.at(tmp_path), target, format)
    assert [w for w in warnings if "CCITT" not in w] == []
    pixels = read_back(target)
    assert pixels.dtype == source.luma.dtype
    np.testing.assert_array_equal(luma_of(pixels), source.luma)
    if source.alpha is not None:
        np.testing.assert_array_equal(pixels[..., 3], source.alpha)


@lossless
@pytest.mark.parametrize("format", [StillFormat.JPEG, StillFormat.WEBP, StillFormat.BMP])
def test_formats_of_8_bit_say_what_they_take_away(source: Source, format: StillFormat, tmp_path: Path) -> None:
    target = tmp_path / "target"
    warnings = recolor(source.at(tmp_path), target, format)
    deep = source.luma.dtype == np.uint16
    clear = source.alpha is not None and format is not StillFormat.WEBP
    expected = [f"16 bit reduced to 8 for {format}"] * deep + [f"transparency left out, {format} has none"] * clear
    kept = [w for w in warnings if not w.startswith("left out,")]
    assert kept == expected
    pixels = read_back(target)
    assert pixels.dtype == np.uint8
    wanted = np.rint(source.luma / (257 if deep else 1))
    if format is StillFormat.JPEG:  # at its default quality
        error = np.abs(y_plane(target) - wanted)
        assert error.mean() < 2
        assert error.max() <= 12
    else:
        error = np.abs(luma_of(pixels) - wanted)
        assert error.max() <= deep  # of 16 bit, red, green and blue are each rounded
    if source.alpha is not None and format is StillFormat.WEBP:
        np.testing.assert_array_equal(pixels[..., 3], np.rint(source.alpha / (257 if deep else 1)))


@jpegs
@pytest.mark.parametrize("format", [StillFormat.PNG, StillFormat.TIFF, StillFormat.BMP])
def test_a_jpeg_s_luma_is_its_y_plane_and_lossless_formats_keep_it(
    source: Source, format: StillFormat, tmp_path: Path
) -> None:
    target = tmp_path / "target"
    recolor(source.at(tmp_path), target, format)
    np.testing.assert_array_equal(luma_of(read_back(target)), source.luma)


@jpegs
def test_a_jpeg_stays_one_of_its_kind_and_keeps_its_luma_to_the_bit(source: Source, tmp_path: Path) -> None:
    target = tmp_path / "target.jpg"
    path = source.at(tmp_path)
    assert recolor(path, target) == []
    error = np.abs(y_plane(target).astype(int) - source.luma)
    assert not error.any()
    with Image.open(path) as before, Image.open(target) as after:
        assert before.quantization[0] == after.quantization[0]  # type: ignore[attr-defined]
        assert bool(before.info.get("progressive")) == bool(after.info.get("progressive"))
        assert after.mode == "RGB"
        assert is_colored(np.asarray(after))


def test_a_cmyk_jpeg_is_colored_by_the_luma_that_it_shows(tmp_path: Path) -> None:
    path, target = tmp_path / "cmyk.jpg", tmp_path / "target.png"
    Image.fromarray(SEPIA8).convert("CMYK").save(path, quality=95)
    with Image.open(path) as image:
        shown = np.asarray(image.convert("RGB"))
    recolor(path, target, StillFormat.PNG)
    np.testing.assert_array_equal(luma_of(read_back(target)), luma_of(shown))


def test_a_lossy_webp_becomes_a_lossless_one_and_says_so_unless_a_quality_is_asked_for(tmp_path: Path) -> None:
    path, target = tmp_path / "lossy.webp", tmp_path / "target.webp"
    Image.fromarray(SEPIA8).save(path, quality=90)
    (warning,) = recolor(path, target)
    assert "written without loss" in warning
    np.testing.assert_array_equal(luma_of(read_back(target)), luma_of(read_back(path)))
    assert b"VP8L" in target.read_bytes()
    target.unlink()
    assert recolor(path, target, quality=90) == []
    assert b"VP8 " in target.read_bytes()


def test_quality_sets_how_a_jpeg_is_written(tmp_path: Path) -> None:
    path = JPEG["jpeg gray"].at(tmp_path)
    sizes = []
    for quality in (20, 60, 100):
        target = tmp_path / f"{quality}.jpg"
        recolor(path, target, quality=quality)
        sizes.append(target.stat().st_size)
    assert sizes[0] < sizes[1] < sizes[2]


@pytest.mark.parametrize("shape", [(1, 1), (1, 512), (512, 1), (3, 1000)])
@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif", ".webp", ".bmp"])
def test_a_picture_of_one_row_or_column_is_colored(shape: tuple[int, int], suffix: str, tmp_path: Path) -> None:
    path, target = tmp_path / f"thin{suffix}", tmp_path / f"target{suffix}"
    gray = np.resize(GRAY8, shape)
    save(gray, path)
    recolor(path, target)
    pixels = read_back(target)
    assert pixels.shape == (*shape, 3)
    if suffix != ".jpg":
        np.testing.assert_array_equal(luma_of(pixels), gray)


@pytest.mark.parametrize("value", [0, 255])
@pytest.mark.parametrize("suffix", [".png", ".tif", ".webp", ".bmp", ".jpg"])
def test_all_black_stays_black_and_all_white_stays_white(value: int, suffix: str, tmp_path: Path) -> None:
    path, target = tmp_path / f"flat{suffix}", tmp_path / f"target{suffix}"
    save(np.full((30, 40), value, np.uint8), path)
    recolor(path, target)
    assert np.unique(read_back(target)).tolist() == [value]


@pytest.mark.parametrize("source", [*LOSSLESS.values(), *JPEG.values()], ids=[*LOSSLESS, *JPEG])
def test_the_source_file_is_not_touched(source: Source, tmp_path: Path) -> None:
    path = source.at(tmp_path)
    path.chmod(0o444)
    before = path.read_bytes(), path.stat().st_mtime_ns
    recolor(path, tmp_path / "target")
    assert (path.read_bytes(), path.stat().st_mtime_ns) == before


def test_tiff_compression_and_byte_order_are_the_source_s(tmp_path: Path) -> None:
    expected = {"gray 16": 1, "LZW 8": 5, "LZW 16 big-endian": 5, "Deflate 16 predicted": 8, "PackBits": 32773}
    for name, compression in expected.items():
        target = tmp_path / "target.tif"
        target.unlink(missing_ok=True)
        recolor(LOSSLESS[f"tif {name}"].at(tmp_path), target)
        with Image.open(target) as image:
            assert image.tag_v2[259] == compression, name  # type: ignore[attr-defined]
        assert target.read_bytes()[:2] == (b"MM" if "big-endian" in name else b"II")


def test_a_large_png_written_at_16_bit_is_read_by_another_decoder_too(tmp_path: Path) -> None:
    imagecodecs = pytest.importorskip("imagecodecs")
    target = tmp_path / "target.png"
    recolor(LOSSLESS["png toned RGBA 16"].at(tmp_path), target)
    pixels = imagecodecs.png_decode(target.read_bytes())
    np.testing.assert_array_equal(pixels, read_back(target))


def test_premultiplied_tiffs_stay_premultiplied_and_others_are_told(tmp_path: Path) -> None:
    import tifffile

    path = tmp_path / "source.tif"
    pixels = np.dstack([GRAY16] * 3 + [np.maximum(GRAY16, 4000)])
    tifffile.imwrite(path, pixels, photometric="rgb", extrasamples=["assocalpha"], metadata=None)
    assert recolor(path, tmp_path / "target.tif") == []
    with Image.open(tmp_path / "target.tif") as image:
        assert image.tag_v2[338] == (1,)  # type: ignore[attr-defined]
    assert any("premultiplied" in w for w in recolor(path, tmp_path / "target.png", StillFormat.PNG))


def test_reading_a_color_picture_takes_no_more_memory_than_is_told(tmp_path: Path) -> None:
    path = tmp_path / "large.png"
    pixels = np.tile(SEPIA8, (24, 16, 1))  # more than one strip of it
    Image.fromarray(pixels).save(path, compress_level=1)
    tracemalloc.start()
    try:
        still = open_still(path)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < still.info.working_bytes
    np.testing.assert_array_equal(still.luma, luma_of(pixels))
