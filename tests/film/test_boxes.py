"""Boxes of MP4 and MOV that FFmpeg does not read: named where they are lost."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from archivecolor.film.boxes import in_words, unread_boxes
from archivecolor.film.inventory import inventory
from archivecolor.runs.film.job import make_film
from archivecolor.runs.film.plan import FilmRequest, plan_film
from archivecolor.runs.settings import FilmSettings
from archivecolor.settings import ColorSettings, EncodeSettings, FilmCodec
from tests.fakes.engines import FakeEngine, by_luma
from tests.film.sources import FilmSource, moving


def box(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", 8 + len(content)) + name + content


CAMERA = (
    box(b"moov", box(b"udta", box(b"GPMF", b"DEVC" * 30) + box(b"\xa9nam", b"\0\7\0\0Hafen 1"))),
    box(b"meta", b"\0" * 4 + box(b"xml ", b"<NonRealTimeMeta/>")),
    box(b"uuid", bytes(range(16)) + b"PROF"),
)


def write(path: Path, *boxes: bytes) -> Path:
    path.write_bytes(box(b"ftyp", b"isom\0\0\2\0") + b"".join(boxes) + box(b"mdat", b"\0" * 40))
    return path


def test_what_is_not_read_is_found_and_what_is_among_the_tags_is_not(tmp_path: Path) -> None:
    film = write(tmp_path / "a.mp4", *CAMERA)
    found = unread_boxes(film, ["Hafen 1"])
    assert {found_box.name for found_box in found} == {"GPMF", "meta", "uuid"}
    assert in_words(found) == (
        "what boxes hold that FFmpeg does not read: 'GPMF' (120 bytes), 'meta' (30 bytes), 'uuid' (20 bytes)"
    )
    assert "©nam" in {found_box.name for found_box in unread_boxes(film, [])}


@pytest.mark.parametrize(
    "boxes",
    [
        [box(b"moov", b"") * 40_000],
        [b"\0\0\0\0uuid" + b"\1" * 20],
        [struct.pack(">I4sQ", 1, b"uuid", 1 << 62) + b"\1" * 20],
        [struct.pack(">I4s", 1, b"uuid")],
        [b"".join(struct.pack(">I4s", 8 * (5000 - i), b"moov") for i in range(5000))],
    ],
    ids=["many", "to the end", "longer than the file", "cut short", "deep"],
)
def test_damaged_boxes_end_the_search(tmp_path: Path, boxes: list[bytes]) -> None:
    assert len(unread_boxes(write(tmp_path / "a.mp4", *boxes), [])) <= 1


def test_a_result_without_them_names_them(tmp_path: Path) -> None:
    source = FilmSource(moving(3), encoder="libx264", options={"preset": "ultrafast"}).write(tmp_path / "a.mp4")
    assert inventory(source).boxes == frozenset()
    with source.open("ab") as file:
        file.write(CAMERA[2])
    encode = EncodeSettings(codec=FilmCodec.H264, preset="ultrafast")
    request = FilmRequest(source, tmp_path / "b.mp4", FilmSettings(encode=encode))
    record = make_film(plan_film(request), FakeEngine(by_luma), ColorSettings())
    assert record.whole.lost == ("what boxes hold that FFmpeg does not read: 'uuid' (20 bytes)",)
    assert inventory(tmp_path / "b.mp4").boxes == frozenset()
