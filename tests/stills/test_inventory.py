"""What a file carries comes along or is named: made from scratch, read back by exiftool, tifffile and Pillow."""

from __future__ import annotations

import io
import struct
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
from PIL import Image

from archivecolor.settings import StillFormat
from archivecolor.stills import jpeg
from archivecolor.stills.inventory import Thing, inventory, missing
from tests.stills.carried import FILM, XMP, carried, exiftool, motion_photo
from tests.stills.sources import GRAY8, SEPIA8, recolor

GEO: list[Any] = [
    (33550, 12, 3, (0.5, 0.5, 0.0), True),
    (33922, 12, 6, (0, 0, 0, 600000.0, 200000.0, 0), True),
    (34735, 3, 16, (1, 1, 0, 3, 1024, 0, 1, 1, 1025, 0, 1, 1, 3072, 0, 1, 2056), True),
]
OF_THE_ALBUM: list[Any] = [
    (269, 2, 0, "Album 3", True),
    (297, 3, 2, (3, 9), True),
    (18246, 3, 1, 4, True),  # Rating
    (40091, 1, 12, "Hafen\0".encode("utf-16-le"), True),
    (40094, 1, 22, "Hafen;1912\0".encode("utf-16-le"), True),
    (42113, 2, 0, "-9999", True),  # GDAL's
    (65001, 12, 2, (1.5, -2.25), True),  # somebody's own
    (65002, 7, 5, b"\0\1\2\3\4", True),
]


def tags_of(path: Path) -> dict[int, Any]:
    with tifffile.TiffFile(path) as tif:
        return {tag.code: tag.value for tag in tif.pages.first.tags}


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("big", [False, True])
def test_every_tag_of_a_tiff_is_kept_those_of_maps_and_of_nobody_known_too(
    order: str, tmp_path: Path, *, big: bool
) -> None:
    source, target = tmp_path / "source.tif", tmp_path / "target.tif"
    written: Any = {"photometric": "minisblack", "metadata": None, "byteorder": order, "bigtiff": big}
    tifffile.imwrite(source, GRAY8, extratags=GEO + OF_THE_ALBUM, **written)
    assert recolor(source, target) == []
    before, after = tags_of(source), tags_of(target)
    for code, *_ in GEO + OF_THE_ALBUM:
        assert np.array_equal(after[code], before[code]), code
    if not big:  # there exiftool does not look for maps
        shown = exiftool(target)
        assert shown["GeoTiff:ProjectedCSType"] == 2056
        assert shown["IFD0:XPKeywords"] == "Hafen;1912"


def test_a_resolution_without_a_unit_and_the_aspect_of_a_fax_are_kept(tmp_path: Path) -> None:
    source = tmp_path / "fax.tif"
    tifffile.imwrite(source, GRAY8, metadata=None, resolution=(204, 98), resolutionunit="NONE")
    assert recolor(source, tmp_path / "target.tif") == []
    tags = tags_of(tmp_path / "target.tif")
    assert (tags[282], tags[283], tags[296]) == ((204, 1), (98, 1), 1)
    assert recolor(source, tmp_path / "target.png", StillFormat.PNG) == []
    shown = exiftool(tmp_path / "target.png")
    assert shown["PNG-pHYs:PixelsPerUnitX"] / shown["PNG-pHYs:PixelsPerUnitY"] == pytest.approx(204 / 98, rel=0.01)
    assert shown["PNG-pHYs:PixelUnits"] == 0
    assert recolor(source, tmp_path / "target.jpg", StillFormat.JPEG) == []
    shown = exiftool(tmp_path / "target.jpg")
    assert (shown["JFIF:XResolution"], shown["JFIF:YResolution"], shown["JFIF:ResolutionUnit"]) == (204, 98, 0)
    (warning,) = recolor(source, tmp_path / "target.webp", StillFormat.WEBP)
    assert warning == "not carried over: pixel aspect"


def test_the_header_of_a_jpeg_is_kept_and_no_resolution_invented(tmp_path: Path) -> None:
    out, exif = io.BytesIO(), Image.Exif()
    exif[274] = 1
    Image.fromarray(GRAY8).save(out, "JPEG", exif=exif)
    plain, aspect = bytearray(out.getvalue()), bytearray(out.getvalue())
    struct.pack_into(">BHH", aspect, 13, 0, 2, 1)
    for name, data, wanted in (("plain", plain, (0, 1, 1)), ("aspect", aspect, (0, 2, 1))):
        source, target = tmp_path / f"{name}.jpg", tmp_path / f"{name}_color.jpg"
        source.write_bytes(data)
        assert recolor(source, target) == []
        shown = exiftool(target, "-JFIF:all")
        assert (shown["JFIF:ResolutionUnit"], shown["JFIF:XResolution"], shown["JFIF:YResolution"]) == wanted


