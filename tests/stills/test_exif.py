"""`stills.exif`: directories moved between byte orders and files, and blocks that lie."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from archivecolor.stills import exif
from tests.stills import test_metadata

BLOCK = test_metadata.exif().removeprefix(b"Exif\0\0")


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


@pytest.mark.parametrize("order", ["<", ">"])
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
def test_fields_of_every_kind_come_back_in_either_order(order: str, described: list[tuple[int, int, int]]) -> None:
    sizes = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 7: 1, 9: 4, 10: 8, 12: 8}
    fields = tuple(
        exif.Field(code, kind, bytes(range(1, 1 + count * sizes[kind]))) for code, kind, count in sorted(described)
    )
    data = exif.write_directory(fields, 0, order)
    assert exif.read_directory(lambda at, size: data[at : at + size], 0, order) == fields


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
