"""The segments of a JPEG: markers, and what stands behind them (ITU-T T.81, annex B)."""

from __future__ import annotations

import io
import re
import struct
from collections.abc import Iterator
from typing import BinaryIO, Final

from archivecolor.stills.jpeg_huffman import Table

SOI, EOI, SOS, DQT, DHT, DRI, COM = 0xD8, 0xD9, 0xDA, 0xDB, 0xC4, 0xDD, 0xFE
APP0, APP14 = 0xE0, 0xEE
FRAMES: Final = (0xC0, 0xC1, 0xC2)
"""Baseline, extended sequential, progressive: all Huffman-coded."""
OTHER_FRAMES: Final = frozenset({0xC3, 0xC5, 0xC6, 0xC7, 0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF})
"""Lossless, hierarchical and arithmetically coded ones."""
_JPEG_LS: Final = 0xF7
_MOST_SEGMENTS: Final = 10_000
_NEXT_MARKER: Final = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]", re.DOTALL)


def segments(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Markers and bodies; the body of a scan goes on to the next marker, entropy-coded data included."""
    for marker, start, end in places(data):
        if marker != EOI:
            yield marker, data[start:end]


def behind(data: bytes) -> bytes:
    """What stands behind the picture; nothing where that has no end."""
    return next((data[end:] for marker, _, end in places(data) if marker == EOI), b"")


def frame_of(file: BinaryIO) -> tuple[int, int] | None:
    """Marker and bits a sample of the frame, from the first segments of a file; None where there is none."""
    file.seek(2)
    for _ in range(_MOST_SEGMENTS):
        head = file.read(5)
        while head[1:2] == b"\xff":  # fill bytes
            head = head[1:] + file.read(1)
        if len(head) < 5 or head[0] != 0xFF or head[1] in (SOS, EOI):
            return None
        if head[1] in FRAMES or head[1] in OTHER_FRAMES or head[1] == _JPEG_LS:
            return head[1], head[4]
        file.seek(max(struct.unpack(">H", head[2:4])[0] - 3, 0), io.SEEK_CUR)
    return None


def places(data: bytes) -> Iterator[tuple[int, int, int]]:
    """Markers, and where their bodies begin and end, up to the first end of a picture."""
    at = 2
    while at + 2 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF:  # fill byte
            at += 1
            continue
        if marker == EOI:
            yield marker, at + 2, at + 2
            return
        if at + 4 > len(data):
            return
        end = at + 2 + struct.unpack_from(">H", data, at + 2)[0]
        if marker == SOS:
            end = _end_of_scan(data, end)
        yield marker, at + 4, end
        at = end


def _end_of_scan(data: bytes, at: int) -> int:
    found = _NEXT_MARKER.search(data, at)
    return found.start() if found else len(data)


def divisors(body: bytes) -> dict[int, bytes]:
    """Quantisation tables by number, each led by its precision and number, of a DQT segment."""
    found = {}
    while body:
        length = 129 if body[0] >> 4 else 65
        found[body[0] & 15] = body[:length]
        body = body[length:]
    return found


def huffman_tables(body: bytes) -> Iterator[tuple[int, Table]]:
    """Huffman tables by class and number, of a DHT segment."""
    while len(body) > 16:
        count = sum(body[1:17])
        yield body[0], Table(body[1:17], body[17 : 17 + count])
        body = body[17 + count :]
