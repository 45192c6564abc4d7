"""A color JPEG whose luma is, bit for bit, that of a gray one: the source's scans are copied, not coded anew.

ITU-T T.81 lets each component have scans of its own, and the blocks of a component's own scan come in the order that
they have in a gray picture. So the source's scans serve as the luma's in a frame of three components, and those of two
more gray pictures, Cb and Cr, follow. Nothing of the luma is decoded on the way.
"""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from PIL import Image

from archivecolor.color import UIntArray

_SOI, _EOI, _SOS, _DQT, _DHT, _DRI, _COM = 0xD8, 0xD9, 0xDA, 0xDB, 0xC4, 0xDD, 0xFE
_FRAMES: Final = (0xC0, 0xC1, 0xC2)
"""Baseline, extended sequential, progressive: all Huffman-coded."""
_RESTARTS: Final = range(0xD0, 0xD8)
_LUMA, _CB, _CR = 1, 2, 3


@dataclass(frozen=True, slots=True)
class _Gray:
    """What a JPEG of one component is made of."""

    frame: int
    size: bytes
    """Height and width as the frame header has them."""
    table: bytes
    """The quantization table, led by its precision."""
    scans: tuple[tuple[int, bytes], ...]
    """Markers and bodies from the first Huffman table to the last scan, in the order that a decoder needs."""


def splice(source: bytes, rgb: UIntArray, chroma_table: list[int], options: dict[str, Any]) -> bytes | None:
    """Lay the chroma of ``[h, w, 3]`` 8-bit RGB beside the luma of ``source``, a JPEG.

    ``options`` are Pillow's and say what metadata to write. Returns None where ``source`` is not of one component, or
    is coded in a way that cannot be copied.
    """
    luma = _parse(source)
    if luma is None or luma.size != struct.pack(">HH", *rgb.shape[:2]):
        return None
    progressive = luma.frame == _FRAMES[-1]
    planes = Image.fromarray(rgb).convert("YCbCr").split()[1:]
    chroma = [_parse(_encode(p, qtables=[chroma_table], progressive=progressive)) for p in planes]
    # Pillow writes the metadata, of a picture of one pixel
    told = _encode(Image.new("RGB", (1, 1)), **options)
    parts = [(marker, body) for marker, body in _segments(told) if marker == _COM or 0xE0 <= marker <= 0xEF]
    parts += [(_DQT, _numbered(luma.table, 0))]
    parts += [(_DQT, _numbered(plane.table, 1)) for plane in chroma[:1] if plane]
    components = b"".join(bytes((number, 0x11, number != _LUMA)) for number in (_LUMA, _CB, _CR))
    frame = max(luma.frame, *(plane.frame for plane in chroma if plane))
    parts += [(frame, b"\x08" + luma.size + b"\x03" + components)]
    for number, plane in ((_LUMA, luma), (_CB, chroma[0]), (_CR, chroma[1])):
        if plane is None:
            return None
        parts += [(_DRI, b"\0\0")] * (number == _CB)  # restart intervals are the source's, not ours
        parts += [(marker, _for_component(marker, body, number)) for marker, body in plane.scans]
    return b"\xff\xd8" + b"".join(_coded(marker, body) for marker, body in parts) + b"\xff\xd9"


def luma_of(source: bytes, options: dict[str, Any]) -> bytes | None:
    """The gray JPEG inside a color one whose luma has scans of its own, as `splice` makes them, or inside a gray one.

    ``options`` are Pillow's and say what metadata to write. Returns None where luma and chroma share their scans.
    """
    luma = _parse(source) or _parse_luma(source)
    if luma is None:
        return None
    told = _encode(Image.new("L", (1, 1)), **options)
    parts = [(marker, body) for marker, body in _segments(told) if marker == _COM or 0xE0 <= marker <= 0xEF]
    parts += [(_DQT, _numbered(luma.table, 0)), (luma.frame, b"\x08" + luma.size + b"\x01" + bytes((_LUMA, 0x11, 0)))]
    parts += [(marker, _for_component(marker, body, _LUMA)) for marker, body in luma.scans]
    return b"\xff\xd8" + b"".join(_coded(marker, body) for marker, body in parts) + b"\xff\xd9"


