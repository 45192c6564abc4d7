"""What a file says besides its pixels: kept to the byte in its own format, carried to others, or told to be lost."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms

from archivecolor.settings import StillFormat
from archivecolor.stills import open_still
from tests.stills.sources import GRAY8, GRAY16, png, png_chunk, png_chunks, recolor

XMP = '<?xpacket begin=""?><x:xmpmeta xmlns:x="adobe:ns:meta/"><dc:title>Über</dc:title></x:xmpmeta>'.encode()
RGB_PROFILE = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
GRAY_PROFILE = RGB_PROFILE[:16] + b"GRAY" + RGB_PROFILE[20:]
CMYK_PROFILE = RGB_PROFILE[:16] + b"CMYK" + RGB_PROFILE[20:]
IPTC = b"8BIM\x04\x04\0\0\0\0\0\x0e\x1c\x02\x78\0\x09Stra\xc3\x9fe 1"  # resource 1028: a caption
COMMENT = b"Box 7, plate 12; Fr\xfchling"


def exif() -> bytes:
    """EXIF with text of two encodings, a camera directory and a place on Earth."""
    block = Image.Exif()
    block[270] = "Straße".encode()
    block[315] = b"J\xe9r\xf4me"
    block[306] = "1904:07:01 12:00:00"
    block.get_ifd(34665)[36867] = "1904:07:01 12:00:00"
    block.get_ifd(34853)[1] = "N"
    return block.tobytes()


def jpeg_segments(path: Path) -> list[tuple[int, bytes]]:
    data, at, found = path.read_bytes(), 2, []
    while data[at + 1] != 0xDA:
        (size,) = struct.unpack(">H", data[at + 2 : at + 4])
        found.append((data[at + 1], data[at + 4 : at + 2 + size]))
        at += 2 + size
    return found


def riff_chunks(path: Path) -> dict[bytes, bytes]:
    data, at, found = path.read_bytes(), 12, {}
    while at < len(data):
        (size,) = struct.unpack("<I", data[at + 4 : at + 8])
        found[data[at : at + 4]] = data[at + 8 : at + 8 + size]
        at += 8 + size + size % 2
    return found


def segment(marker: int, body: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body


def full_jpeg(path: Path) -> Path:
    extra = segment(0xED, b"Photoshop 3.0\0" + IPTC) + segment(0xE1, b"http://ns.adobe.com/xmp/extension/\0GUID" + XMP)
    Image.fromarray(GRAY8).save(
        path, exif=exif(), xmp=XMP, icc_profile=RGB_PROFILE, dpi=(600, 300), comment=COMMENT, extra=extra
    )
    return path


def full_png(path: Path, *, bits: int = 16) -> Path:
    chunks = (
        png_chunk(b"gAMA", struct.pack(">I", 45455)),
        png_chunk(b"iCCP", b"name\0\0" + zlib.compress(RGB_PROFILE)),
        png_chunk(b"pHYs", struct.pack(">IIB", 23622, 11811, 1)),
        png_chunk(b"tEXt", b"Comment\0" + COMMENT),
        png_chunk(b"zTXt", b"Description\0\0" + zlib.compress(b"long " * 100)),
        png_chunk(b"iTXt", b"Title\0\0\0de\0Titel\0" + "Frühling 1904".encode()),
        png_chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + XMP),
        png_chunk(b"eXIf", exif().removeprefix(b"Exif\0\0")),
        png_chunk(b"tIME", bytes((7, 112, 7, 1, 12, 0, 0))),
    )
    path.write_bytes(png(0, bits, GRAY16 if bits == 16 else GRAY8, *chunks))
    return path


TIFF_TEXTS = {
    269: b"Box 7\0",
    270: "Straße im Frühling, 春\0".encode(),
    271: b"Durst\0",
    305: b"ScanPro 3\0",
    306: b"1904:07:01 12:00:00\0",
    315: b"J\xe9r\xf4me\0",
    33432: "© Archiv\0".encode(),
}


def full_tiff(path: Path) -> Path:
    tags: list[Any] = [(code, 2, len(text), text, True) for code, text in TIFF_TEXTS.items()]
    tags += [(700, 1, len(XMP), XMP, True), (34377, 1, len(IPTC), IPTC, True), (33723, 7, 14, IPTC[12:], True)]
    tifffile.imwrite(
        path,
        GRAY16,
        photometric="minisblack",
        metadata=None,
        software=False,
        resolution=(600, 300),
        resolutionunit="INCH",
        iccprofile=RGB_PROFILE,
        extratags=tags,
    )
    return path


def full_webp(path: Path) -> Path:
    Image.fromarray(GRAY8).convert("RGB").save(path, lossless=True, exif=exif(), xmp=XMP, icc_profile=RGB_PROFILE)
    return path


def tiff_tag(path: Path, code: int) -> bytes:
    """A tag's bytes, read from the file by Pillow's parser of it."""
    with Image.open(path) as image:
        tags = image.tag_v2  # type: ignore[attr-defined]
        kind, data = tags.tagtype[code], tags._tagdata[code]
    assert kind in (1, 2, 7)
    return bytes(data)


def tiff_tags(path: Path) -> dict[int, Any]:
    with Image.open(path) as image:
        return dict(image.tag_v2)  # type: ignore[attr-defined]


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


FULL = {".jpg": full_jpeg, ".png": full_png, ".tif": full_tiff, ".webp": full_webp}


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
