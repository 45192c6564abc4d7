"""Files that ask for work without end, or out of proportion to what they hold: refused at once, by name."""

from __future__ import annotations

import io
import struct
import time
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from archivecolor.errors import InputError
from archivecolor.stills import exif, open_still
from tests.stills.sources import GRAY8, png, png_chunk

AT_ONCE_S = 5.0
"""CPU time; what is refused took more than 45 s, or for ever."""


def directory(side: int, pixels_at: int, pixels: int, following: int, compression: int = 1) -> bytes:
    """A page of ``side`` pixels square, 8 bit gray, of one strip, and where the next page's directory is."""
    tags = ((256, side), (257, side), (258, 8), (259, compression), (262, 1), (273, pixels_at), (277, 1), (278, side))
    fields = b"".join(struct.pack("<HHII", code, 4, 1, value) for code, value in (*tags, (279, pixels)))
    return struct.pack("<H", 9) + fields + struct.pack("<I", following)


LENGTH = len(directory(16, 0, 0, 0))


def ring(pages: int) -> bytes:
    """A TIFF whose last page says that the first one comes next."""
    behind = 8 + pages * LENGTH
    starts = [8 + LENGTH * page for page in range(pages)]
    tables = [directory(16, behind, 256, following) for following in (*starts[1:], starts[0])]
    return b"II*\0" + struct.pack("<I", 8) + b"".join(tables) + b"\x80" * 256


def sharing(pages: int, side: int = 4000) -> bytes:
    """A TIFF of pages that all have the pixels of the first."""
    row = zlib.compressobj(9)
    strip = b"".join(row.compress(b"\x80" * side) for _ in range(side)) + row.flush()
    start = 8 + len(strip)
    tables = [
        directory(side, 8, len(strip), start + LENGTH * page if page < pages else 0, 8) for page in range(1, pages + 1)
    ]
    return b"II*\0" + struct.pack("<I", start) + strip + b"".join(tables)


def captions(count: int) -> bytes:
    return png(0, 8, GRAY8, b"".join(png_chunk(b"tEXt", b"k%d\0v" % i) for i in range(count)))


def captions_last(count: int) -> bytes:
    end = png_chunk(b"IEND", b"")
    return captions(0).removesuffix(end) + b"".join(png_chunk(b"tEXt", b"k%d\0v" % i) for i in range(count)) + end


def scans(count: int, side: int = 2000) -> bytes:
    """A progressive JPEG whose scans, but for the first, say that there is nothing more."""
    blocks = (side // 8) ** 2
    head = b"\xff\xd8\xff\xdb\0\x43\0" + b"\x10" * 64
    head += b"\xff\xc2" + struct.pack(">HBHHB", 11, 8, side, side, 1) + b"\1\x11\0"
    head += b"\xff\xc4\0\x14\0\1" + b"\0" * 16 + b"\xff\xc4\0\x14\x10\1" + b"\0" * 15 + b"\xe0"
    nothing = b"\xff\xda\0\x08\1\1\0\1\x3f\0" + bits("0" + "1" * 14, -(-blocks // 32767))
    return head + b"\xff\xda\0\x08\1\1\0\0\0\0" + bits("0", blocks) + nothing * count + b"\xff\xd9"


def bits(code: str, times: int) -> bytes:
    text = code * times
    text += "1" * (-len(text) % 8)
    return int(text, 2).to_bytes(len(text) // 8, "big").replace(b"\xff", b"\xff\0")


def boxes(count: int) -> bytes:
    coded = io.BytesIO()
    Image.fromarray(GRAY8).save(coded, "JPEG2000")
    data = coded.getvalue()
    at = data.index(b"jp2c") - 4
    return data[:at] + (struct.pack(">I4s", 9, b"xml ") + b" ") * count + data[at:]


TRAPS: dict[str, tuple[str, Callable[[], bytes], str]] = {
    "a page that follows itself": ("a.tif", lambda: ring(1), "circles"),
    "two pages in a ring": ("a.tif", lambda: ring(2), "circles"),
    "150 pages in a ring": ("a.tif", lambda: ring(150), "circles"),
    "60 pages of the same pixels": ("a.tif", lambda: sharing(60), "share their pixels"),
    "100,000 captions": ("a.png", lambda: captions(100_000), "blocks"),
    "100,000 captions behind the pixels": ("a.png", lambda: captions_last(100_000), "blocks"),
    "2,000 scans": ("a.jpg", lambda: scans(2000), "2001 scans"),
    "50,000 boxes": ("a.jp2", lambda: boxes(50_000), "blocks"),
}


@pytest.mark.parametrize("trap", TRAPS)
def test_a_trap_is_refused_at_once_by_name(trap: str, tmp_path: Path) -> None:
    name, make, said = TRAPS[trap]
    path = tmp_path / name
    path.write_bytes(make())
    began = time.process_time()
    with pytest.raises(InputError, match=said) as caught:
        open_still(path)
    assert time.process_time() - began < AT_ONCE_S
    assert str(path) in caught.value.message


def test_what_is_many_and_honest_is_read(tmp_path: Path) -> None:
    (tmp_path / "captions.png").write_bytes(captions(2000))
    assert len(open_still(tmp_path / "captions.png").metadata.png_chunks) == 2000
    (tmp_path / "scans.jpg").write_bytes(scans(60, side=64))
    assert open_still(tmp_path / "scans.jpg").luma.shape == (64, 64)
    pages = [Image.fromarray(np.full((8, 8), value, np.uint8)) for value in range(120)]
    pages[0].save(tmp_path / "pages.tif", save_all=True, append_images=pages[1:])
    assert open_still(tmp_path / "pages.tif", 119).luma[0, 0] == 119


def test_directories_of_exif_that_hold_each_other_are_met_once() -> None:
    inner = struct.pack("<HHII", exif.EXIF_DIRECTORY, 4, 1, 8) * 4000
    told = struct.pack("<HHII", exif.ORIENTATION, exif.SHORT, 1, 3)
    blob = b"II*\0" + struct.pack("<IH", 8, 4001) + inner + told
    began = time.process_time()
    assert [field.code for field in exif.parse(blob)] == [exif.ORIENTATION]
    assert time.process_time() - began < 1


def test_values_of_exif_are_read_as_far_as_a_file_may_have_them() -> None:
    fields = b"".join(struct.pack("<HHII", 300 + i, 7, 1 << 20, 8) for i in range(1000))
    blob = b"II*\0" + struct.pack("<IH", 8, 1000) + fields + b"\0" * (1 << 20)
    assert len(exif.parse(blob)) == 16
