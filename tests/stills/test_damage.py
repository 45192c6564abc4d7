"""Files that are damaged, cut short, of another kind or too much: always an `InputError` that names the file."""

from __future__ import annotations

import io
import os
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from archivecolor import stills
from archivecolor.errors import DependencyError, InputError, OutputError
from archivecolor.settings import OutputSettings, StillFormat
from archivecolor.stills import NotAPictureError, open_still, probe, suffix_of, write_still
from archivecolor.stills.sniff import names_a_picture, sniff
from tests.stills.sources import (
    BITS,
    GRAY8,
    GRAY16,
    JPEG,
    LOSSLESS,
    SEPIA8,
    Source,
    luma_of,
    png,
    png_chunk,
    read_back,
    recolor,
)

SOURCES = LOSSLESS | JPEG
every_source = pytest.mark.parametrize("source", SOURCES.values(), ids=SOURCES.keys())


@every_source
@pytest.mark.parametrize("share", [0.03, 0.3, 0.6, 0.9, 0.999])
def test_a_file_cut_short_anywhere_is_refused_by_name(source: Source, share: float, tmp_path: Path) -> None:
    path = source.at(tmp_path)
    data = path.read_bytes()
    last = 12 if path.suffix == ".png" else 2  # what carries no picture: IEND, EOI, and the padding of WebP
    path.write_bytes(data[: min(int(len(data) * share), len(data) - last - 1)])
    if cut_behind_the_picture(path, source):
        return
    with pytest.raises(InputError) as caught:
        open_still(path)
    assert str(path) in caught.value.message


def cut_behind_the_picture(path: Path, source: Source) -> bool:
    """Whether a TIFF, which may keep anything behind its pixels, still has all of them."""
    try:
        return path.suffix == ".tif" and np.array_equal(open_still(path).luma, source.luma)
    except InputError:
        return False


@every_source
@pytest.mark.parametrize("keep", [0, 1, 4, 25, 33])
def test_a_file_of_a_few_bytes_is_refused_by_name(source: Source, keep: int, tmp_path: Path) -> None:
    path = source.at(tmp_path)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(InputError) as caught:
        probe(path)
    assert str(path) in caught.value.message


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    name=st.sampled_from(sorted(SOURCES)),
    changes=st.lists(st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 255)), min_size=1, max_size=12),
    near_the_start=st.booleans(),
)
def test_no_damage_whatever_raises_anything_but_our_errors(
    name: str, changes: list[tuple[float, int]], near_the_start: bool, tmp_path: Path
) -> None:
    path = SOURCES[name].at(tmp_path)
    data = bytearray(path.read_bytes())
    reach = min(len(data), 300) if near_the_start else len(data)
    for place, value in changes:
        data[int(place * reach)] = value
    path.write_bytes(data)
    said = ""
    try:
        info = probe(path)
        if info.width * info.height < 4_000_000:
            still = open_still(path)
            assert still.luma.shape == (still.info.height, still.info.width)
            assert still.luma.size
    except (InputError, DependencyError) as e:
        said = e.message
    assert not said or str(path) in said


def test_a_png_with_a_wrong_checksum_is_refused(tmp_path: Path) -> None:
    for name in ("png gray 8", "png gray 16"):
        path = SOURCES[name].at(tmp_path)
        data = bytearray(path.read_bytes())
        at = data.index(b"IDAT")
        (size,) = struct.unpack(">I", data[at - 4 : at])
        data[at + 4 + size] ^= 1
        path.write_bytes(data)
        with pytest.raises(InputError, match=r"checksum|damaged|broken"):
            open_still(path)


def test_a_jpeg_tiff_whose_data_end_early_is_refused_though_libjpeg_would_fill_it_up(tmp_path: Path) -> None:
    pytest.importorskip("imagecodecs")
    path = tmp_path / "source.tif"
    tifffile.imwrite(path, np.tile(SEPIA8, (4, 4, 1)), photometric="rgb", compression="jpeg", metadata=None)
    open_still(path)
    path.write_bytes(path.read_bytes()[:-400])
    with pytest.raises(InputError, match="ends early"):
        open_still(path)


