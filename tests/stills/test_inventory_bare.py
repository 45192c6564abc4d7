"""What BMP, portable maps, codestreams and PNG carry comes along or is named."""

from __future__ import annotations

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image

from archivecolor.runs.strip import strip_file
from archivecolor.settings import StillFormat
from tests.stills.carried import chunk, exiftool
from tests.stills.sources import GRAY8, recolor


def test_chunks_of_a_png_are_kept_as_they_ask_and_the_others_named(tmp_path: Path) -> None:
    source, target = tmp_path / "source.png", tmp_path / "target.png"
    out = io.BytesIO()
    Image.fromarray(GRAY8).save(out, "PNG")
    chunks = ((b"sCAL", b"\x011.5\x002.5"), (b"vpAg", bytes(9)), (b"prVt", b"safe"), (b"prVT", b"not"))
    more = b"".join(chunk(*parts) for parts in chunks)
    source.write_bytes(out.getvalue()[:33] + more + out.getvalue()[33:])
    (warning,) = recolor(source, target)
    assert warning == "not carried over: chunk 'sCAL', chunk 'prVT'"
    assert all(chunk(*parts) in target.read_bytes() for parts in chunks[1:3])


def bitmap(path: Path, *, space: bytes = b"BGRs", profile: bytes = b"", behind: bytes = b"", gap: bytes = b"") -> Path:
    """A gray BMP of version 5 with 3937 x 3937 pixels a meter."""
    rows = np.flipud(GRAY8)
    height, width = rows.shape
    stride = (width + 3) // 4 * 4
    pixels = b"".join(row.tobytes().ljust(stride, b"\0") for row in rows)
    table = b"".join(bytes((i, i, i, 0)) for i in range(256))
    start = 14 + 124 + len(table) + len(gap)
    info = struct.pack("<IiiHHIIiiII", 124, width, height, 1, 8, 0, len(pixels), 3937, 3937, 256, 0)
    info += bytes(16) + space + bytes(36 + 12) + struct.pack("<IIII", 4, start - 14 + len(pixels), len(profile), 0)
    whole = info + table + gap + pixels + profile + behind
    path.write_bytes(b"BM" + struct.pack("<IHHI", 14 + len(whole), 0, 0, start) + whole)
    return path


def test_what_a_bmp_carries_is_kept_or_named_and_no_resolution_invented(tmp_path: Path) -> None:
    target = tmp_path / "target.bmp"
    assert recolor(bitmap(tmp_path / "plain.bmp"), target) == []
    assert exiftool(target)["File:PixelsPerMeterX"] == 3937
    profiled = bitmap(tmp_path / "a.bmp", space=b"DEBM", profile=b"profile" * 9, behind=b"note", gap=b"maker")
    (warning,) = recolor(profiled, tmp_path / "b.bmp")
    assert warning == "not carried over: ICC profile, 5 bytes before the picture, 4 bytes behind the picture"
    Image.fromarray(GRAY8).save(tmp_path / "gray.png")
    assert recolor(tmp_path / "gray.png", tmp_path / "c.bmp", StillFormat.BMP) == []
    assert exiftool(tmp_path / "c.bmp")["File:PixelsPerMeterX"] == 0


def test_what_a_portable_map_carries_is_kept_or_named(tmp_path: Path) -> None:
    source, target = tmp_path / "a.pgm", tmp_path / "a.ppm"
    height, width = GRAY8.shape
    picture = b"P5\n# Hafen\n#  1912 \n%d %d\n255\n" % (width, height) + GRAY8.tobytes()
    source.write_bytes(picture)
    assert recolor(source, target) == []
    assert b"# Hafen\n# 1912\n" in target.read_bytes()
    source.write_bytes(picture * 2)
    assert recolor(source, tmp_path / "b.ppm") == [f"not carried over: {len(picture)} bytes behind the picture"]
    source.write_bytes(b"P4\n9 2\n" + bytes(4) + b"rest")
    assert recolor(source, tmp_path / "c.ppm") == ["not carried over: 4 bytes behind the picture"]