def test_a_resolution_without_a_unit_in_exif_does_not_become_inches(tmp_path: Path) -> None:
    source, exif = tmp_path / "a.jpg", Image.Exif()
    exif[282], exif[283], exif[296] = 1, 1, 1
    Image.fromarray(GRAY8).save(source, exif=exif)
    assert recolor(source, tmp_path / "a.tif", StillFormat.TIFF) == []
    assert exiftool(tmp_path / "a.tif")["IFD0:ResolutionUnit"] == 1
    assert recolor(source, tmp_path / "b.jpg") == []
    shown = exiftool(tmp_path / "b.jpg")
    assert (shown["JFIF:ResolutionUnit"], shown["IFD0:ResolutionUnit"]) == (0, 1)


@pytest.mark.parametrize("format", [StillFormat.TIFF, StillFormat.PNG])
def test_all_of_exif_s_first_directory_goes_into_other_formats(format: StillFormat, tmp_path: Path) -> None:
    source, target = tmp_path / "album.jpg", tmp_path / "target"
    exif = Image.Exif()
    exif[269], exif[18246], exif[40091] = "Album 3", 4, "Hafen\0".encode("utf-16-le")
    Image.fromarray(GRAY8).save(source, exif=exif)
    assert recolor(source, target, format) == []
    shown = exiftool(target)
    assert (shown["IFD0:DocumentName"], shown["IFD0:Rating"], shown["IFD0:XPTitle"]) == ("Album 3", 4, "Hafen")


def test_the_film_of_a_motion_photo_stays_where_its_xmp_says(tmp_path: Path) -> None:
    source, target = motion_photo(tmp_path / "motion.jpg"), tmp_path / "target.jpg"
    assert recolor(source, target) == []
    shown = exiftool(target)
    assert target.read_bytes()[-int(shown["XMP-GCamera:MicroVideoOffset"]) :] == FILM
    assert shown["XMP-GCamera:MotionPhoto"] == 1


def test_a_motion_photo_without_its_film_says_so_and_no_longer_claims_to_be_one(tmp_path: Path) -> None:
    source, target = motion_photo(tmp_path / "motion.jpg"), tmp_path / "target.tif"
    assert recolor(source, target, StillFormat.TIFF) == [f"not carried over: {len(FILM)} bytes behind the picture"]
    shown = exiftool(target)
    assert (shown["XMP-GCamera:MotionPhoto"], shown["XMP-GCamera:MicroVideo"]) == (0, 0)


def test_the_second_view_of_a_stereo_picture_is_found_behind_the_colored_first(tmp_path: Path) -> None:
    source, target = tmp_path / "stereo.mpo", tmp_path / "target.mpo"
    second = Image.fromarray(GRAY8[:, ::-1].copy())
    Image.fromarray(GRAY8).save(source, "MPO", save_all=True, append_images=[second])
    assert recolor(source, target) == []
    with Image.open(source) as before, Image.open(target) as after:
        assert after.mode == "RGB"
        before.seek(1)
        after.seek(1)
        np.testing.assert_array_equal(np.asarray(after), np.asarray(before))
    assert exiftool(target)["MPF0:NumberOfImages"] == 2


def test_segments_of_makers_are_kept_and_signed_claims_are_not(tmp_path: Path) -> None:
    source, target = tmp_path / "source.jpg", tmp_path / "target.jpg"
    out = io.BytesIO()
    Image.fromarray(GRAY8).save(out, "JPEG")
    bodies = ((0xE5, b"RMETA\0about a lens"), (0xEC, b"Ducky\0\1"), (0xEB, b"JP\0\1\0\0\0\1\0\0\0\x20jumbc2pa"))
    more = b"".join(struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body for marker, body in bodies)
    source.write_bytes(out.getvalue()[:20] + more + out.getvalue()[20:])
    assert recolor(source, target) == ["not carried over: C2PA manifest"]
    written = target.read_bytes()
    assert all(body in written for _, body in bodies[:2])
    (warning,) = recolor(source, tmp_path / "target.png", StillFormat.PNG)
    assert warning == "not carried over: APP5 'RMETA', APP12 'Ducky', C2PA manifest"


