"""What a HEIC carries, for `inventory`: items and properties of its `meta` box (ISO/IEC 23008-12; 14496-12, 8.11)."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from typing import BinaryIO, Final

_PICTURES: Final = (b"hvc1", b"grid", b"iden", b"iovl", b"av01", b"jpeg", b"tili", b"unci", b"mask")
_FILE: Final = (b"ftyp", b"meta", b"mdat", b"free", b"skip", b"wide")
"""What every HEIC has; a film, as of motion photos, lies in others."""
_LONGEST_META_BYTES: Final = 16 << 20
_MOST_ITEMS: Final = 4096
_COUNTED: Final = {b"meta": 4, b"iref": 4, b"iprp": 0, b"ipco": 0}
"""Boxes of boxes, and how many bytes come before these."""


def items(file: BinaryIO) -> Iterator[tuple[str, str]]:
    """Kind and name: of items that are no pictures, of auxiliary pictures, of thumbnails and of further boxes."""
    file.seek(0)
    while len(head := file.read(8)) == 8:
        size, kind = struct.unpack(">I4s", head)
        body = size - 8
        if size == 1:
            body = struct.unpack(">Q", file.read(8))[0] - 16
        if kind == b"meta" and 4 <= body <= _LONGEST_META_BYTES:
            yield from _inside(file.read(body), 4)
            continue
        if body < 0:
            return
        if kind not in _FILE:
            yield "box", kind.decode("ascii", "replace")
        file.seek(body, 1)


def _inside(data: bytes, at: int) -> Iterator[tuple[str, str]]:
    while at + 8 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        if size < 8 or at + size > len(data):
            return
        body = data[at + 8 : at + size]
        if kind in _COUNTED:
            yield from _inside(body, _COUNTED[kind])
        elif kind == b"iinf":
            yield from _entries(body)
        elif kind == b"auxC":
            yield "auxiliary picture", body[4:].split(b"\0", 1)[0].decode("ascii", "replace")
        elif kind == b"thmb":
            yield "thumbnail", ""
        elif kind == b"colr" and body[:4] in (b"prof", b"rICC"):
            yield "ICC profile", ""
        at += size


def _entries(body: bytes) -> Iterator[tuple[str, str]]:
    """Of the items' list."""
    at = 6 if body[:1] == b"\0" else 8
    while at + 8 <= len(body):
        (size,) = struct.unpack_from(">I", body, at)
        if size < 8:
            return
        entry = body[at + 8 : at + size]
        at += size
        start = 8 if entry[:1] == b"\2" else 10
        kind, rest = entry[start : start + 4], entry[start + 4 :]
        if kind == b"mime":
            content = rest.split(b"\0")[1:2]
            name = content[0].decode("ascii", "replace") if content else ""
            yield ("XMP", "") if name == "application/rdf+xml" else ("item", name)
        elif kind and kind not in (*_PICTURES, b"Exif"):  # `exif` reads that
            yield "item", kind.decode("ascii", "replace")


def exif(file: BinaryIO) -> bytes:
    """The first EXIF block, from its TIFF header on; nothing where there is none."""
    file.seek(0)
    while len(head := file.read(8)) == 8:
        size, kind = struct.unpack(">I4s", head)
        if kind == b"meta" and 12 <= size <= _LONGEST_META_BYTES:
            boxes = dict(_boxes(file.read(size - 8), 4))
            wanted = _numbers_of(boxes.get(b"iinf", b""), b"Exif")
            for start, length in _places(boxes.get(b"iloc", b""), wanted):
                file.seek(start)
                block = file.read(min(length, _LONGEST_META_BYTES))
                return block[4 + int.from_bytes(block[:4], "big") :]
            return b""
        if size < 8:
            return b""
        file.seek(size - 8, 1)
    return b""


def _boxes(data: bytes, at: int) -> Iterator[tuple[bytes, bytes]]:
    while at + 8 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        if size < 8:
            return
        yield kind, data[at + 8 : at + size]
        at += size


def _numbers_of(body: bytes, wanted: bytes) -> set[int]:
    """The numbers of the items of a kind."""
    found = set()
    for _, entry in _boxes(body, 6 if body[:1] == b"\0" else 8):
        wide = 2 if entry[:1] == b"\2" else 4
        if entry[4 + wide + 2 :].startswith(wanted):
            found.add(int.from_bytes(entry[4 : 4 + wide], "big"))
    return found


def _places(body: bytes, wanted: set[int]) -> Iterator[tuple[int, int]]:
    """Where in the file items begin, and how long their first parts are (14496-12, 8.11.3)."""
    rest = io.BytesIO(body)

    def number(size: int) -> int:
        return int.from_bytes(rest.read(size), "big")

    version, sizes = number(4) >> 24, number(2)
    offset_bytes, length_bytes, base_bytes, index_bytes = (sizes >> shift & 15 for shift in (12, 8, 4, 0))
    wide = 4 if version > 1 else 2
    for _ in range(min(number(wide), _MOST_ITEMS)):
        item = number(wide)
        method = number(2) & 15 if version else 0
        number(2)
        base = number(base_bytes)
        parts = []
        for _ in range(min(number(2), _MOST_ITEMS)):
            number(index_bytes if version else 0)
            parts.append((base + number(offset_bytes), number(length_bytes)))
        if item in wanted and not method:
            yield from parts[:1]
