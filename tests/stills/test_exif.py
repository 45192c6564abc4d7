"""`stills.exif`: directories moved between byte orders and files, and blocks that lie."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from archivecolor.stills import exif
from tests.stills import full
from tests.stills.sources import GRAY8, recolor

BLOCK = full.exif().removeprefix(b"Exif\0\0")


def read_by_pillow(block: bytes) -> dict[int, object]:
    found = Image.Exif()
    found.load(block)
    return {**found, **found.get_ifd(34665), **found.get_ifd(34853)}


def without_places(values: dict[int, object]) -> dict[int, object]:
    return {code: value for code, value in values.items() if code not in exif.INNER}


def test_what_is_laid_out_anew_says_what_it_said() -> None:
    anew = exif.block(exif.parse(BLOCK))
    assert without_places(read_by_pillow(anew)) == without_places(read_by_pillow(BLOCK))
    assert exif.parse(anew) == exif.parse(BLOCK)


@pytest.mark.parametrize("layout", [exif.Layout(order, big) for order in "<>" for big in (False, True)], ids=str)
@given(
    st.lists(
        st.tuples(
            st.sampled_from([270, 306, 33434, 36867, 37500, 40962]),
            st.sampled_from([1, 2, 3, 4, 5, 7, 9, 10, 12]),
            st.integers(1, 9),
        ),
        max_size=6,
        unique_by=lambda field: field[0],
    )
)
def test_fields_of_every_kind_come_back_from_every_layout(
    layout: exif.Layout, described: list[tuple[int, int, int]]
) -> None:
    sizes = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 7: 1, 9: 4, 10: 8, 12: 8}
    fields = tuple(
        exif.Field(code, kind, bytes(range(1, 1 + count * sizes[kind]))) for code, kind, count in sorted(described)
    )
    fields += (exif.Field(exif.INNER[-1], exif.LONG, b"", (exif.Field(1, 2, b"R98\0"),)),)
    data = exif.write_directory(fields, 0, layout)
    assert exif.read_directory(lambda at, size: data[at : at + size], 0, layout) == fields


@pytest.mark.parametrize(("number", "kept"), [(7, [(exif.LONG, b"\7\0\0\0")]), (1 << 32, [])])
def test_a_number_that_only_bigtiff_can_hold_is_kept_where_it_is_small(
    number: int, kept: list[tuple[int, bytes]]
) -> None:
    layout = exif.Layout("<", is_big=True)
    data = layout.bytes_of(1, 8) + layout.entry(40962, 16, 1, layout.bytes_of(number, 8)) + bytes(8)
    fields = exif.read_directory(lambda at, size: data[at : at + size], 0, layout)
    assert [(field.kind, field.value) for field in fields] == kept


def test_a_directory_that_holds_itself_ends() -> None:
    entry = struct.pack("<HHII", exif.EXIF_DIRECTORY, exif.LONG, 1, 8)
    block = b"II*\0" + struct.pack("<I", 8) + struct.pack("<H", 1) + entry + bytes(4)
    assert exif.parse(block) == ()


def test_a_count_beyond_the_block_leaves_that_field_out() -> None:
    fields = (exif.Field(270, 2, b"Bridge\0"), exif.Field(315, 2, b"Durst & Co\0"))
    block = bytearray(exif.block(fields))
    struct.pack_into("<I", block, 10 + 4, 0x7FFFFFFF)
    assert exif.parse(bytes(block)) == fields[1:]


@given(st.binary(max_size=40), st.lists(st.tuples(st.integers(0, 500), st.integers(0, 255)), max_size=12))
def test_no_block_whatever_raises(tail: bytes, damage: list[tuple[int, int]]) -> None:
    block = bytearray(BLOCK + tail)
    for place, value in damage:
        block[place % len(block)] = value
    fields = exif.parse(bytes(block))
    kept = {field.code: field for field in fields}  # of two fields of one number the second
    assert exif.parse(exif.block(fields)) == tuple(kept[code] for code in sorted(kept))
    assert len(exif.with_orientation(bytes(block), 3)) == len(block)


def test_only_the_orientation_changes() -> None:
    block = exif.block((exif.Field(270, 2, b"Bridge\0"), exif.Field(274, exif.SHORT, b"\6\0")))
    changed = exif.with_orientation(block, 1)
    assert [field.value for field in exif.parse(changed)] == [b"Bridge\0", b"\1\0"]
    assert exif.with_orientation(BLOCK, 1) == BLOCK


@pytest.mark.parametrize("big", [False, True], ids=["TIFF", "BigTIFF"])
def test_every_page_of_a_tiff_keeps_its_directories(tmp_path: Path, *, big: bool) -> None:
    source, target = tmp_path / "source.tif", tmp_path / "target.tif"
    block = Image.Exif()
    block.get_ifd(34665)[36867] = "1904:07:01 12:00:00"
    block.get_ifd(34853)[2] = (51.0, 28.0, 38.0)
    pages = [Image.fromarray(GRAY8) for _ in range(3)]
    pages[0].save(source, save_all=True, append_images=pages[1:], exif=block.tobytes(), big_tiff=big)
    assert recolor(source, target) == []
    with tifffile.TiffFile(target) as tif:
        assert (tif.is_bigtiff, len(tif.pages)) == (big, 3)
    with Image.open(target) as image:
        for page in range(3):
            image.seek(page)
            assert image.getexif().get_ifd(34665)[36867] == "1904:07:01 12:00:00"
            assert image.getexif().get_ifd(34853)[2] == (51, 28, 38)


@given(st.binary(max_size=200), st.booleans())
def test_no_directory_of_a_bigtiff_whatever_raises(data: bytes, little: bool) -> None:
    layout = exif.Layout("<" if little else ">", is_big=True)
    fields = exif.read_directory(lambda at, size: data[at : at + size], 0, layout)
    assert len(fields) <= len(data) // layout.entry_bytes