def with_thumbnail(size: tuple[int, int], quality: int) -> bytes:
    """An EXIF block with a gray thumbnail, and a field behind it that must not move."""
    thumb = io.BytesIO()
    Image.fromarray(GRAY8).resize(size).save(thumb, "JPEG", quality=quality)
    data = thumb.getvalue()
    first = struct.pack("<HHHII", 1, 0x10E, 2, 8, 86) + struct.pack("<I", 26)
    second = struct.pack("<H", 3) + struct.pack("<HHII", 259, 3, 1, 6)
    second += struct.pack("<HHII", 513, 4, 1, 100) + struct.pack("<HHII", 514, 4, 1, len(data)) + bytes(4)
    block = b"II*\0\x08\0\0\0" + first + second
    return b"Exif\0\0" + block.ljust(86, b"\0") + b"a title\0" + bytes(6) + data


@pytest.mark.parametrize(
    ("quality", "suffix", "fine"),
    [(95, ".jpg", False), (95, ".jpg", True), (20, ".jpg", False), (95, ".png", False), (90, ".webp", False)],
)
def test_the_thumbnail_of_exif_is_drawn_in_color(
    quality: int, suffix: str, fine: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if fine:  # chroma of half the size
        monkeypatch.setattr(jpeg, "_FINE_PIXELS", 0)
    source, target = tmp_path / f"source{suffix}", tmp_path / f"target{suffix}"
    options: dict[str, Any] = {"lossless": True} if suffix == ".webp" else {}
    Image.fromarray(GRAY8).save(source, exif=with_thumbnail((64, 48), quality), **options)
    assert recolor(source, target) == []
    shown = exiftool(target)
    assert shown["IFD0:ImageDescription"] == "a title"
    drawn = subprocess.run(["exiftool", "-b", "-ThumbnailImage", str(target)], capture_output=True, check=True).stdout
    with Image.open(io.BytesIO(drawn)) as image, Image.open(target) as picture:
        assert image.size == (64, 48)
        assert image.mode == "RGB"
        small = np.asarray(picture.convert("RGB").resize(image.size), float)
        shape = picture.width / picture.height
        if abs(shape - 64 / 48) < 0.05:
            assert np.abs(np.asarray(image, float) - small).mean() < 12


def test_a_thumbnail_that_cannot_be_drawn_is_left_out_and_named(tmp_path: Path) -> None:
    source, target = tmp_path / "source.jpg", tmp_path / "target.jpg"
    block = bytearray(with_thumbnail((64, 48), 90))
    block[106:109] = b"\0\0\0"
    Image.fromarray(GRAY8).save(source, exif=bytes(block))
    assert recolor(source, target) == ["its thumbnail cannot be drawn again and was left out"]
    assert "IFD1:ThumbnailLength" not in exiftool(target)
    assert recolor(source, tmp_path / "target.tif", StillFormat.TIFF) == ["not carried over: EXIF thumbnail"]


def test_layers_of_photoshop_and_curves_of_gray_are_named(tmp_path: Path) -> None:
    source, target = tmp_path / "source.tif", tmp_path / "target.tif"
    tags = [(37724, 7, 8, b"Adobe Ph", True), (301, 3, 256, tuple(range(256)), True), (330, 13, 1, 8, True)]
    tifffile.imwrite(source, GRAY8, metadata=None, extratags=tags[:2])
    (warning,) = recolor(source, target)
    assert warning == "not carried over: TransferFunction, ImageSourceData"


def test_photoshop_s_thumbnail_goes_and_its_captions_stay(tmp_path: Path) -> None:
    source, target = tmp_path / "source.jpg", tmp_path / "target.jpg"
    caption = b"8BIM\x04\x04\0\0" + struct.pack(">I", 9) + b"\x1c\x02\x78\0\4text\0"
    drawn = b"8BIM\x04\x0c\0\0" + struct.pack(">I", 4) + b"\1\2\3\4"
    body = b"Photoshop 3.0\0" + drawn + caption
    out = io.BytesIO()
    Image.fromarray(GRAY8).save(out, "JPEG", extra=struct.pack(">BBH", 0xFF, 0xED, len(body) + 2) + body)
    source.write_bytes(out.getvalue())
    assert recolor(source, target) == ["Photoshop's thumbnail, which shows it without color, was left out"]
    assert caption in target.read_bytes()
    assert drawn not in target.read_bytes()
    assert exiftool(target)["IPTC:Caption-Abstract"] == "text"


def test_what_is_missing_is_named_once_and_not_what_a_warning_tells() -> None:
    before = {f"thing {i}": Thing("chunk", str(i)) for i in range(20)} | {"XMP": Thing("XMP")}
    assert missing(before, before, ()) == ()
    assert missing({"XMP": Thing("XMP")}, {}, ("left out, ppm has no place for it: XMP",)) == ()
    (warning,) = missing(before, {"thing 0": Thing("chunk", "another")}, ())
    assert warning.startswith("not carried over: thing 0 (changed), thing 1, ")
    assert warning.endswith(" and 9 more")


@pytest.mark.parametrize("big", [False, True])
def test_directories_in_a_ring_and_values_that_overlap_end(tmp_path: Path, *, big: bool) -> None:
    path = tmp_path / "ring.tif"
    if big:
        path.write_bytes(
            b"II+\0\x08\0\0\0"
            + struct.pack("<QQ", 16, 1)
            + struct.pack("<HHQQ", 65000, 7, 9, 0)
            + struct.pack("<Q", 16)
        )
    else:
        path.write_bytes(
            b"II*\0\x08\0\0\0" + struct.pack("<H", 1) + struct.pack("<HHII", 65000, 7, 9, 0) + struct.pack("<I", 8)
        )
    assert list(carried(path)) == ["tag 65000"]


def test_damaged_files_give_a_list_and_nothing_else(tmp_path: Path, rng: np.random.Generator) -> None:
    exif = with_thumbnail((64, 48), 80)
    makers: dict[str, dict[str, Any]] = {
        ".jpg": {"exif": exif, "xmp": XMP % 1},
        ".png": {"exif": exif},
        ".tif": {},
        ".webp": {"exif": exif},
    }
    for suffix, options in makers.items():
        sound = tmp_path / f"sound{suffix}"
        Image.fromarray(SEPIA8).save(sound, **options)
        assert suffix == ".tif" or carried(sound)
        for _ in range(60):
            spoiled = bytearray(sound.read_bytes())
            for _ in range(6):
                spoiled[int(rng.integers(len(spoiled) if rng.integers(2) else 200))] = int(rng.integers(256))
            assert isinstance(inventory(io.BytesIO(bytes(spoiled[: int(rng.integers(8, len(spoiled)))]))), dict)


def test_auxiliary_pictures_and_thumbnails_of_a_heic_are_named(tmp_path: Path) -> None:
    heif = pytest.importorskip("pillow_heif")
    heif.register_heif_opener()
    source, clear = tmp_path / "source.heic", np.dstack((SEPIA8, GRAY8))
    large = np.tile(clear, (4, 4, 1))
    Image.fromarray(large).save(source, exif=with_thumbnail((64, 48), 80)[6:], xmp=XMP % 1, thumbnails=[64])
    assert {"XMP", "thumbnail", "auxiliary picture 'urn:mpeg:hevc:2015:auxid:1'"} <= set(carried(source))
    assert recolor(source, tmp_path / "target.heic")[-1] == "not carried over: thumbnail"
    warnings = recolor(source, tmp_path / "target.jpg", StillFormat.JPEG)
    assert "transparency left out, jpeg has none" in warnings


def test_the_film_of_a_motion_photo_in_heic_is_named(tmp_path: Path) -> None:
    pytest.importorskip("pillow_heif").register_heif_opener()
    source = tmp_path / "a.heic"
    Image.fromarray(SEPIA8).save(source)
    source.write_bytes(source.read_bytes() + struct.pack(">I4s", 8 + len(FILM), b"mpvd") + FILM)
    said = recolor(source, tmp_path / "b.heic")
    assert "not carried over: box 'mpvd'" in said


def test_the_exif_of_a_heic_is_in_its_inventory_field_by_field(tmp_path: Path) -> None:
    pytest.importorskip("pillow_heif").register_heif_opener()
    source, exif = tmp_path / "a.heic", Image.Exif()
    exif[315], exif[40091] = "Muster", "Hafen\0".encode("utf-16-le")
    exif.get_ifd(34665)[36867] = "1912:03:04 10:00:00"
    Image.fromarray(SEPIA8).save(source, exif=exif)
    assert {"Artist", "XPTitle", "DateTimeOriginal"} <= carried(source).keys()
    assert not [w for w in recolor(source, tmp_path / "b.heic") if "not carried" in w]
    assert exiftool(tmp_path / "b.heic")["IFD0:XPTitle"] == "Hafen"
    Image.fromarray(SEPIA8).save(tmp_path / "none.heic")
    (warning,) = missing(carried(source), carried(tmp_path / "none.heic"), ())
    assert "Artist" in warning
