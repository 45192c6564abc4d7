"""Files that are whole and yet not colored: named for what they are before they are decoded."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import tifffile
from PIL import Image

from archivecolor import stills
from archivecolor.errors import InputError, OutputError
from archivecolor.settings import StillFormat
from archivecolor.stills import NotAPictureError, open_still, probe
from archivecolor.stills.sniff import sniff
from tests.stills.sources import (
    BITS,
    GRAY8,
    GRAY16,
    LOSSLESS,
    SEPIA8,
    luma_of,
    png,
    png_chunk,
    recolor,
)


def test_text_is_no_picture_whatever_its_name(tmp_path: Path) -> None:
    for name, expected in (("scan.jpg", True), ("notes.txt", False)):
        path = tmp_path / name
        path.write_text("Box 7, plate 12: the bridge before the flood")
        with pytest.raises(NotAPictureError, match="is no picture") as caught:
            sniff(path)
        assert caught.value.expected is expected


def test_text_that_begins_like_a_bmp_is_told_apart_or_refused(tmp_path: Path) -> None:
    path = tmp_path / "BM"
    path.write_text("BM is what this text begins with, and it goes on long enough for a header")
    with pytest.raises(InputError):
        open_still(path)
    path.write_text("BM is short")
    with pytest.raises(NotAPictureError):
        open_still(path)


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (b"GIF89a" + bytes(40), "GIF"),
        (b"8BPS" + bytes(40), "Photoshop"),
        (b"\0\0\0\x0cJXL " + bytes(40), "JPEG XL"),
        (b"\0\0\0\x18ftypavif" + bytes(40), "AVIF"),
    ],
)
def test_pictures_of_formats_that_are_not_read_are_named(head: bytes, name: str, tmp_path: Path) -> None:
    path = tmp_path / "picture"
    path.write_bytes(head)
    with pytest.raises(NotAPictureError, match=f"is {name}, which archivecolor does not read") as caught:
        sniff(path)
    assert caught.value.expected
    assert "TIFF or PNG" in str(caught.value.hint)


def test_the_content_tells_the_format_not_the_name(tmp_path: Path) -> None:
    path = tmp_path / "really a png.jpg"
    Image.fromarray(GRAY8).save(path, format="PNG")
    recolor(path, tmp_path / "target.jpg")
    with Image.open(tmp_path / "target.jpg") as image:
        assert image.format == "PNG"


def test_a_tiff_of_three_pages_is_refused_by_formats_of_one(tmp_path: Path) -> None:
    path = tmp_path / "album.tif"
    Image.fromarray(GRAY8).save(path, save_all=True, append_images=[Image.fromarray(GRAY8[::-1])] * 2)
    with pytest.raises(OutputError, match="has 3 pages, png has one"):
        recolor(path, tmp_path / "target.png", StillFormat.PNG)
    assert not (tmp_path / "target.png").exists()


@pytest.mark.parametrize("thumbnail_first", [False, True])
def test_a_tiff_with_a_thumbnail_is_read_and_says_that_it_is_left_out(thumbnail_first: bool, tmp_path: Path) -> None:
    path = tmp_path / "scan.tif"
    pages = [(GRAY16, 0), (GRAY16[::4, ::4], 1)]
    with tifffile.TiffWriter(path) as tif:
        for pixels, kind in pages[::-1] if thumbnail_first else pages:
            tif.write(pixels, photometric="minisblack", subfiletype=kind, metadata=None)
    still = open_still(path)
    np.testing.assert_array_equal(still.luma, GRAY16)
    assert still.warnings == ("the thumbnails or masks in it were left out",)


def test_a_tiff_of_nothing_but_a_thumbnail_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "raw.tif"
    tifffile.imwrite(path, GRAY8, subfiletype=1, metadata=None)
    with pytest.raises(InputError, match="holds no picture"):
        probe(path)


@pytest.mark.parametrize("suffix", [".webp", ".png"])
def test_an_animation_is_refused(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"moving{suffix}"
    frames = [Image.fromarray(SEPIA8), Image.fromarray(SEPIA8[::-1])]
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=100)
    with pytest.raises(InputError, match="is animated"):
        probe(path)


@pytest.mark.parametrize(
    ("pixels", "photometric", "said"),
    [
        (GRAY8.astype(np.float64), "minisblack", "64 bit float64 samples"),
        (np.full((9, 9), np.nan, np.float32), "minisblack", "samples that are no numbers"),
        (GRAY8.astype(np.uint32), "minisblack", "32 bit uint32 samples"),
        (GRAY8.astype(np.int16), "minisblack", "16 bit int16 samples"),
        (np.dstack([GRAY8] * 4), "separated", "its pixels are SEPARATED with 4 channels"),
        (np.dstack([GRAY8] * 3), "cielab", "its pixels are CIELAB with 3 channels"),
    ],
)
def test_tiffs_of_other_samples_are_refused_with_what_they_are(
    pixels: np.ndarray[tuple[int, ...], np.dtype[np.generic]], photometric: str, said: str, tmp_path: Path
) -> None:
    path = tmp_path / "source.tif"
    tifffile.imwrite(path, pixels, photometric=photometric, metadata=None)
    with pytest.raises(InputError, match=said):
        open_still(path)


def test_the_y_of_an_uncompressed_ycbcr_tiff_is_its_luma(tmp_path: Path) -> None:
    path = tmp_path / "source.tif"
    ycbcr = np.dstack((GRAY8, np.full_like(GRAY8, 100), np.full_like(GRAY8, 160)))
    tifffile.imwrite(path, ycbcr, photometric="ycbcr", metadata=None)
    np.testing.assert_array_equal(open_still(path).luma, GRAY8)


def test_a_palette_of_two_colors_is_read(tmp_path: Path) -> None:
    path = tmp_path / "source.tif"
    colors = np.array([[0x2000, 0xF000], [0x1000, 0xE000], [0x0800, 0xC000]], np.uint16)
    tag = (320, "H", 6, colors.ravel(), True)
    tifffile.imwrite(path, BITS.astype(bool), photometric="minisblack", metadata=None, extratags=[tag])
    data = bytearray(path.read_bytes())
    with tifffile.TiffFile(path) as tif:
        page = tif.pages[0]
        assert isinstance(page, tifffile.TiffPage)
        struct.pack_into("<H", data, page.tags[262].valueoffset, 3)
    path.write_bytes(data)
    expected = luma_of((colors.T >> 8).astype(np.uint8)[BITS])
    np.testing.assert_array_equal(open_still(path).luma, expected)


def test_a_picture_of_too_many_pixels_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    path = tmp_path / "poster.png"
    header = struct.pack(">IIBBBBB", 40000, 30000, 8, 0, 0, 0, 0)
    rows = zlib.compress(bytes(1000))
    parts = (png_chunk(b"IHDR", header), png_chunk(b"IDAT", rows), png_chunk(b"IEND", b""))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(parts))
    with pytest.raises(InputError, match="claims 1200 megapixels in 74 bytes") as caught:
        probe(path)
    assert "--max-megapixels 1200" in str(caught.value.hint)
    assert probe(path, max_megapixels=1200).width == 40000
    with pytest.raises(InputError, match="has 1200 megapixels"):
        probe(path, max_megapixels=1199)


def test_a_picture_that_takes_more_memory_than_there_is_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = LOSSLESS["png gray 16"].at(tmp_path)
    needs = probe(path).working_bytes
    monkeypatch.setattr(stills, "memory_bytes", lambda: needs)
    with pytest.raises(InputError, match="has 1 megapixels and may take") as caught:
        open_still(path)
    assert "--max-megapixels 1 colors it all the same" in str(caught.value.hint)
    assert open_still(path, max_megapixels=1).luma.size


@pytest.mark.parametrize(("format", "limit"), [(StillFormat.JPEG, 65500), (StillFormat.WEBP, 16383)])
def test_a_picture_longer_than_the_target_can_be_is_refused_with_its_limit(
    format: StillFormat, limit: int, tmp_path: Path
) -> None:
    path = tmp_path / "panorama.png"
    path.write_bytes(png(0, 8, np.zeros((1, limit + 1), np.uint8)))
    with pytest.raises(OutputError, match=f"{format} ends at {limit}"):
        recolor(path, tmp_path / "target", format)
