"""What a file says besides its pixels: kept to the byte in its own format, carried to others, or told to be lost."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

from archivecolor.settings import StillFormat
from archivecolor.stills import open_still
from tests.stills.full import (
    CMYK_PROFILE,
    COMMENT,
    GRAY_PROFILE,
    IPTC,
    RGB_PROFILE,
    TIFF_TEXTS,
    XMP,
    exif,
    full_jpeg,
    full_png,
    full_tiff,
    full_webp,
    jpeg_segments,
    riff_chunks,
    segment,
    tiff_tag,
    tiff_tags,
)
from tests.stills.sources import GRAY8, GRAY16, png, png_chunk, png_chunks, recolor


def test_a_jpeg_keeps_exif_xmp_profile_resolution_comment_and_captions_to_the_byte(tmp_path: Path) -> None:
    source, target = full_jpeg(tmp_path / "source.jpg"), tmp_path / "target.jpg"
    assert recolor(source, target) == []
    before, after = jpeg_segments(source), jpeg_segments(target)
    for marker in (0xE0, 0xE1, 0xE2, 0xED, 0xFE):
        assert sorted(b for m, b in after if m == marker) == sorted(b for m, b in before if m == marker), hex(marker)


def test_a_color_jpeg_keeps_them_too(tmp_path: Path) -> None:
    source, target = tmp_path / "source.jpg", tmp_path / "target.jpg"
    Image.fromarray(GRAY8).convert("RGB").save(source, exif=exif(), xmp=XMP, comment=COMMENT, dpi=(1200, 1200))
    assert recolor(source, target) == []
    kept = [(m, b) for m, b in jpeg_segments(source) if m >= 0xE0]
    assert sorted((m, b) for m, b in jpeg_segments(target) if m >= 0xE0) == sorted(kept)


def test_captions_longer_than_a_jpeg_segment_are_split_and_joined(tmp_path: Path) -> None:
    source, target = tmp_path / "source.jpg", tmp_path / "target.jpg"
    long = IPTC + b"8BIM\x04\x05\0\0" + struct.pack(">I", 90000) + bytes(90000)
    parts = [long[i : i + 60000] for i in range(0, len(long), 60000)]
    extra = b"".join(segment(0xED, b"Photoshop 3.0\0" + p) for p in parts)
    Image.fromarray(GRAY8).save(source, extra=extra)
    recolor(source, target)
    joined = b"".join(b.removeprefix(b"Photoshop 3.0\0") for m, b in jpeg_segments(target) if m == 0xED)
    assert joined == long


def test_all_comments_of_a_jpeg_are_kept(tmp_path: Path) -> None:
    source, target = tmp_path / "source.jpg", tmp_path / "target.jpg"
    Image.fromarray(GRAY8).save(source, comment=b"second", extra=segment(0xFE, b"first"))
    recolor(source, target)
    (comment,) = [b for m, b in jpeg_segments(target) if m == 0xFE]
    assert {b"first", b"second"} == set(comment.split(b"\n"))


@pytest.mark.parametrize("bits", [8, 16])
def test_a_png_keeps_its_chunks_to_the_byte(bits: int, tmp_path: Path) -> None:
    source, target = full_png(tmp_path / "source.png", bits=bits), tmp_path / "target.png"
    assert recolor(source, target) == []
    before, after = (png_chunks(p.read_bytes()) for p in (source, target))
    assert [c for c in after if c[0] not in (b"IHDR", b"IDAT", b"IEND")] == before[1:-2]


def test_chunks_behind_the_picture_are_kept(tmp_path: Path) -> None:
    source, target = tmp_path / "source.png", tmp_path / "target.png"
    plain = png(0, 16, GRAY16)
    behind = png_chunk(b"tEXt", b"Source\0attic") + png_chunk(b"eXIf", exif().removeprefix(b"Exif\0\0"))
    source.write_bytes(plain[:-12] + behind + plain[-12:])
    recolor(source, target)
    with Image.open(target) as image:
        image.load()
        assert image.info["Source"] == "attic"
    assert (b"eXIf", exif().removeprefix(b"Exif\0\0")) in png_chunks(target.read_bytes())


def test_a_tiff_keeps_its_texts_blocks_and_resolution_to_the_byte(tmp_path: Path) -> None:
    source, target = full_tiff(tmp_path / "source.tif"), tmp_path / "target.tif"
    assert recolor(source, target) == []
    for code, text in TIFF_TEXTS.items():
        assert tiff_tag(target, code) == text
    assert tiff_tag(target, 700) == XMP
    assert tiff_tag(target, 34377) == IPTC
    assert tiff_tag(target, 34675) == RGB_PROFILE
    tags = tiff_tags(target)
    assert (tags[282], tags[283], tags[296]) == (600, 300, 2)
    assert set(tiff_tags(source)) - set(tags) == set()


def test_a_resolution_per_centimetre_is_kept(tmp_path: Path) -> None:
    source, target = tmp_path / "source.tif", tmp_path / "target.tif"
    tifffile.imwrite(source, GRAY8, resolution=(118.11, 236.22), resolutionunit="CENTIMETER", metadata=None)
    recolor(source, target)
    tags = tiff_tags(target)
    assert tags[296] == 3
    assert [float(tags[282]), float(tags[283])] == pytest.approx([118.11, 236.22], abs=0.01)


def test_a_webp_keeps_exif_xmp_and_profile_to_the_byte(tmp_path: Path) -> None:
    source, target = full_webp(tmp_path / "source.webp"), tmp_path / "target.webp"
    assert recolor(source, target) == []
    before, after = riff_chunks(source), riff_chunks(target)
    for name in (b"EXIF", b"XMP ", b"ICCP"):
        assert after[name] == before[name]


@pytest.mark.parametrize(("profile", "name"), [(GRAY_PROFILE, "gray"), (CMYK_PROFILE, "CMYK")])
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".webp"])
def test_a_profile_that_is_not_of_rgb_is_left_out_and_told(
    suffix: str, profile: bytes, name: str, tmp_path: Path
) -> None:
    source, target = tmp_path / f"source{suffix}", tmp_path / f"target{suffix}"
    if suffix == ".tif":
        tifffile.imwrite(source, GRAY8, iccprofile=profile, metadata=None)
    else:
        options: dict[str, Any] = {"lossless": True} if suffix == ".webp" else {}
        Image.fromarray(GRAY8).convert("RGB").save(source, icc_profile=profile, **options)
    warnings = recolor(source, target)
    assert [w for w in warnings if f"its {name} ICC profile" in w] == warnings
    assert len(warnings) == 1
    with Image.open(target) as image:
        assert "icc_profile" not in image.info


def test_damaged_exif_is_copied_as_it_is_and_told(tmp_path: Path) -> None:
    source, target = tmp_path / "source.jpg", tmp_path / "target.jpg"
    broken = b"Exif\0\0II*\0\x08\0\0\0\xff\xff" + b"\x12\x01\x03\0\1\0\0\0" * 3
    Image.fromarray(GRAY8).save(source, exif=broken)
    warnings = recolor(source, target)
    assert (0xE1, broken) in jpeg_segments(target)
    assert warnings in ([], ["its EXIF is damaged and was copied as it is"])


def test_exif_that_is_no_exif_is_told(tmp_path: Path) -> None:
    source, target = tmp_path / "source.jpg", tmp_path / "target.jpg"
    Image.fromarray(GRAY8).save(source, exif=b"Exif\0\0this is no TIFF structure")
    assert recolor(source, target) == ["its EXIF is damaged and was copied as it is"]
    for target_format in (StillFormat.TIFF, StillFormat.BMP, StillFormat.PNG, StillFormat.WEBP):
        recolor(source, tmp_path / f"target.{target_format}", target_format)
        with Image.open(tmp_path / f"target.{target_format}") as image:
            image.load()


def test_a_resolution_of_nought_by_nought_is_none(tmp_path: Path) -> None:
    source = tmp_path / "source.tif"
    tifffile.imwrite(source, GRAY8, metadata=None)
    data = bytearray(source.read_bytes())
    with tifffile.TiffFile(source) as tif:
        page = tif.pages[0]
        assert isinstance(page, tifffile.TiffPage)
        for code in (282, 283):
            struct.pack_into("<II", data, page.tags[code].valueoffset, 0, 0)
    source.write_bytes(data)
    assert open_still(source).metadata.dpi is None
    recolor(source, tmp_path / "target.tif")
    np.testing.assert_array_equal(open_still(tmp_path / "target.tif").luma, GRAY8)