def test_comments_in_a_codestream_and_what_stands_behind_a_picture_are_named(tmp_path: Path) -> None:
    plain = tmp_path / "plain.jp2"
    cv2.imwrite(str(plain), GRAY8)
    assert recolor(plain, tmp_path / "target.jp2") == []
    data = plain.read_bytes()
    at = data.index(b"\xff\x4f\xff\x51")
    stream = bytearray(data[at:])
    size = struct.unpack_from(">H", stream, 4)[0]
    stream[4 + size : 4 + size] = b"\xff\x64\x00\x0b\x00\x01by hand"
    bare = tmp_path / "bare.j2k"
    bare.write_bytes(stream)
    assert recolor(bare, tmp_path / "bare.jp2") == ["not carried over: comment of the codestream"]
    for suffix in (".png", ".webp"):
        source = tmp_path / f"a{suffix}"
        Image.fromarray(GRAY8).save(source, lossless=True)
        source.write_bytes(source.read_bytes() + b"appended")
        assert recolor(source, tmp_path / f"b{suffix}") == ["not carried over: 8 bytes behind the picture"]


@pytest.mark.parametrize("bits", [1, 4, 8, 16])
def test_the_background_and_the_color_space_of_a_png_are_kept(bits: int, tmp_path: Path) -> None:
    """ImageMagick writes a background into every gray PNG."""
    source, target = tmp_path / "a.png", tmp_path / "b.png"
    rows = b"".join(b"\0" + bytes([n]) * bits for n in (0, 200, 30))  # 8 pixels a row
    header = struct.pack(">IIBBBBB", 8, 3, bits, 0, 0, 0, 0)
    space = chunk(b"cICP", bytes([1, 13, 0, 1])) + chunk(b"bKGD", struct.pack(">H", (1 << bits) - 1))
    whole = chunk(b"IHDR", header) + space + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    source.write_bytes(b"\x89PNG\r\n\x1a\n" + whole)
    assert recolor(source, target) == []
    shown = exiftool(target)
    white = 65535 if bits == 16 else 255
    assert shown["PNG:BackgroundColor"] == f"{white} {white} {white}"
    assert shown["PNG-cICP:TransferCharacteristics"] == 13
    strip_file(target, tmp_path / "c.png")
    assert exiftool(tmp_path / "c.png")["PNG:BackgroundColor"] == white


@pytest.mark.parametrize(
    "options", [{}, {"tile": (16, 16)}, {"bigtiff": True, "byteorder": ">"}, {"compression": "zlib"}]
)
def test_what_was_appended_to_a_tiff_is_named(options: Any, tmp_path: Path) -> None:
    source = tmp_path / "a.tif"
    with tifffile.TiffWriter(source, **{k: options[k] for k in options.keys() & {"bigtiff", "byteorder"}}) as tif:
        more = {k: options[k] for k in options.keys() - {"bigtiff", "byteorder"}}
        tif.write(GRAY8, photometric="minisblack", subifds=1, metadata=None, **more)
        tif.write(GRAY8[::2, ::2], photometric="minisblack", subfiletype=1, metadata=None)
    assert recolor(source, tmp_path / "b.tif") == ["the thumbnails or masks in it were left out"]
    source.write_bytes(source.read_bytes() + b"by hand")
    (_, warning) = recolor(source, tmp_path / "c.tif")
    assert warning == "not carried over: 7 bytes behind the picture"


def test_what_tifffile_says_twice_of_further_pages_is_nothing_that_was_appended(tmp_path: Path) -> None:
    source = tmp_path / "a.tif"
    tifffile.imwrite(source, np.stack([GRAY8, GRAY8[::-1], GRAY8]), photometric="minisblack")
    with tifffile.TiffFile(source) as tif:
        last = tif.pages[2].aspage().tags["XResolution"]
        assert last.valueoffset + 16 < source.stat().st_size - 16
    assert recolor(source, tmp_path / "b.tif") == []