def test_a_small_picture_that_unpacks_to_gigabytes_is_refused_at_once(tmp_path: Path) -> None:
    packer = zlib.compressobj(9)
    bomb = b"".join(packer.compress(bytes(1 << 22)) for _ in range(64)) + packer.flush()
    header = struct.pack(">IIBBBBB", 64, 64, 16, 0, 0, 0, 0)
    parts = (png_chunk(b"IHDR", header), png_chunk(b"IDAT", bomb), png_chunk(b"IEND", b""))
    (tmp_path / "bomb.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(parts))
    tifffile.imwrite(tmp_path / "bomb.tif", np.zeros((64, 64), np.uint8), compression="zlib", metadata=None)
    data = bytearray((tmp_path / "bomb.tif").read_bytes())
    with tifffile.TiffFile(tmp_path / "bomb.tif") as tif:
        page = tif.pages[0]
        assert isinstance(page, tifffile.TiffPage)
        struct.pack_into("<HHII", data, page.tags[273].offset, 273, 4, 1, len(data))
        struct.pack_into("<HHII", data, page.tags[279].offset, 279, 4, 1, len(bomb))
    (tmp_path / "bomb.tif").write_bytes(data + bomb)
    for name in ("bomb.png", "bomb.tif"):
        with pytest.raises(InputError, match="is damaged or a trap"):
            open_still(tmp_path / name)


def test_an_empty_file_is_refused_and_expected_only_if_it_is_named_like_a_picture(tmp_path: Path) -> None:
    for name, expected in (("scan.jpg", True), ("scan.TIFF", True), ("notes.txt", False), ("README", False)):
        path = tmp_path / name
        path.touch()
        with pytest.raises(NotAPictureError, match="is empty") as caught:
            sniff(path)
        assert caught.value.expected is expected


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
    path = SOURCES["png gray 16"].at(tmp_path)
    needs = probe(path).working_bytes
    monkeypatch.setattr(stills, "memory_bytes", lambda: needs)
    with pytest.raises(InputError, match="has 1 megapixels and may take") as caught:
        open_still(path)
    assert "--max-megapixels 1 colors it all the same" in str(caught.value.hint)
    assert open_still(path, max_megapixels=1).luma.size


def test_a_file_that_goes_away_between_two_looks_is_an_error_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("png gray 16", "png gray 8", "tif gray 16", "webp lossless", "jpeg gray", "bmp gray 8"):
        path = SOURCES[name].at(tmp_path)
        info = probe(path)
        path.unlink()
        with monkeypatch.context() as patch:
            patch.setattr(stills, "probe", lambda *_, info=info, **__: info)
            with pytest.raises(InputError) as caught:
                open_still(path)
        assert str(path) in caught.value.message


def test_a_file_that_cannot_be_read_is_an_error_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = SOURCES["png gray 8"].at(tmp_path)

    def refuse(path: Path, *args: object, **kwargs: object) -> int:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(os, "open", refuse)
    with pytest.raises(InputError, match="cannot be read: Permission denied"):
        sniff(path)


def test_a_picture_that_does_not_fit_into_memory_is_an_error_of_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = SOURCES["png gray 16"].at(tmp_path)

    def exhausted(*_: object) -> None:
        raise MemoryError

    monkeypatch.setattr(cv2, "imdecode", exhausted)
    with pytest.raises(InputError, match="does not fit into memory"):
        open_still(path)


@pytest.mark.parametrize(("format", "limit"), [(StillFormat.JPEG, 65500), (StillFormat.WEBP, 16383)])
def test_a_picture_longer_than_the_target_can_be_is_refused_with_its_limit(
    format: StillFormat, limit: int, tmp_path: Path
) -> None:
    path = tmp_path / "panorama.png"
    path.write_bytes(png(0, 8, np.zeros((1, limit + 1), np.uint8)))
    with pytest.raises(OutputError, match=f"{format} ends at {limit}"):
        recolor(path, tmp_path / "target", format)


def test_what_an_encoder_stumbles_over_names_the_source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = SOURCES["png gray 8"].at(tmp_path)
    still = open_still(path)

    def stumble(*_: object, **__: object) -> None:
        raise ValueError("bad hair day")

    monkeypatch.setattr(Image.Image, "save", stumble)
    file = io.BytesIO()
    with pytest.raises(OutputError, match="cannot be encoded as jpeg: bad hair day") as caught:
        write_still(file, np.dstack([GRAY8] * 3), still, OutputSettings(format=StillFormat.JPEG))
    assert str(path) in caught.value.message
    assert file.getvalue() == b""


@pytest.mark.parametrize("format", list(StillFormat))
def test_nothing_is_written_before_the_whole_is_encoded(format: StillFormat, tmp_path: Path) -> None:
    """A full disk is then told by its own error number, which encoders swallow."""
    still = open_still(SOURCES["png gray 8"].at(tmp_path))

    class Full(io.BytesIO):
        def write(self, data: object, /) -> int:
            raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="No space left") as caught:
        write_still(Full(), np.dstack([GRAY8] * 3), still, OutputSettings(format=format))
    assert caught.value.errno == 28


def test_suffixes_name_formats_in_any_case() -> None:
    for kind in StillFormat:
        assert names_a_picture(f"A{suffix_of(kind).upper()}")
    assert not names_a_picture("plate.7")
    assert not names_a_picture("plate.jpg.xmp")


def test_what_was_written_is_a_whole_file_for_another_reader(tmp_path: Path) -> None:
    for name, source in SOURCES.items():
        path, target = source.at(tmp_path), tmp_path / f"target{source.suffix}"
        target.unlink(missing_ok=True)
        recolor(path, target)
        if source.suffix != ".tif":
            assert read_back(target).shape[:2] == GRAY8.shape, name
        with Image.open(target) as image:
            image.load()
