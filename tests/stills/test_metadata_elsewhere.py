"""What a file says besides its pixels, carried into a file of another format or told to be lost."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from archivecolor.settings import StillFormat
from tests.stills.full import (
    COMMENT,
    FULL,
    IPTC,
    RGB_PROFILE,
    TIFF_TEXTS,
    XMP,
    exif,
    full_jpeg,
    full_tiff,
    jpeg_segments,
    tiff_tag,
)
from tests.stills.sources import GRAY8, png_chunks, recolor


@pytest.mark.parametrize("suffix", FULL)
@pytest.mark.parametrize("format", [StillFormat.JPEG, StillFormat.PNG, StillFormat.TIFF, StillFormat.WEBP])
def test_xmp_and_rgb_profile_go_into_every_format_that_has_a_place_for_them(
    suffix: str, format: StillFormat, tmp_path: Path
) -> None:
    source, target = FULL[suffix](tmp_path / f"source{suffix}"), tmp_path / "target"
    warnings = recolor(source, target, format)
    with Image.open(target) as image:
        image.load()
        assert image.info["icc_profile"] == RGB_PROFILE
        xmp = tiff_tag(target, 700) if format is StillFormat.TIFF else image.info["xmp"]
    assert xmp == XMP
    assert not any("XMP" in w.replace("second part of the XMP", "") or "profile" in w for w in warnings)


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif"])
@pytest.mark.parametrize("format", [StillFormat.JPEG, StillFormat.PNG, StillFormat.TIFF, StillFormat.BMP])
def test_the_resolution_goes_into_every_format_that_has_a_place_for_it(
    suffix: str, format: StillFormat, tmp_path: Path
) -> None:
    source, target = FULL[suffix](tmp_path / f"source{suffix}"), tmp_path / "target"
    recolor(source, target, format)
    with Image.open(target) as image:
        assert [round(float(v)) for v in image.info["dpi"]] == [600, 300]


@pytest.mark.parametrize("format", [StillFormat.JPEG, StillFormat.PNG, StillFormat.WEBP])
def test_exif_goes_whole_into_formats_that_have_it(format: StillFormat, tmp_path: Path) -> None:
    for suffix in (".jpg", ".png", ".webp"):
        source, target = FULL[suffix](tmp_path / f"source{suffix}"), tmp_path / f"target of {suffix}"
        recolor(source, target, format)
        with Image.open(target) as image:
            image.load()
            held = image.info["exif"].removeprefix(b"Exif\0\0")
        assert held == exif().removeprefix(b"Exif\0\0")


def test_the_texts_of_a_tiff_become_exif_with_their_bytes_as_they_were(tmp_path: Path) -> None:
    source = full_tiff(tmp_path / "source.tif")
    for target_format in (StillFormat.JPEG, StillFormat.PNG, StillFormat.WEBP):
        target = tmp_path / f"target.{target_format}"
        warnings = recolor(source, target, target_format)
        with Image.open(target) as image:
            held = dict(image.getexif())
        for code in (270, 271, 305, 306, 315, 33432):
            assert held[code].encode("latin-1") == TIFF_TEXTS[code].rstrip(b"\0")
        assert float(held[282]) == 600
        assert not any("tags" in w or "resolution" in w for w in warnings)


def test_the_texts_of_exif_become_tiff_tags_and_the_rest_of_it_is_told(tmp_path: Path) -> None:
    source, target = full_jpeg(tmp_path / "source.jpg"), tmp_path / "target.tif"
    warnings = recolor(source, target, StillFormat.TIFF)
    assert tiff_tag(target, 270) == "Straße\0".encode()
    assert tiff_tag(target, 315) == b"J\xe9r\xf4me\0"
    assert warnings == ["left out, tiff has no place for it: second part of the XMP, comment"]


def test_captions_go_from_jpeg_to_tiff_and_back(tmp_path: Path) -> None:
    master, back = tmp_path / "master.tif", tmp_path / "back.jpg"
    recolor(full_jpeg(tmp_path / "source.jpg"), master, StillFormat.TIFF)
    assert tiff_tag(master, 34377) == IPTC
    recolor(master, back, StillFormat.JPEG)
    assert (0xED, b"Photoshop 3.0\0" + IPTC) in jpeg_segments(back)


def test_the_comment_of_a_jpeg_becomes_text_in_a_png(tmp_path: Path) -> None:
    target = tmp_path / "target.png"
    recolor(full_jpeg(tmp_path / "source.jpg"), target, StillFormat.PNG)
    assert (b"tEXt", b"Comment\0" + COMMENT) in png_chunks(target.read_bytes())


@pytest.mark.parametrize(
    ("suffix", "format", "lost"),
    [
        (".jpg", StillFormat.PNG, "second part of the XMP, IPTC"),
        (".jpg", StillFormat.WEBP, "second part of the XMP, resolution, comment, IPTC"),
        (".jpg", StillFormat.BMP, "EXIF, XMP, second part of the XMP, ICC profile, comment, IPTC"),
        (".png", StillFormat.JPEG, "text"),
        (".png", StillFormat.TIFF, "text"),
        (".tif", StillFormat.PNG, "IPTC"),
        (".tif", StillFormat.BMP, "XMP, ICC profile, IPTC, tags"),
        (".webp", StillFormat.BMP, "EXIF, XMP, ICC profile"),
    ],
)
def test_what_a_format_has_no_place_for_is_named(suffix: str, format: StillFormat, lost: str, tmp_path: Path) -> None:
    warnings = recolor(FULL[suffix](tmp_path / f"source{suffix}"), tmp_path / "target", format)
    assert f"left out, {format} has no place for it: {lost}" in warnings


def test_what_is_too_long_for_a_jpeg_is_left_out_and_told_and_the_picture_is_written(tmp_path: Path) -> None:
    source, target = tmp_path / "source.webp", tmp_path / "target.jpg"
    block = Image.Exif()
    block[270] = "x" * 70000
    Image.fromarray(GRAY8).convert("RGB").save(source, lossless=True, exif=block.tobytes(), xmp=XMP + b" " * 70000)
    assert recolor(source, target, StillFormat.JPEG) == ["left out, jpeg has no place for it: EXIF, XMP"]
    with Image.open(target) as image:
        image.load()
        assert image.size == GRAY8.shape[::-1]


@pytest.mark.parametrize("format", [StillFormat.JPEG, StillFormat.PNG, StillFormat.TIFF, StillFormat.WEBP])
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".webp"])
def test_date_and_place_go_from_every_format_into_every_format(
    suffix: str, format: StillFormat, tmp_path: Path
) -> None:
    source, target = tmp_path / f"source{suffix}", tmp_path / "target"
    Image.fromarray(GRAY8).convert("RGB").save(source, exif=exif())
    assert not any("EXIF" in warning for warning in recolor(source, target, format))
    with Image.open(target) as image:
        held = image.getexif()
        assert held.get_ifd(34665)[36867] == "1904:07:01 12:00:00"
        assert held.get_ifd(34853)[1] == "N"