def _parse_luma(data: bytes) -> _Gray | None:
    """The first component of a JPEG of three, if no scan of it holds another and all are of one sampling."""
    frame, head = 0, b""
    tables: dict[int, bytes] = {}
    scans: list[tuple[int, bytes]] = []
    last = 0
    for marker, body in _segments(data):
        if marker == _DQT:
            tables |= {k: v for k, v in _tables(body).items() if k not in tables}
        elif marker in _FRAMES:
            frame, head = marker, body
            if body[0] != 8 or body[5] != 3 or len({body[7 + 3 * i] for i in range(3)}) != 1:
                return None
        elif marker in (_DHT, _DRI):
            scans.append((marker, body))
        elif marker == _SOS:
            if body[0] != 1 or not head:
                return None
            if body[1] == head[6]:
                scans.append((marker, body))
                last = len(scans)
    if not last or head[8] not in tables:
        return None
    return _Gray(frame, head[1:5], tables[head[8]], tuple(scans[:last]))


def _encode(image: Image.Image, **options: Any) -> bytes:
    coded = io.BytesIO()
    image.save(coded, format="JPEG", **options)
    return coded.getvalue()


def _parse(data: bytes) -> _Gray | None:
    frame, size, table_number = 0, b"", 0
    tables: dict[int, bytes] = {}
    scans: list[tuple[int, bytes]] = []
    for marker, body in _segments(data):
        if marker == _DQT:
            if any(m == _SOS for m, _ in scans):
                return None
            tables |= _tables(body)
        elif marker in _FRAMES:
            frame, size, table_number = marker, body[1:5], body[8]
            if body[0] != 8 or body[5] != 1 or size[:2] == b"\0\0":
                return None
        elif 0xC0 < marker <= 0xCF and marker != _DHT:  # lossless, hierarchical or arithmetic
            return None
        elif marker in (_DHT, _DRI, _SOS):
            scans.append((marker, body))
    if not frame or table_number not in tables or all(m != _SOS for m, _ in scans):
        return None
    return _Gray(frame, size, tables[table_number], tuple(scans))


def _segments(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Markers and bodies; the body of a scan goes on to the next marker, entropy-coded data included."""
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF:  # fill byte
            at += 1
            continue
        if marker == _EOI:
            return
        end = at + 2 + struct.unpack_from(">H", data, at + 2)[0]
        if marker == _SOS:
            end = _end_of_scan(data, end)
        yield marker, data[at + 4 : end]
        at = end


def _end_of_scan(data: bytes, at: int) -> int:
    while (at := data.find(b"\xff", at)) >= 0 and at + 1 < len(data):
        if data[at + 1] not in (0, *_RESTARTS):
            return at
        at += 2
    return len(data)


def _tables(body: bytes) -> dict[int, bytes]:
    found = {}
    while body:
        length = 129 if body[0] >> 4 else 65
        found[body[0] & 15] = body[:length]
        body = body[length:]
    return found


def _numbered(table: bytes, number: int) -> bytes:
    return bytes((table[0] & 0xF0 | number,)) + table[1:]


def _for_component(marker: int, body: bytes, number: int) -> bytes:
    return body if marker != _SOS else body[:1] + bytes((number,)) + body[2:]


def _coded(marker: int, body: bytes) -> bytes:
    if marker != _SOS:
        return struct.pack(">BBH", 0xFF, marker, len(body) + 2) + body
    return struct.pack(">BBH", 0xFF, marker, 2 + 1 + 2 * body[0] + 3) + body


def y_plane(coded: bytes) -> UIntArray:
    """The Y plane of a JPEG."""
    with Image.open(io.BytesIO(coded)) as image:
        image.draft("L", image.size)
        return np.array(image.convert("L"))
